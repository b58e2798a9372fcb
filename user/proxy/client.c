/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of main's end: processes come and go, rows are put and taken away. */
#include "proxy/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "proxy/client_internal.h"
#include "proxy/doors.h"

/* The process may outlive us from then on. */
static int tell_door(struct proxy_client *c, struct process *p)
{
	struct proxy_order o = {.kind = PROXY_ORDER_DOOR};
	int fd, err;

	if (!c->dir)
		return 0;
	fd = door_open(c->dir, p->pid);
	if (fd < 0)
		log_error("proxy %d: no door in %s: %s; it will end with main", p->pid, c->dir,
			  strerror(-fd));
	err = tell(p, &o, fd < 0 ? -1 : fd);
	if (fd >= 0)
		close(fd);
	return err;
}

/* Traffic is invited last. */
static int tell_open(struct proxy_client *c, struct process *p)
{
	int err = tell_listeners(c, p);

	return err ? err : tell_door(c, p);
}

/* The sessions of a process that ended are over. */
static void take_back_gauges(struct proxy_client *c, unsigned int column)
{
	int err = ledger_clear_column(&c->ledger, column);

	if (err)
		log_error("proxy %u: cannot clear its session counts: %s", column, strerror(-err));
}

static void earlier_ended(void *arg, int column)
{
	if (column != NO_COLUMN)
		take_back_gauges(arg, (unsigned int)column);
}

static void forget(struct process *p)
{
	if (p->pid && p->client->dir)
		door_remove(p->client->dir, p->pid);
	p->pid = 0;
}

static void disconnect(struct process *p)
{
	if (!p->connected)
		return;
	p->connected = false;
	channel_fini(&p->channel);
}

static void process_is_gone(struct channel *ch)
{
	struct process *p = container_of(ch, struct process, channel);
	struct proxy_client *c = p->client;

	disconnect(p);
	forget(p);
	take_back_gauges(c, p->column);
	c->events.lost(c->events.arg, p - c->process);
}

/* A process serves with all that is in force: earlier ones are not needed any more. One that says
 * anything else is not ours any more. */
static void take_message(struct channel *ch, const void *bytes, size_t len, int fd)
{
	struct process *p = container_of(ch, struct process, channel);
	struct proxy_report r;

	if (fd >= 0)
		close(fd);
	if (len == sizeof(r))
		memcpy(&r, bytes, sizeof(r));
	if (len == sizeof(r) && r.kind == PROXY_REPORT_READY) {
		predecessors_finish(p->client->earlier);
		return;
	}
	log_error("proxy %u: its message of %zu bytes is not understood; ending it",
		  (unsigned int)(p - p->client->process), len);
	process_is_gone(ch);
}

static void inherit_listener(struct proxy_client *c, const struct proxy_endpoint *at)
{
	int fd = sockets_find(&c->sockets, at) ? -1 : predecessors_take_listener(c->earlier, at);

	if (fd >= 0 && !sockets_add(&c->sockets, at, fd))
		close(fd);
}

static int put_listener(struct proxy_client *c, const struct proxy_endpoint *at, uint32_t service)
{
	int err;
	struct listening *l;
	struct proxy_order o;

	inherit_listener(c, at);
	l = sockets_open(&c->sockets, at, &err);
	if (!l)
		return err;
	l->service = service;
	if (c->withheld)
		return 0;
	o = order_of_listener(l);
	return tell_all(c, &o, l->fd);
}

/* Nobody gets in from here on, whenever the processes hear of it: what guards the service goes
 * next. */
static int delete_listener(struct proxy_client *c, const struct proxy_endpoint *at)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LISTEN_GONE, .u.endpoint = *at};
	const struct listening *l = sockets_find(&c->sockets, at);
	int err = l ? tell_all(c, &o, -1) : 0;

	if (l && !err) {
		(void)shutdown(l->fd, SHUT_RD);
		sockets_close(&c->sockets, at);
	}
	return err;
}

static int read_blob(struct proxy_client *c, const void *key, const void *value)
{
	return blobs_put(c->blobs, key, ((const struct proxy_blob *)value)->path);
}

/* For a main that takes over. */
static void note_name(const struct proxy_client *c, enum plan_table t, const void *key)
{
	uint32_t id;
	const char *name;

	if (!c->events.name_of || (t != PLAN_PROXY_SERVICES && t != PLAN_PROXY_REALS))
		return;
	memcpy(&id, key, sizeof(id));
	name = c->events.name_of(c->events.arg, t, id);
	if (name && t == PLAN_PROXY_SERVICES)
		ledger_name_service(&c->ledger, id, name);
	else if (name)
		ledger_name_real(&c->ledger, id, name);
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
	note_name(c, t, key);
	o = order_of_row(t, key, value);
	return tell_all(c, &o, fd_of_row(c, t, key));
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
	err = tell_all(c, &o, -1);
	if (err)
		return err;
	if (t == PLAN_PROXY_BLOBS)
		blobs_drop(c->blobs, key);
	return plan_delete(c->rows, t, key);
}

/* An earlier main's, so that counters go on, or our own. */
static int open_ledger(struct proxy_client *c)
{
	int memory = predecessors_take_memory(c->earlier, c->count);

	if (memory >= 0 && !ledger_inherit(&c->ledger, memory))
		return 0;
	if (memory >= 0)
		close(memory);
	predecessors_lose_memory(c->earlier);
	return ledger_make(&c->ledger);
}

/* The first that earlier processes do not use. */
static void give_columns(struct proxy_client *c)
{
	uint64_t used = c->ledger.inherited ? predecessors_columns(c->earlier) : 0;
	unsigned int column = 0;

	for (unsigned int i = 0; i < c->count; i++) {
		while (used >> column & 1)
			column++;
		c->process[i].column = column++;
	}
	c->ledger.columns = column;
	while (c->ledger.columns < PROXY_PROCESSES_MAX && used >> c->ledger.columns)
		c->ledger.columns++;
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

struct proxy_client *proxy_client_new(struct loop *l, unsigned int count, const char *dir,
				      const struct proxy_client_events *e)
{
	struct proxy_client *c = xcalloc(1, sizeof(*c) + count * sizeof(*c->process));

	c->loop = l;
	c->events = *e;
	c->count = count;
	c->ledger.memory = c->log = -1;
	c->dir = dir ? xstrdup(dir) : NULL;
	c->earlier = predecessors_find(l, dir, earlier_ended, c);
	c->withheld = predecessors_accept(c->earlier);
	c->rows = plan_new();
	c->blobs = blobs_new();
	c->sink = (struct plan_sink){.put = take_row, .del = drop_row, .to = c};
	for (unsigned int i = 0; i < count; i++)
		c->process[i] = (struct process){
			.client = c,
			.bell = -1,
			.channel = {.message = take_message, .closed = process_is_gone}
                };
	if (c->rows && !open_ledger(c) && !make_bells(c) &&
	    !tickets_start(&c->tickets, l, c->ledger.shared)) {
		give_columns(c);
		return c;
	}
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
	ledger_fini(&c->ledger);
	predecessors_free(c->earlier);
	free(c->dir);
	free(c);
}

void proxy_client_settled(struct proxy_client *c)
{
	if (!proxy_client_wanted(c))
		predecessors_finish(c->earlier);
	if (!c->withheld)
		return;
	c->withheld = false;
	for (unsigned int i = 0; i < c->count; i++)
		if (c->process[i].connected && tell_open(c, &c->process[i]))
			log_error("proxy %u: cannot give it its listeners", i);
}

void proxy_client_end(struct proxy_client *c, bool earlier)
{
	for (unsigned int i = 0; i < c->count; i++)
		forget(&c->process[i]);
	if (earlier)
		predecessors_kill(c->earlier);
}

unsigned int proxy_client_column(const struct proxy_client *c, unsigned int index)
{
	return c->process[index].column;
}

int proxy_client_connect(struct proxy_client *c, unsigned int index, pid_t pid, int fd)
{
	struct process *p = &c->process[index];
	int err;

	disconnect(p);
	forget(p);
	p->pid = pid;
	take_back_gauges(c, p->column);
	err = channel_init(&p->channel, c->loop, fd);
	if (!err)
		err = tell_rows(c, p);
	if (!err && !c->withheld)
		err = tell_open(c, p);
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
	return tell_all(c, &o, fd);
}

void proxy_client_limit(struct proxy_client *c, uint32_t sessions)
{
	if (sessions == c->limit)
		return;
	c->limit = sessions;
	for (unsigned int i = 0; i < c->count; i++)
		if (c->process[i].connected && tell_limit(c, i))
			log_error("proxy %u: cannot tell it its limit of sessions", i);
}

const struct plan_sink *proxy_client_sink(struct proxy_client *c)
{
	return &c->sink;
}

size_t proxy_client_listeners(const struct proxy_client *c)
{
	return c->sockets.count;
}

bool proxy_client_wanted(const struct proxy_client *c)
{
	return plan_count(c->rows, PLAN_PROXY_SERVICES) > 0;
}
