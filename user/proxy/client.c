/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

enum {
	BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
};

struct process {
	struct proxy_client *client;
	struct channel channel;
	bool connected;
};

/* A socket that listens here, and in every process. */
struct listener {
	struct proxy_endpoint at;
	uint32_t service;
	int fd;
};

struct proxy_client {
	struct loop *loop;
	struct proxy_client_events events;
	int memory; /* the memfd behind shared */
	struct proxy_shared *shared;
	struct plan *rows;          /* in force: services and reals */
	struct listener *listeners; /* sorted by endpoint */
	size_t listener_count, listener_room;
	uint32_t limit;
	struct plan_sink sink;
	unsigned int count;
	struct process process[];
};

/* Where at stands among the listeners, or belongs. */
static size_t listener_place(const struct proxy_client *c, const struct proxy_endpoint *at,
			     bool *found)
{
	size_t low = 0, high = c->listener_count;

	*found = false;
	while (low < high && !*found) {
		size_t middle = (low + high) / 2;
		int order = memcmp(&c->listeners[middle].at, at, sizeof(*at));

		*found = !order;
		if (order >= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}

/* Bound before its address is on the host, and to IPv6 only: the same port of an IPv4 VIP is a
 * listener of its own. */
static int bind_and_listen(int fd, const struct sockaddr_storage *sa, socklen_t len)
{
	int on = 1;
	bool v6 = sa->ss_family == AF_INET6;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on))) ||
	    bind(fd, (const struct sockaddr *)sa, len) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

/* Returns the socket, or -errno. */
static int open_listener(const struct proxy_endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&at->vip, at->port, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int err;

	if (fd < 0)
		return -errno;
	err = bind_and_listen(fd, &sa, len);
	if (!err)
		return fd;
	close(fd);
	return err;
}

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

static struct proxy_order order_of_row(enum plan_table t, const void *key, const void *value)
{
	struct proxy_order o = {};

	memcpy(&o.id, key, sizeof(o.id));
	if (t == PLAN_PROXY_SERVICES) {
		o.kind = PROXY_ORDER_SERVICE;
		memcpy(&o.u.service, value, sizeof(o.u.service));
	} else {
		o.kind = PROXY_ORDER_REAL;
		memcpy(&o.u.real, value, sizeof(o.u.real));
	}
	return o;
}

static struct proxy_order order_of_listener(const struct listener *l)
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

		err = say(p, &o, -1);
	}
	return err;
}

static int say_listeners(struct proxy_client *c, struct process *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->listener_count; i++) {
		struct proxy_order o = order_of_listener(&c->listeners[i]);

		err = say(p, &o, c->listeners[i].fd);
	}
	return err;
}

/* A hole reads as zeros and takes no memory. */
static int punch(const struct proxy_client *c, const void *from, size_t len)
{
	off_t at = (const char *)from - (const char *)c->shared;

	return fallocate(c->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len) ? -errno
											 : 0;
}

/* The sessions of a process that died are over. */
static void take_back_gauges(struct proxy_client *c, unsigned int index)
{
	int err = 0;

	for (size_t i = 0; !err && i < PROXY_COLUMN_COUNT; i++) {
		const struct proxy_column *column = &proxy_columns[i];

		err = punch(c, (const char *)c->shared + column->at + index * column->len,
			    column->len);
	}
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

static int insert_listener(struct proxy_client *c, size_t place, const struct listener *l)
{
	struct listener *at;

	if (c->listener_count == c->listener_room) {
		size_t room = c->listener_room ? c->listener_room * 2 : 16;
		struct listener *grown = reallocarray(c->listeners, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		c->listeners = grown;
		c->listener_room = room;
	}
	at = &c->listeners[place];
	memmove(at + 1, at, (c->listener_count - place) * sizeof(*at));
	c->listener_count++;
	*at = *l;
	return 0;
}

static int put_listener(struct proxy_client *c, const struct proxy_endpoint *at, uint32_t service)
{
	struct listener l = {.at = *at, .service = service};
	struct proxy_order o = order_of_listener(&l);
	bool found;
	size_t place = listener_place(c, at, &found);
	int err;

	if (!found) {
		l.fd = open_listener(at);
		if (l.fd < 0)
			return l.fd;
		err = insert_listener(c, place, &l);
		if (err) {
			close(l.fd);
			return err;
		}
	}
	c->listeners[place].service = service;
	return say_all(c, &o, c->listeners[place].fd);
}

static int delete_listener(struct proxy_client *c, const struct proxy_endpoint *at)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LISTEN_GONE, .u.endpoint = *at};
	bool found;
	size_t place = listener_place(c, at, &found);
	struct listener *l = &c->listeners[place];
	int err = found ? say_all(c, &o, -1) : 0;

	if (err || !found)
		return err;
	close(l->fd);
	c->listener_count--;
	memmove(l, l + 1, (c->listener_count - place) * sizeof(*l));
	return 0;
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
	o = order_of_row(t, key, value);
	err = plan_put(c->rows, t, key, value);
	return err ? err : say_all(c, &o, -1);
}

/* A row whose end did not get through stands, and is tried again; a process knows what to do with a
 * second word about what is gone. */
static int drop_row(void *to, enum plan_table t, const void *key, const void *value)
{
	struct proxy_client *c = to;
	struct proxy_order o = {.kind = t == PLAN_PROXY_SERVICES ? PROXY_ORDER_SERVICE_GONE
								 : PROXY_ORDER_REAL_GONE};
	int err;

	if (t == PLAN_LISTENERS)
		return delete_listener(c, key);
	memcpy(&o.id, key, sizeof(o.id));
	err = say_all(c, &o, -1);
	return err ? err : plan_delete(c->rows, t, key);
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

struct proxy_client *proxy_client_new(struct loop *l, unsigned int count,
				      const struct proxy_client_events *e)
{
	struct proxy_client *c = xcalloc(1, sizeof(*c) + count * sizeof(*c->process));

	c->loop = l;
	c->events = *e;
	c->count = count;
	c->rows = plan_new();
	c->sink = (struct plan_sink){.put = take_row, .del = drop_row, .to = c};
	for (unsigned int i = 0; i < count; i++)
		c->process[i] = (struct process){
			.client = c,
			.channel = {.message = take_message, .closed = process_is_gone}
                };
	if (!make_shared(c) && c->rows)
		return c;
	proxy_client_free(c);
	return NULL;
}

void proxy_client_free(struct proxy_client *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < c->count; i++)
		disconnect(&c->process[i]);
	for (size_t i = 0; i < c->listener_count; i++)
		close(c->listeners[i].fd);
	free(c->listeners);
	plan_free(c->rows);
	if (c->shared)
		(void)munmap(c->shared, sizeof(*c->shared)); /* it was mapped */
	if (c->memory >= 0)
		close(c->memory);
	free(c);
}

int proxy_client_connect(struct proxy_client *c, unsigned int index, int fd)
{
	struct process *p = &c->process[index];
	int err;

	disconnect(p);
	take_back_gauges(c, index);
	err = channel_init(&p->channel, c->loop, fd);
	if (!err)
		err = say_shared(p);
	if (!err)
		err = say_limit(c, index);
	if (!err)
		err = say_table(c, p, PLAN_PROXY_SERVICES);
	if (!err)
		err = say_table(c, p, PLAN_PROXY_REALS);
	if (!err)
		err = say_listeners(c, p);
	if (err)
		channel_fini(&p->channel);
	p->connected = !err;
	return err;
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
					 uint64_t *current)
{
	*current = sum(c, &c->shared->service_current[0][id], LB_SERVICES_MAX);
	return read_counts(&c->shared->service[id]);
}

struct proxy_counts proxy_client_real(const struct proxy_client *c, uint32_t id, uint64_t *current)
{
	*current = sum(c, &c->shared->real_current[0][id], LB_REALS_MAX);
	return read_counts(&c->shared->real[id]);
}

uint64_t proxy_client_sessions(const struct proxy_client *c)
{
	uint64_t total = 0;

	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++)
		total += sum(c, &c->shared->service_current[0][id], LB_SERVICES_MAX);
	return total;
}

void proxy_client_clear_service(struct proxy_client *c, uint32_t id)
{
	memset(&c->shared->service[id], 0, sizeof(c->shared->service[id]));
}

void proxy_client_clear_real(struct proxy_client *c, uint32_t id)
{
	memset(&c->shared->real[id], 0, sizeof(c->shared->real[id]));
}

size_t proxy_client_listeners(const struct proxy_client *c)
{
	return c->listener_count;
}

bool proxy_client_wanted(const struct proxy_client *c)
{
	return plan_count(c->rows, PLAN_PROXY_SERVICES) > 0;
}
