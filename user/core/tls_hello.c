/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/tls_hello.h"

#include <errno.h>
#include <stdbool.h>

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 16384, /* bytes in one, RFC 8446 5.1 */
	MESSAGE_HELLO = 1,
	VERSION_MAJOR = 3, /* of SSL 3.0 and every TLS */
	EXTENSION_NAME = 0,
	NAME_HOST = 0,
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32,
	MORE = 0, /* verdict: bytes are missing */
};

/* Reads the message's bytes, across records. Once it has stopped it gives zeros. */
struct reader {
	const uint8_t *at;
	size_t len, pos, record, message; /* record, message: bytes left in it */
	bool stopped;
	int verdict;
};

static void stop(struct reader *r, int verdict)
{
	if (r->stopped)
		return;
	r->stopped = true;
	r->verdict = verdict;
}

static unsigned int raw_byte(struct reader *r)
{
	if (r->pos == r->len)
		stop(r, r->len < TLS_HELLO_MAX ? MORE : -EPROTO);
	return r->stopped ? 0 : r->at[r->pos++];
}

static void open_record(struct reader *r)
{
	if (raw_byte(r) != RECORD_HANDSHAKE || (!r->stopped && raw_byte(r) != VERSION_MAJOR))
		stop(r, -EPROTO);
	(void)raw_byte(r); /* the minor version says nothing, RFC 8446 5.1 */
	r->record = raw_byte(r) << 8;
	r->record |= raw_byte(r);
	if (!r->record || r->record > RECORD_MAX)
		stop(r, -EPROTO);
}

static unsigned int take_byte(struct reader *r)
{
	if (!r->stopped && !r->message)
		stop(r, -EPROTO);
	if (!r->stopped && !r->record)
		open_record(r);
	if (r->stopped)
		return 0;
	r->record--;
	r->message--;
	return raw_byte(r);
}

static size_t take(struct reader *r, int bytes)
{
	size_t n = 0;

	while (bytes--)
		n = n << 8 | take_byte(r);
	return n;
}

static void skip(struct reader *r, size_t bytes)
{
	while (bytes-- && !r->stopped)
		(void)take_byte(r);
}

/* A length of width bytes that lies between min and max. */
static size_t take_len(struct reader *r, int width, size_t min, size_t max)
{
	size_t n = take(r, width);

	if (n < min || n > max)
		stop(r, -EPROTO);
	return n;
}

/* Lower case; 0 is no character of a host name. "_" is none, but Windows networks have it. */
static char name_character(unsigned int byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
	    byte == '.' || byte == '_')
		return (char)byte;
	return 0;
}

static void read_name(struct reader *r, size_t len, char *name, size_t room)
{
	if (len >= room)
		stop(r, -EPROTO);
	if (r->stopped)
		return;
	for (size_t i = 0; i < len; i++) {
		name[i] = name_character(take_byte(r));
		if (!name[i])
			stop(r, -EPROTO);
	}
	if (name[len - 1] == '.')
		len--;
	name[len] = '\0';
	stop(r, len ? 1 : -EPROTO);
}

/* The body of the server_name extension: a list, of which RFC 6066 knows one kind. */
static void read_names(struct reader *r, size_t len, char *name, size_t room)
{
	size_t left = take_len(r, 2, 1, len > 2 ? len - 2 : 0);

	if (left + 2 != len)
		stop(r, -EPROTO);
	while (left && !r->stopped) {
		bool host = take(r, 1) == NAME_HOST;
		size_t n = take_len(r, 2, 1, left > 3 ? left - 3 : 0);

		if (host)
			read_name(r, n, name, room);
		skip(r, n);
		left -= n + 3;
	}
}

static void read_extensions(struct reader *r, char *name, size_t room)
{
	if (take(r, 2) != r->message)
		stop(r, -EPROTO);
	while (r->message && !r->stopped) {
		bool names = take(r, 2) == EXTENSION_NAME;
		size_t len = take(r, 2);

		if (len > r->message)
			stop(r, -EPROTO);
		if (names)
			read_names(r, len, name, room);
		else
			skip(r, len);
	}
}

static void read_hello(struct reader *r, char *name, size_t room)
{
	r->message = 4;
	if (take(r, 1) != MESSAGE_HELLO)
		stop(r, -EPROTO);
	r->message = take_len(r, 3, 1, TLS_HELLO_MAX);
	if (take(r, 1) != VERSION_MAJOR)
		stop(r, -EPROTO);
	skip(r, 1 + RANDOM_LEN);
	skip(r, take_len(r, 1, 0, SESSION_ID_MAX));
	skip(r, take_len(r, 2, 2, r->message)); /* ciphers */
	skip(r, take_len(r, 1, 1, r->message)); /* compressions */
	if (r->message && !r->stopped)
		read_extensions(r, name, room);
	stop(r, -ENOENT);
}

int tls_hello_sni(const uint8_t *bytes, size_t len, char *name, size_t room)
{
	struct reader r = {.at = bytes, .len = len < TLS_HELLO_MAX ? len : TLS_HELLO_MAX};

	read_hello(&r, name, room);
	return r.verdict;
}
