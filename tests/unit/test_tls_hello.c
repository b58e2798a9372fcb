/* SPDX-License-Identifier: GPL-2.0-only */
/* The name in a ClientHello: those of real clients, in one piece and in many, and broken ones. */
#include "core/tls_hello.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

/* What "openssl s_client" 3.0 sent: with a name; TLS 1.2 without; TLS 1.2 with Mail.Example.COM. */
static const uint8_t hello_tls13[] = {
	0x16, 0x03, 0x01, 0x01, 0x3d, 0x01, 0x00, 0x01, 0x39, 0x03, 0x03, 0xc2, 0x9f, 0x8c, 0xb2,
	0xb7, 0x71, 0x37, 0xde, 0x35, 0x28, 0xa2, 0x29, 0x99, 0xb7, 0xd5, 0x23, 0x14, 0x1b, 0x60,
	0xde, 0x08, 0xe8, 0x9e, 0x6e, 0xa1, 0xa8, 0xf2, 0x7b, 0x6e, 0xa9, 0xb7, 0x87, 0x20, 0xc6,
	0xa9, 0xa8, 0x88, 0x92, 0x07, 0x55, 0xd1, 0x31, 0x8a, 0x4d, 0xc3, 0x4c, 0x89, 0x85, 0xaa,
	0xa9, 0x24, 0xd9, 0xb1, 0x46, 0xa1, 0xb7, 0x79, 0xe7, 0x40, 0x76, 0xd5, 0x1e, 0x39, 0x25,
	0x14, 0x00, 0x3e, 0x13, 0x02, 0x13, 0x03, 0x13, 0x01, 0xc0, 0x2c, 0xc0, 0x30, 0x00, 0x9f,
	0xcc, 0xa9, 0xcc, 0xa8, 0xcc, 0xaa, 0xc0, 0x2b, 0xc0, 0x2f, 0x00, 0x9e, 0xc0, 0x24, 0xc0,
	0x28, 0x00, 0x6b, 0xc0, 0x23, 0xc0, 0x27, 0x00, 0x67, 0xc0, 0x0a, 0xc0, 0x14, 0x00, 0x39,
	0xc0, 0x09, 0xc0, 0x13, 0x00, 0x33, 0x00, 0x9d, 0x00, 0x9c, 0x00, 0x3d, 0x00, 0x3c, 0x00,
	0x35, 0x00, 0x2f, 0x00, 0xff, 0x01, 0x00, 0x00, 0xb2, 0x00, 0x00, 0x00, 0x15, 0x00, 0x13,
	0x00, 0x00, 0x10, 0x6d, 0x61, 0x69, 0x6c, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65,
	0x2e, 0x63, 0x6f, 0x6d, 0x00, 0x0b, 0x00, 0x04, 0x03, 0x00, 0x01, 0x02, 0x00, 0x0a, 0x00,
	0x16, 0x00, 0x14, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x1e, 0x00, 0x19, 0x00, 0x18, 0x01, 0x00,
	0x01, 0x01, 0x01, 0x02, 0x01, 0x03, 0x01, 0x04, 0x00, 0x23, 0x00, 0x00, 0x00, 0x16, 0x00,
	0x00, 0x00, 0x17, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x2a, 0x00, 0x28, 0x04, 0x03, 0x05, 0x03,
	0x06, 0x03, 0x08, 0x07, 0x08, 0x08, 0x08, 0x09, 0x08, 0x0a, 0x08, 0x0b, 0x08, 0x04, 0x08,
	0x05, 0x08, 0x06, 0x04, 0x01, 0x05, 0x01, 0x06, 0x01, 0x03, 0x03, 0x03, 0x01, 0x03, 0x02,
	0x04, 0x02, 0x05, 0x02, 0x06, 0x02, 0x00, 0x2b, 0x00, 0x09, 0x08, 0x03, 0x04, 0x03, 0x03,
	0x03, 0x02, 0x03, 0x01, 0x00, 0x2d, 0x00, 0x02, 0x01, 0x01, 0x00, 0x33, 0x00, 0x26, 0x00,
	0x24, 0x00, 0x1d, 0x00, 0x20, 0xd0, 0xa0, 0x7a, 0xed, 0x2d, 0x41, 0xbb, 0xad, 0x7d, 0xe2,
	0x75, 0x19, 0x80, 0x0a, 0x90, 0xe7, 0xfc, 0x5e, 0x68, 0xe6, 0xb6, 0xd8, 0x8c, 0x76, 0xb1,
	0xb7, 0x37, 0x89, 0x4f, 0xdb, 0x18, 0x1f,
};

static const uint8_t hello_no_name[] = {
	0x16, 0x03, 0x01, 0x00, 0xb7, 0x01, 0x00, 0x00, 0xb3, 0x03, 0x03, 0x6f, 0x14, 0x9c, 0x00,
	0x6c, 0x2d, 0x80, 0xe3, 0x46, 0xf4, 0x0e, 0xc3, 0x8c, 0xb3, 0x80, 0x85, 0x72, 0x5f, 0xe5,
	0xd2, 0x4a, 0x08, 0x59, 0x84, 0xd4, 0xd1, 0x70, 0x5f, 0x92, 0xc3, 0x8e, 0x31, 0x00, 0x00,
	0x38, 0xc0, 0x2c, 0xc0, 0x30, 0x00, 0x9f, 0xcc, 0xa9, 0xcc, 0xa8, 0xcc, 0xaa, 0xc0, 0x2b,
	0xc0, 0x2f, 0x00, 0x9e, 0xc0, 0x24, 0xc0, 0x28, 0x00, 0x6b, 0xc0, 0x23, 0xc0, 0x27, 0x00,
	0x67, 0xc0, 0x0a, 0xc0, 0x14, 0x00, 0x39, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x33, 0x00, 0x9d,
	0x00, 0x9c, 0x00, 0x3d, 0x00, 0x3c, 0x00, 0x35, 0x00, 0x2f, 0x00, 0xff, 0x01, 0x00, 0x00,
	0x52, 0x00, 0x0b, 0x00, 0x04, 0x03, 0x00, 0x01, 0x02, 0x00, 0x0a, 0x00, 0x0c, 0x00, 0x0a,
	0x00, 0x1d, 0x00, 0x17, 0x00, 0x1e, 0x00, 0x19, 0x00, 0x18, 0x00, 0x23, 0x00, 0x00, 0x00,
	0x16, 0x00, 0x00, 0x00, 0x17, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x2a, 0x00, 0x28, 0x04, 0x03,
	0x05, 0x03, 0x06, 0x03, 0x08, 0x07, 0x08, 0x08, 0x08, 0x09, 0x08, 0x0a, 0x08, 0x0b, 0x08,
	0x04, 0x08, 0x05, 0x08, 0x06, 0x04, 0x01, 0x05, 0x01, 0x06, 0x01, 0x03, 0x03, 0x03, 0x01,
	0x03, 0x02, 0x04, 0x02, 0x05, 0x02, 0x06, 0x02,
};

static const uint8_t hello_tls12[] = {
	0x16, 0x03, 0x01, 0x00, 0x9c, 0x01, 0x00, 0x00, 0x98, 0x03, 0x03, 0x07, 0xf8, 0x91, 0x9b,
	0x53, 0xa6, 0xa9, 0x7f, 0xd1, 0x75, 0xfd, 0x6a, 0xfa, 0x0f, 0x92, 0x4c, 0x06, 0x1b, 0x55,
	0x9d, 0xf3, 0x02, 0xb2, 0x31, 0xc2, 0x41, 0xfe, 0x81, 0x86, 0xc1, 0x33, 0x37, 0x00, 0x00,
	0x04, 0xc0, 0x2f, 0x00, 0xff, 0x01, 0x00, 0x00, 0x6b, 0x00, 0x00, 0x00, 0x15, 0x00, 0x13,
	0x00, 0x00, 0x10, 0x4d, 0x61, 0x69, 0x6c, 0x2e, 0x45, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65,
	0x2e, 0x43, 0x4f, 0x4d, 0x00, 0x0b, 0x00, 0x04, 0x03, 0x00, 0x01, 0x02, 0x00, 0x0a, 0x00,
	0x0c, 0x00, 0x0a, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x1e, 0x00, 0x19, 0x00, 0x18, 0x00, 0x23,
	0x00, 0x00, 0x00, 0x16, 0x00, 0x00, 0x00, 0x17, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x2a, 0x00,
	0x28, 0x04, 0x03, 0x05, 0x03, 0x06, 0x03, 0x08, 0x07, 0x08, 0x08, 0x08, 0x09, 0x08, 0x0a,
	0x08, 0x0b, 0x08, 0x04, 0x08, 0x05, 0x08, 0x06, 0x04, 0x01, 0x05, 0x01, 0x06, 0x01, 0x03,
	0x03, 0x03, 0x01, 0x03, 0x02, 0x04, 0x02, 0x05, 0x02, 0x06, 0x02,
};

struct hello {
	uint8_t bytes[2 * TLS_HELLO_MAX];
	size_t len;
};

static struct hello copy_of(const uint8_t *bytes, size_t len)
{
	struct hello h = {.len = len};

	memcpy(h.bytes, bytes, len);
	return h;
}

/* From a heap block of the exact size, so that sanitizers see a byte too many. */
static int look(const uint8_t *bytes, size_t len, char *name, size_t room)
{
	uint8_t *copy = malloc(len + !len);
	char *to = malloc(room + !room);
	int found;

	memcpy(copy, bytes, len);
	found = tls_hello_sni(copy, len, to, room);
	if (found == 1)
		memcpy(name, to, strlen(to) + 1);
	free(to);
	free(copy);
	return found;
}

static const struct {
	const uint8_t *bytes;
	size_t len;
	const char *name; /* NULL: none */
} real_hellos[] = {
	{hello_tls13,   sizeof(hello_tls13),   "mail.example.com"},
	{hello_no_name, sizeof(hello_no_name), NULL              },
	{hello_tls12,   sizeof(hello_tls12),   "mail.example.com"},
};

static void hellos_of_real_clients_give_their_names(void **state)
{
	char name[TLS_HELLO_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_COUNT(real_hellos); i++) {
		int found = look(real_hellos[i].bytes, real_hellos[i].len, name, sizeof(name));

		assert_int_equal(found, real_hellos[i].name ? 1 : -ENOENT);
		if (found == 1)
			assert_string_equal(name, real_hellos[i].name);
	}
}

/* Cuts the one record of a hello into records of size bytes. */
static struct hello in_records_of(const uint8_t *bytes, size_t len, size_t size)
{
	struct hello h = {};

	for (size_t at = 5; at < len; at += size) {
		size_t n = len - at < size ? len - at : size;
		const uint8_t head[] = {bytes[0], bytes[1], bytes[2], n >> 8, n & 255};

		memcpy(h.bytes + h.len, head, sizeof(head));
		memcpy(h.bytes + h.len + sizeof(head), bytes + at, n);
		h.len += sizeof(head) + n;
	}
	return h;
}

static void the_name_is_found_across_records_of_any_size(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 5, 7, 50, 100, 4096};
	char name[TLS_HELLO_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_COUNT(real_hellos) * ARRAY_COUNT(sizes); i++) {
		size_t which = i / ARRAY_COUNT(sizes);
		struct hello h = in_records_of(real_hellos[which].bytes, real_hellos[which].len,
					       sizes[i % ARRAY_COUNT(sizes)]);

		assert_int_equal(look(h.bytes, h.len, name, sizeof(name)),
				 real_hellos[which].name ? 1 : -ENOENT);
	}
}

static void every_part_of_a_hello_asks_for_more_until_the_name_is_whole(void **state)
{
	char name[TLS_HELLO_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_COUNT(real_hellos); i++) {
		int last = 0;

		for (size_t len = 0; len <= real_hellos[i].len; len++) {
			int found = look(real_hellos[i].bytes, len, name, sizeof(name));

			assert_true(found == 0 || found == (real_hellos[i].name ? 1 : -ENOENT));
			assert_true(found || !last);
			last = found;
		}
		assert_int_not_equal(last, 0);
	}
}

/* A hello whose server_name extension holds these bytes; with the lengths around it right. */
static struct hello hello_with(const void *body, size_t body_len)
{
	struct hello h = {.len = 5 + 4};

	h.bytes[h.len++] = 3;
	h.bytes[h.len] = 3;
	h.len += 1 + 32 + 1; /* random, no session id */
	memcpy(h.bytes + h.len, "\0\x02\x13\x01\x01\0", 6);
	h.len += 6;
	h.bytes[h.len++] = (body_len + 4) >> 8;
	h.bytes[h.len++] = (body_len + 4) & 255;
	h.len += 2; /* type 0 */
	h.bytes[h.len++] = body_len >> 8;
	h.bytes[h.len++] = body_len & 255;
	memcpy(h.bytes + h.len, body, body_len);
	h.len += body_len;
	memcpy(h.bytes, "\x16\x03\x01", 3);
	h.bytes[3] = (h.len - 5) >> 8;
	h.bytes[4] = (h.len - 5) & 255;
	h.bytes[5] = 1;
	h.bytes[7] = (h.len - 9) >> 8;
	h.bytes[8] = (h.len - 9) & 255;
	return h;
}

#define BODY(text) text, sizeof(text) - 1

static void the_extension_is_read_strictly(void **state)
{
	static const struct {
		const char *body;
		size_t len;
		int found;
		const char *name;
	} cases[] = {
		{BODY("\0\x06\0\0\x03"
		      "a.b"),
		 1,				       "a.b"},
		{BODY("\0\x07\0\0\x04"
		      "A.b."),
		 1,				       "a.b"},
		{BODY("\0\x06\0\0\x03"
		      "a_-"),
		 1,				       "a_-"},
		{BODY("\0\x0b\x07\0\x02??\0\0\x03"
		      "a.b"),
		 1,				       "a.b"}, /* after an unknown kind */
		{BODY("\0\x05\x07\0\x02??"),     -ENOENT, NULL },
		{BODY(""),                       -EPROTO, NULL },
		{BODY("\0"),                     -EPROTO, NULL },
		{BODY("\0\0"),                   -EPROTO, NULL },
		{BODY("\0\x07\0\0\x03"
		      "a.b"),
		 -EPROTO,				 NULL },
		{BODY("\0\x05\0\0\x03"
		      "a.b"),
		 -EPROTO,				 NULL },
		{BODY("\0\x06\0\0\x03"
		      "a.b??"),
		 -EPROTO,				 NULL },
		{BODY("\0\x06\0\0\x04"
		      "a.b"),
		 -EPROTO,				 NULL },
		{BODY("\0\x03\0\0\0"),           -EPROTO, NULL },
		{BODY("\0\x04\0\0\x01."),        -EPROTO, NULL },
		{BODY("\0\x06\0\0\x03"
		      "a b"),
		 -EPROTO,				 NULL },
		{BODY("\0\x06\0\0\x03"
		      "a\0b"),
		 -EPROTO,				 NULL },
		{BODY("\0\x06\0\0\x03"
		      "a/b"),
		 -EPROTO,				 NULL },
		{BODY("\0\x06\0\0\x03"
		      "a\xff"
		      "b"),
		 -EPROTO,				 NULL },
	};
	char name[TLS_HELLO_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct hello h = hello_with(cases[i].body, cases[i].len);

		if (look(h.bytes, h.len, name, sizeof(name)) != cases[i].found)
			fail_msg("case %zu", i);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
	}
}

static void a_name_fits_its_room_or_is_refused(void **state)
{
	char body[5 + 300] = "", name[TLS_HELLO_NAME_MAX + 1];

	for (size_t len = 250; len < 300; len++) {
		struct hello h;

		memset(body + 5, 'x', len);
		body[0] = (char)((len + 3) >> 8);
		body[1] = (char)(len + 3);
		body[3] = (char)(len >> 8);
		body[4] = (char)len;
		h = hello_with(body, len + 5);
		assert_int_equal(look(h.bytes, h.len, name, sizeof(name)),
				 len <= TLS_HELLO_NAME_MAX ? 1 : -EPROTO);
		assert_int_equal(look(h.bytes, h.len, name, 251), len <= 250 ? 1 : -EPROTO);
		assert_int_equal(look(h.bytes, h.len, name, 0), -EPROTO);
	}
}

static void what_is_no_hello_is_known_at_once(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
	} cases[] = {
		{"HTTP",                      BODY("G")                                 },
		{"SSH",                       BODY("S")				 },
		{"an alert",                  BODY("\x15")                              },
		{"SSL 2",                     BODY("\x16\x02")                          },
		{"an empty record",           BODY("\x16\x03\x01\0\0")                  },
		{"a record that is too long", BODY("\x16\x03\x01\x40\x01")              },
		{"a ServerHello",             BODY("\x16\x03\x01\0\x40\x02")            },
		{"an empty hello",            BODY("\x16\x03\x01\0\x40\x01\0\0\0")      },
		{"a hello that is too long",  BODY("\x16\x03\x01\0\x40\x01\0\x40\x01")  },
		{"a hello of version 2",      BODY("\x16\x03\x01\0\x40\x01\0\0\x60\x02")},
	};
	char name[TLS_HELLO_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (look((const uint8_t *)cases[i].bytes, cases[i].len, name, sizeof(name)) !=
		    -EPROTO)
			fail_msg("%s", cases[i].what);
		if (look((const uint8_t *)cases[i].bytes, cases[i].len - 1, name, sizeof(name)))
			fail_msg("%s, too early", cases[i].what);
	}
}

static void lengths_that_lie_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{8,  40  }, /* the message ends in the ciphers */
		{43, 33  }, /* session id */
		{44, 0xff}, /* ciphers */
		{45, 0   },
                {48, 0   }, /* compressions */
		{48, 0xff},
                {51, 3   }, /* extensions: fewer than there are, more */
		{51, 200 },
                {55, 100 }, /* one extension */
	};
	char name[TLS_HELLO_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct hello h = hello_with(BODY("\0\x06\0\0\x03"
						 "a.b"));

		assert_int_equal(look(h.bytes, h.len, name, sizeof(name)), 1);
		h.bytes[cases[i].at] = cases[i].value;
		if (look(h.bytes, h.len, name, sizeof(name)) != -EPROTO)
			fail_msg("case %zu", i);
	}
}

static void a_hello_without_extensions_has_no_name(void **state)
{
	struct hello h = hello_with("", 0);
	char name[4];

	h.len = 5 + 4 + 41;
	h.bytes[4] = 45;
	h.bytes[8] = 41;
	assert_int_equal(look(h.bytes, h.len, name, sizeof(name)), -ENOENT);
}

/* The captured hello announces 16000 bytes more than it has, and they come in tiny records, whose
 * headers use up what we wait for. */
static void no_more_than_the_most_is_waited_for(void **state)
{
	struct hello h = copy_of(hello_no_name, sizeof(hello_no_name));
	size_t extensions = 5 + 4 + 2 + 32;
	char name[TLS_HELLO_NAME_MAX + 1];

	extensions += 1 + h.bytes[extensions];
	extensions += 2 + (h.bytes[extensions] << 8) + h.bytes[extensions + 1];
	extensions += 1 + h.bytes[extensions];
	h.bytes[7] += 0x3e;
	h.bytes[extensions] += 0x3e;
	while (h.len < TLS_HELLO_MAX) {
		static const uint8_t extension[] = {22, 3, 1, 0, 4, 0xaa, 0xaa, 0, 0};

		assert_int_equal(look(h.bytes, h.len, name, sizeof(name)), 0);
		memcpy(h.bytes + h.len, extension, sizeof(extension));
		h.len += sizeof(extension);
	}
	assert_int_equal(look(h.bytes, h.len, name, sizeof(name)), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hellos_of_real_clients_give_their_names),
		cmocka_unit_test(the_name_is_found_across_records_of_any_size),
		cmocka_unit_test(every_part_of_a_hello_asks_for_more_until_the_name_is_whole),
		cmocka_unit_test(the_extension_is_read_strictly),
		cmocka_unit_test(a_name_fits_its_room_or_is_refused),
		cmocka_unit_test(what_is_no_hello_is_known_at_once),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(a_hello_without_extensions_has_no_name),
		cmocka_unit_test(no_more_than_the_most_is_waited_for),
	};

	return cmocka_run_group_tests_name("tls_hello", tests, NULL, NULL);
}
