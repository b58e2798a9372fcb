/* SPDX-License-Identifier: GPL-2.0-only */
/* An engine between clients and servers that are sockets on loopback, all on one thread. Includers
 * include cmocka's headers first. */
#ifndef LBXDP_TESTS_PROXY_LAB_H
#define LBXDP_TESTS_PROXY_LAB_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/loop.h"
#include "io/sock.h"
#include "proxy/engine.h"

enum { SERVICE = 7, PATIENCE = 8000 /* ms */ };

static struct loop *loop;
static struct engine *engine;
static struct proxy_shared *shared;
static struct proxy_service settings;
static struct proxy_endpoint front;

static void stop_turn(struct timer *t)
{
	loop_stop(t->loop);
}

/* The engine does what there is to do for so long. */
static void turn_for(unsigned int msec)
{
	struct timer t = {.fn = stop_turn};

	timer_start(loop, &t, msec);
	assert_int_equal(loop_run(loop), 0);
}

static inline void turn(void)
{
	turn_for(1);
}

#define until(condition)                                                                           \
	do {                                                                                       \
		uint64_t end_ = clock_msec() + PATIENCE;                                           \
		while (!(condition)) {                                                             \
			if (clock_msec() > end_)                                                   \
				fail_msg("never came true: %s", #condition);                       \
			turn_for(0);                                                               \
		}                                                                                  \
	} while (0)

/* A listening socket on address, port 0: any. Returns its port. */
static int listen_at(const char *address, uint16_t *port)
{
	struct sockaddr_storage sa;
	struct addr a;
	socklen_t len;
	int fd, one = 1;

	assert_int_equal(addr_parse(&a, address), 0);
	len = addr_to_sockaddr(&a, *port, &sa);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(fd, 4096), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(addr_from_sockaddr(&a, port, (struct sockaddr *)&sa), 0);
	return fd;
}

static int order_fd(enum proxy_order_kind kind, uint32_t id, const void *u, size_t len, int fd)
{
	struct proxy_order o = {.kind = kind, .id = id};

	if (len)
		memcpy(&o.u, u, len);
	return engine_obey(engine, &o, fd);
}

static void order(enum proxy_order_kind kind, uint32_t id, const void *u, size_t len)
{
	assert_int_equal(order_fd(kind, id, u, len, -1), 0);
}

static void order_service(void)
{
	order(PROXY_ORDER_SERVICE, SERVICE, &settings, sizeof(settings));
}

/* Of sessions to come. */
static inline void order_splice(bool on)
{
	settings.flags = (settings.flags & ~PROXY_SERVICE_COPY) | (on ? 0 : PROXY_SERVICE_COPY);
	order_service();
}

static inline void order_real(uint32_t id, const char *ip, uint16_t port, unsigned int flags)
{
	struct proxy_real r = {.service = SERVICE, .weight = 1, .port = port, .flags = flags};

	assert_int_equal(addr_parse(&r.ip, ip), 0);
	order(PROXY_ORDER_REAL, id, &r, sizeof(r));
}

static void order_listen(const char *vip)
{
	int fd;

	front = (struct proxy_endpoint){};
	fd = listen_at(vip, &front.port);
	assert_int_equal(addr_parse(&front.vip, vip), 0);
	assert_int_equal(order_fd(PROXY_ORDER_LISTEN, SERVICE, &front, sizeof(front), fd), 0);
}

/* A loop and what all processes share, as a descriptor; -1 when there is none. */
static inline int lab_begin(void)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);

	loop = loop_new();
	if (!loop || fd < 0 || ftruncate(fd, sizeof(*shared)))
		return -1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return shared == MAP_FAILED ? -1 : fd;
}

static inline int lab_up(void **state)
{
	int fd = lab_begin();

	engine = fd < 0 ? NULL : engine_new(loop, 1);
	if (!engine || order_fd(PROXY_ORDER_SHARED, 0, NULL, 0, fd))
		return -1;
	settings = (struct proxy_service){
		.name = "S",
		.connect = 2000,
		.client = 60000,
		.server = 60000,
	};
	order_service();
	order_listen("127.0.0.1");
	return 0;
}

static inline int lab_down(void **state)
{
	engine_free(engine);
	loop_free(loop);
	munmap(shared, sizeof(*shared));
	return 0;
}

static inline int dial_from(const struct proxy_endpoint *to)
{
	int fd, err = sock_connect(&fd, &to->vip, to->port, false);

	assert_int_equal(err, 0);
	return fd;
}

static int accepted;

static bool accepts(int listening)
{
	accepted = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return accepted >= 0;
}

/* The other end of the session that a client began. */
static inline int take_session(int listening)
{
	until(accepts(listening));
	return accepted;
}

static char got[65536];
static ssize_t got_len;

static inline bool gets_something(int fd)
{
	got_len = recv(fd, got, sizeof(got) - 1, 0);
	if (got_len < 0 && errno == EAGAIN)
		return false;
	got[got_len > 0 ? got_len : 0] = '\0';
	return true;
}

#define assert_receives(fd, text)                                                                  \
	do {                                                                                       \
		until(gets_something(fd));                                                         \
		assert_string_equal(got, text);                                                    \
	} while (0)

#define assert_end(fd)                                                                             \
	do {                                                                                       \
		until(gets_something(fd));                                                         \
		assert_int_equal(got_len, 0);                                                      \
	} while (0)

#define assert_reset(fd)                                                                           \
	do {                                                                                       \
		until(gets_something(fd));                                                         \
		assert_int_equal(got_len, -1);                                                     \
		assert_int_equal(errno, ECONNRESET);                                               \
	} while (0)

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void hang_up(int fd, bool reset)
{
	if (reset)
		sock_abort(fd);
	close(fd);
}

static inline int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
