/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "proxy/blobs.h"
#include "proxy/sockets.h"
#include "proxy/tickets.h"

struct process {
	struct proxy_client *client;
	struct channel channel;
	int bell; /* an eventfd: a place in a queue is free */
	bool connected;
};

struct proxy_client {
	struct loop *loop;
	struct proxy_client_events events;
	int memory; /* the memfd behind shared */
	struct proxy_shared *shared;
	struct tickets tickets;
	int log;             /* the file of session logs; -1: each process' own log */
	struct plan *rows;   /* in force: services, reals, rules, blobs */
	struct blobs *blobs; /* what the rows of blobs stand for */
	struct sockets sockets;
	uint32_t limit;
	struct plan_sink sink;
	unsigned int count;
	struct process process[];
};

static int say(struct process *p, const struct proxy_order *o, int fd)
{
	return channel_send(&p->channel, o, sizeof(*o), fd);
}

/* To every process. One that is gone gets it when it is connected again. */
static int say_all(struct proxy_client *c, const struct proxy_order *o, int fd)
{
	int err = 0;

	for (unsigned int i = 0; i < c->count; i++) {
		int e = c->process[i].connected ? say(&c->process[i], o, fd) : 0;

		if (e && e != -EPIPE)
			err = e;
	}
	return err;
}

/* The part of process index; the first get what does not divide evenly. */
static uint32_t share_of(const struct proxy_client *c, unsigned int index)
{
	return c->limit / c->count + (index < c->limit % c->count);
}

static int say_limit(struct proxy_client *c, unsigned int index)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LIMIT, .u.limit = share_of(c, index)};

	return say(&c->process[index], &o, -1);
}

static int say_shared(struct process *p)
{
	struct proxy_order o = {.kind = PROXY_ORDER_SHARED};

	return say(p, &o, p->client->memory);
}

static int say_bells(struct proxy_client *c, struct process *p)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < c->count; i++) {
		struct proxy_order o = {.kind = PROXY_ORDER_BELL, .id = i};

		err = say(p, &o, c->process[i].bell);
	}
	return err;
}

static int say_log(struct process *p)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LOG};

	return say(p, &o, p->client->log);
}

/* How the rows of a table are said. */
#define ORDER_AT(member)                                                                           \
	offsetof(struct proxy_order, member), sizeof(((struct proxy_order *)0)->member)
/* clang-format off */
static const struct {
	enum proxy_order_kind put, gone;
	size_t key, key_len, value, value_len;
} wording[PLAN_TABLE_COUNT] = {
	[PLAN_PROXY_SERVICES] = {PROXY_ORDER_SERVICE, PROXY_ORDER_SERVICE_GONE,
				 ORDER_AT(id), ORDER_AT(u.service)},
	[PLAN_PROXY_REALS] =    {PROXY_ORDER_REAL, PROXY_ORDER_REAL_GONE,
				 ORDER_AT(id), ORDER_AT(u.real)},
	[PLAN_PROXY_RULES] =    {PROXY_ORDER_RULE, PROXY_ORDER_RULE_GONE,
				 ORDER_AT(u.rule.key), ORDER_AT(u.rule.row)},
	[PLAN_PROXY_BLOBS] =    {PROXY_ORDER_BLOB, PROXY_ORDER_BLOB_GONE,
				 ORDER_AT(u.blob), 0, 0},
};
/* clang-format on */

static struct proxy_order order_of_row(enum plan_table t, const void *key, const void *value)
{
	struct proxy_order o = {.kind = value ? wording[t].put : wording[t].gone};

	memcpy((char *)&o + wording[t].key, key, wording[t].key_len);
	if (value)
		memcpy((char *)&o + wording[t].value, value, wording[t].value_len);
	return o;
}

/* The descriptor that goes with a row, -1: none. */
static int fd_of_row(const struct proxy_client *c, enum plan_table t, const void *key)
{
	return t == PLAN_PROXY_BLOBS ? blobs_fd(c->blobs, key) : -1;
}

static struct proxy_order order_of_listener(const struct listening *l)
{
	return (struct proxy_order){
		.kind = PROXY_ORDER_LISTEN, .id = l->service, .u.endpoint = l->at};
}

static int say_table(struct proxy_client *c, struct process *p, enum plan_table t)
{
	int err = 0;

	for (size_t i = 0; !err && i < plan_count(c->rows, t); i++) {
		struct proxy_order o =
			order_of_row(t, plan_key(c->rows, t, i), plan_value(c->rows, t, i));

		err = say(p, &o, fd_of_row(c, t, plan_key(c->rows, t, i)));
	}
	return err;
}

static int say_listeners(struct proxy_client *c, struct process *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->sockets.count; i++) {
		struct proxy_order o = order_of_listener(&c->sockets.row[i]);

		err = say(p, &o, c->sockets.row[i].fd);
	}
	return err;
}

/* The sessions of a process that died are over. A hole reads as zeros and takes no memory. */
static void take_back_gauges(struct proxy_client *c, unsigned int index)
{
	int err = 0;

	for (const struct proxy_column *g = proxy_columns; g < proxy_columns + PROXY_COLUMN_COUNT;
	     g++)
		if (fallocate(c->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      g->at + index * g->len, g->len))
			err = -errno;
	__atomic_store_n(&c->shared->session_rows[index], 0, __ATOMIC_RELAXED);
	if (err)
		log_error("proxy %u: cannot clear its session counts: %s", index, strerror(-err));
}

static void disconnect(struct process *p)
{
	if (!p->connected)
		return;
	p->connected = false;
	channel_fini(&p->channel);
}

static void take_message(struct channel *ch, const void *bytes, size_t len, int fd)
{
	if (fd >= 0)
		close(fd);
	log_error("message of %zu bytes from a proxy process is not understood", len);
}

static void process_is_gone(struct channel *ch)
{
	struct process *p = container_of(ch, struct process, channel);
	struct proxy_client *c = p->client;
	unsigned int index = p - c->process;

	disconnect(p);
	take_back_gauges(c, index);
	c->events.lost(c->events.arg, index);
}

static int put_listener(struct proxy_client *c, const struct proxy_endpoint *at, uint32_t service)
{
	int err;
	struct listening *l = sockets_open(&c->sockets, at, &err);
	struct proxy_order o;

	if (!l)
		return err;
	l->service = service;
	o = order_of_listener(l);
	return say_all(c, &o, l->fd);
}

static int delete_listener(struct proxy_client *c, const struct proxy_endpoint *at)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LISTEN_GONE, .u.endpoint = *at};
	int err = sockets_find(&c->sockets, at) ? say_all(c, &o, -1) : 0;

	if (!err)
		sockets_close(&c->sockets, at);
	return err;
}

static int read_blob(struct proxy_client *c, const void *key, const void *value)
{
	return blobs_put(c->blobs, key, ((const struct proxy_blob *)value)->path);
}

static int take_row(void *to, enum plan_table t, const void *key, const void *value,
		    const void *old)
{
	struct proxy_client *c = to;
	struct proxy_order o;
	uint32_t service;
	int err;

	if (t == PLAN_LISTENERS) {
		memcpy(&service, value, sizeof(service));
		return put_listener(c, key, service);
	}
	err = t == PLAN_PROXY_BLOBS ? read_blob(c, key, value) : 0;
	if (!err)
		err = plan_put(c->rows, t, key, value);
	if (err)
		return err;
	o = order_of_row(t, key, value);
	return say_all(c, &o, fd_of_row(c, t, key));
}

/* A row whose end did not get through stands, and is tried again; a process knows what to do with a
 * second word about what is gone. */
static int drop_row(void *to, enum plan_table t, const void *key, const void *value)
{
	struct proxy_client *c = to;
	struct proxy_order o;
	int err;

	if (t == PLAN_LISTENERS)
		return delete_listener(c, key);
	o = order_of_row(t, key, NULL);
	err = say_all(c, &o, -1);
	if (err)
		return err;
	if (t == PLAN_PROXY_BLOBS)
		blobs_drop(c->blobs, key);
	return plan_delete(c->rows, t, key);
}

/* Of fixed size, sealed: no process can shorten what another reads. */
static int make_shared(struct proxy_client *c)
{
	c->memory = memfd_create("lbxdp-proxy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (c->memory < 0)
		return -errno;
	if (ftruncate(c->memory, sizeof(*c->shared)) ||
	    fcntl(c->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	c->shared =
		mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE, MAP_SHARED, c->memory, 0);
	if (c->shared != MAP_FAILED)
		return 0;
	c->shared = NULL;
	return -errno;
}

/* Rung once for all who wait; who rings never blocks. */
static int make_bells(struct proxy_client *c)
{
	for (unsigned int i = 0; i < c->count; i++) {
		c->process[i].bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (c->process[i].bell < 0)
			return -errno;
	}
	return 0;
}

struct proxy_client *proxy_client_new(struct loop *l, unsigned int count,
				      const struct proxy_client_events *e)
{
	struct proxy_client *c = xcalloc(1, sizeof(*c) + count * sizeof(*c->process));

	c->loop = l;
	c->events = *e;
	c->count = count;
	c->memory = c->log = -1;
	c->rows = plan_new();
	c->blobs = blobs_new();
	c->sink = (struct plan_sink){.put = take_row, .del = drop_row, .to = c};
	for (unsigned int i = 0; i < count; i++)
		c->process[i] = (struct process){
			.client = c,
			.bell = -1,
			.channel = {.message = take_message, .closed = process_is_gone}
                };
	if (c->rows && !make_shared(c) && !make_bells(c) &&
	    !tickets_start(&c->tickets, l, c->shared))
		return c;
	proxy_client_free(c);
	return NULL;
}

void proxy_client_free(struct proxy_client *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < c->count; i++) {
		disconnect(&c->process[i]);
		if (c->process[i].bell >= 0)
			close(c->process[i].bell);
	}
	sockets_fini(&c->sockets);
	plan_free(c->rows);
	blobs_free(c->blobs);
	tickets_stop(&c->tickets);
	if (c->log >= 0)
		close(c->log);
	if (c->shared)
		(void)munmap(c->shared, sizeof(*c->shared)); /* it was mapped */
	if (c->memory >= 0)
		close(c->memory);
	free(c);
}

/* In the order in which rows appear: traffic is invited last. */
static int say_everything(struct proxy_client *c, struct process *p)
{
	static const enum plan_table tables[] = {PLAN_PROXY_BLOBS, PLAN_PROXY_SERVICES,
						 PLAN_PROXY_REALS, PLAN_PROXY_RULES};
	int err = say_shared(p);

	if (!err)
		err = say_bells(c, p);
	if (!err && c->log >= 0)
		err = say_log(p);
	if (!err)
		err = say_limit(c, p - c->process);
	for (size_t i = 0; !err && i < ARRAY_COUNT(tables); i++)
		err = say_table(c, p, tables[i]);
	return err ? err : say_listeners(c, p);
}

int proxy_client_connect(struct proxy_client *c, unsigned int index, int fd)
{
	struct process *p = &c->process[index];
	int err;

	disconnect(p);
	take_back_gauges(c, index);
	err = channel_init(&p->channel, c->loop, fd);
	if (!err)
		err = say_everything(c, p);
	if (err)
		channel_fini(&p->channel);
	p->connected = !err;
	return err;
}

int proxy_client_log(struct proxy_client *c, const char *path)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LOG};
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = path ? open(path, flags, 0640) : -1;

	if (path && fd < 0)
		return -errno;
	if (c->log < 0 && fd < 0)
		return 0;
	if (c->log >= 0)
		close(c->log);
	c->log = fd;
	return say_all(c, &o, fd);
}

void proxy_client_limit(struct proxy_client *c, uint32_t sessions)
{
	if (sessions == c->limit)
		return;
	c->limit = sessions;
	for (unsigned int i = 0; i < c->count; i++)
		if (c->process[i].connected && say_limit(c, i))
			log_error("proxy %u: cannot tell it its limit of sessions", i);
}

const struct plan_sink *proxy_client_sink(struct proxy_client *c)
{
	return &c->sink;
}

/* Counts are read while processes add to them. */
static struct proxy_counts read_counts(const struct proxy_counts *from)
{
	struct proxy_counts to;
	const uint64_t *word = (const uint64_t *)from;
	uint64_t *copy = (uint64_t *)&to;

	for (size_t i = 0; i < sizeof(to) / sizeof(*copy); i++)
		copy[i] = __atomic_load_n(&word[i], __ATOMIC_RELAXED);
	return to;
}

/* One gauge over all processes; row is the length of a process' column. */
static uint64_t sum(const struct proxy_client *c, const uint32_t *first, size_t row)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < c->count; i++)
		total += __atomic_load_n(first + i * row, __ATOMIC_RELAXED);
	return total;
}

struct proxy_counts proxy_client_service(const struct proxy_client *c, uint32_t id,
					 uint64_t *current, uint64_t *queued)
{
	*current = sum(c, &c->shared->service_current[0][id], LB_SERVICES_MAX);
	*queued = sum(c, &c->shared->service_queued[0][id], LB_SERVICES_MAX);
	return read_counts(&c->shared->service[id]);
}

struct proxy_counts proxy_client_real(const struct proxy_client *c, uint32_t id, uint64_t *current,
				      uint64_t *queued)
{
	*current = sum(c, &c->shared->real_current[0][id], LB_REALS_MAX);
	*queued = sum(c, &c->shared->real_queued[0][id], LB_REALS_MAX);
	return read_counts(&c->shared->real[id]);
}

uint64_t proxy_client_sessions(const struct proxy_client *c)
{
	uint64_t total = 0;

	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++)
		total += sum(c, &c->shared->service_current[0][id], LB_SERVICES_MAX);
	return total;
}

void proxy_client_each_session(const struct proxy_client *c, proxy_session_fn *fn, void *arg)
{
	for (unsigned int i = 0; i < c->count; i++) {
		uint32_t used = __atomic_load_n(&c->shared->session_rows[i], __ATOMIC_ACQUIRE);

		for (uint32_t row = 0; row < used && row < PROXY_SESSIONS_MAX; row++) {
			struct proxy_session copy = c->shared->session[i][row];

			if (copy.service && copy.service < LB_SERVICES_MAX &&
			    copy.real < LB_REALS_MAX)
				fn(arg, i, &copy);
		}
	}
}

void proxy_client_clear_service(struct proxy_client *c, uint32_t id)
{
	memset(&c->shared->service[id], 0, sizeof(c->shared->service[id]));
}

void proxy_client_clear_real(struct proxy_client *c, uint32_t id)
{
	memset(&c->shared->real[id], 0, sizeof(c->shared->real[id]));
}

uint64_t proxy_client_pulse(const struct proxy_client *c, unsigned int index)
{
	return __atomic_load_n(&c->shared->pulse[index], __ATOMIC_RELAXED);
}

size_t proxy_client_listeners(const struct proxy_client *c)
{
	return c->sockets.count;
}

bool proxy_client_wanted(const struct proxy_client *c)
{
	return plan_count(c->rows, PLAN_PROXY_SERVICES) > 0;
}
