/* SPDX-License-Identifier: GPL-2.0-only */
/* An engine in HTTP mode between clients and two reals. Includers include cmocka's headers first.
 */
#ifndef LBXDP_TESTS_HTTP_LAB_H
#define LBXDP_TESTS_HTTP_LAB_H

#include "proxy_lab.h"

enum { R1 = 21, R2 = 22, USABLE = PROXY_REAL_USABLE };

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"

static int listening[2];
static uint16_t port[2];

static inline void order_real_row(int i, struct proxy_real r)
{
	r.service = SERVICE;
	r.weight = 1;
	r.port = port[i];
	(void)snprintf(r.name, sizeof(r.name), "R%d", i + 1);
	assert_int_equal(addr_parse(&r.ip, "127.0.0.1"), 0);
	order(PROXY_ORDER_REAL, R1 + i, &r, sizeof(r));
}

static inline void order_named_real(int i, unsigned int flags)
{
	order_real_row(i, (struct proxy_real){.flags = flags});
}

static inline void order_limited_real(int i, uint32_t most)
{
	order_real_row(i, (struct proxy_real){.flags = USABLE, .max_connections = most});
}

static inline int http_up(void **state)
{
	if (lab_up(state))
		return -1;
	settings.flags = PROXY_SERVICE_HTTP;
	settings.request = 60000;
	settings.tunnel = 60000;
	settings.request_buffer = 16384;
	order_service();
	for (int i = 0; i < 2; i++) {
		port[i] = 0;
		listening[i] = listen_at("127.0.0.1", &port[i]);
	}
	order_named_real(0, USABLE);
	return 0;
}

static inline int http_down(void **state)
{
	close(listening[0]);
	close(listening[1]);
	return lab_down(state);
}

static char read_text[1 << 20];
static size_t read_len;

/* Takes what is there. False: there is less than len, and no end. */
static inline bool has_read(int fd, size_t len)
{
	while (read_len < len) {
		ssize_t n = recv(fd, read_text + read_len, len - read_len, 0);

		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			return true;
		read_len += n;
	}
	return true;
}

/* The next bytes are these; what follows stays in the kernel. */
#define assert_reads(fd, text)                                                                     \
	do {                                                                                       \
		read_len = 0;                                                                      \
		until(has_read(fd, strlen(text)));                                                 \
		read_text[read_len] = '\0';                                                        \
		assert_string_equal(read_text, text);                                              \
	} while (0)

/* All until the end, into read_text. */
#define read_all(fd)                                                                               \
	do {                                                                                       \
		read_len = 0;                                                                      \
		until(has_read(fd, sizeof(read_text) - 1) && (read_text[read_len] = '\0', true));  \
	} while (0)

/* Turns the engine as often as it takes for what is there to get through, and then says that there
 * is nothing to read. */
#define assert_silent(fd)                                                                          \
	do {                                                                                       \
		for (int turn_ = 0; turn_ < 20; turn_++)                                           \
			turn_for(0);                                                               \
		assert_false(gets_something(fd));                                                  \
	} while (0)

static inline void say_in_pieces(int fd, const char *text, size_t piece)
{
	for (size_t left = strlen(text), n; left; left -= n, text += n) {
		n = left < piece ? left : piece;
		assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
		turn_for(0);
	}
}

static inline bool begins_with(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* A client that has been served once: its connection is kept, and the server's, which is too. */
static inline int kept(int *server)
{
	int client = dial_from(&front);

	say(client, GET);
	*server = take_session(listening[0]);
	assert_reads(*server, GET);
	say(*server, OK_2);
	assert_reads(client, OK_2);
	return client;
}

#endif
