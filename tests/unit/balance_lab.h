/* SPDX-License-Identifier: GPL-2.0-only */
/* Two processes' worth of engines on one loop and one shared memory, each with a listener of its
 * own, so that a test says which of them gets a client. Includers include cmocka's headers first.
 */
#ifndef LBXDP_TESTS_BALANCE_LAB_H
#define LBXDP_TESTS_BALANCE_LAB_H

#include <sys/eventfd.h>

#include "proxy/internal.h"
#include "proxy_lab.h"

enum { R1 = 21, R2 = 22, R3 = 23, REALS = 3, ENGINES = 2, USABLE = PROXY_REAL_USABLE };

static struct engine *engines[ENGINES];
static struct proxy_endpoint fronts[ENGINES];
static int listening[REALS];
static struct proxy_real reals[REALS];

static inline void say_service(void)
{
	for (int i = 0; i < ENGINES; i++) {
		engine = engines[i];
		order_service();
	}
}

/* The row of R1 + i as it is in reals, to both. */
static inline void say_real(int i)
{
	for (int n = 0; n < ENGINES; n++) {
		engine = engines[n];
		order(PROXY_ORDER_REAL, R1 + i, &reals[i], sizeof(reals[i]));
	}
}

static inline void usable(int i, uint32_t weight)
{
	reals[i].flags = USABLE;
	reals[i].weight = weight;
	say_real(i);
}

static inline void drained(int i)
{
	reals[i].flags = 0;
	say_real(i);
}

static inline void one_engine_up(int i, int memory)
{
	engine = engines[i] = engine_new(loop, i + 1);
	assert_non_null(engine);
	assert_int_equal(order_fd(PROXY_ORDER_SHARED, 0, NULL, 0, dup(memory)), 0);
	order_service();
	order_listen("127.0.0.1");
	fronts[i] = front;
}

/* Bells as main hands them out. */
static inline void give_bells(void)
{
	for (int of = 0; of < ENGINES; of++) {
		int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		for (int i = 0; i < ENGINES; i++) {
			engine = engines[i];
			assert_int_equal(order_fd(PROXY_ORDER_BELL, of + 1, NULL, 0, dup(fd)), 0);
		}
		close(fd);
	}
}

static inline int balance_up(void **state)
{
	int memory = lab_begin();

	if (memory < 0)
		return -1;
	settings = (struct proxy_service){
		.name = "S",
		.connect = 2000,
		.client = 60000,
		.server = 60000,
		.queue = 60000,
		.persist_bits = 32,
		.persist6_bits = 128,
	};
	for (int i = 0; i < ENGINES; i++)
		one_engine_up(i, memory);
	close(memory);
	for (int i = 0; i < REALS; i++) {
		reals[i] = (struct proxy_real){.service = SERVICE};
		listening[i] = listen_at("127.0.0.1", &reals[i].port);
		addr_parse(&reals[i].ip, "127.0.0.1");
	}
	return 0;
}

static inline int balance_down(void **state)
{
	for (int i = 0; i < ENGINES; i++)
		engine_free(engines[i]);
	loop_free(loop);
	munmap(shared, sizeof(*shared));
	for (int i = 0; i < REALS; i++)
		close(listening[i]);
	return 0;
}

static inline uint32_t current(uint32_t real)
{
	return shared->real_current[1][real] + shared->real_current[2][real];
}

static inline uint32_t sessions(void)
{
	return engine_sessions(engines[0]) + engine_sessions(engines[1]);
}

static inline uint32_t waiting(void)
{
	return shared->service_queued[1][SERVICE] + shared->service_queued[2][SERVICE];
}

/* A client of that engine, from an address or any (NULL). */
static inline int client_of(int i, const char *from)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	struct sockaddr_storage to;
	socklen_t len = addr_to_sockaddr(&fronts[i].vip, fronts[i].port, &to);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, from ? from : "127.0.0.1", &sa.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* The real whose session it became; accepted is the server's end. */
static inline bool arrives(int *at)
{
	for (*at = 0; *at < REALS; ++*at)
		if (accepts(listening[*at]))
			return true;
	return false;
}

static inline int where(int i, const char *from, int *client)
{
	int at;

	*client = client_of(i, from);
	until(arrives(&at));
	return at;
}

/* The same, over at once. */
static inline int where_once(int i, const char *from)
{
	uint32_t before = sessions();
	int client, at = where(i, from, &client);

	close(accepted);
	close(client);
	until(sessions() == before);
	return at;
}

/* A client that will wait: its number is what its server reads. */
static inline int queue_up(int i, char number)
{
	uint32_t before = waiting();
	int fd = client_of(i, NULL);

	assert_int_equal(send(fd, &number, 1, MSG_NOSIGNAL), 1);
	until(waiting() == before + 1);
	return fd;
}

#endif
