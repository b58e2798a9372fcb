/* SPDX-License-Identifier: GPL-2.0-only */
/* What processes are told, as orders. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "proxy/client_internal.h"

int tell(struct process *p, const struct proxy_order *o, int fd)
{
	return channel_send(&p->channel, o, sizeof(*o), fd);
}

int tell_all(struct proxy_client *c, const struct proxy_order *o, int fd)
{
	int err = 0;

	for (unsigned int i = 0; i < c->count; i++) {
		int e = c->process[i].connected ? tell(&c->process[i], o, fd) : 0;

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

int tell_limit(struct proxy_client *c, unsigned int index)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LIMIT, .u.limit = share_of(c, index)};

	return tell(&c->process[index], &o, -1);
}

static int tell_shared(struct process *p)
{
	struct proxy_order o = {.kind = PROXY_ORDER_SHARED};

	return tell(p, &o, p->client->ledger.memory);
}

static int tell_bells(struct proxy_client *c, struct process *p)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < c->count; i++) {
		struct proxy_order o = {.kind = PROXY_ORDER_BELL, .id = c->process[i].column};

		err = tell(p, &o, c->process[i].bell);
	}
	return err;
}

static int tell_log(struct process *p)
{
	struct proxy_order o = {.kind = PROXY_ORDER_LOG};

	return tell(p, &o, p->client->log);
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

struct proxy_order order_of_row(enum plan_table t, const void *key, const void *value)
{
	struct proxy_order o = {.kind = value ? wording[t].put : wording[t].gone};

	memcpy((char *)&o + wording[t].key, key, wording[t].key_len);
	if (value)
		memcpy((char *)&o + wording[t].value, value, wording[t].value_len);
	return o;
}

int fd_of_row(const struct proxy_client *c, enum plan_table t, const void *key)
{
	return t == PLAN_PROXY_BLOBS ? blobs_fd(c->blobs, key) : -1;
}

struct proxy_order order_of_listener(const struct listening *l)
{
	return (struct proxy_order){
		.kind = PROXY_ORDER_LISTEN, .id = l->service, .u.endpoint = l->at};
}

static int tell_table(struct proxy_client *c, struct process *p, enum plan_table t)
{
	int err = 0;

	for (size_t i = 0; !err && i < plan_count(c->rows, t); i++) {
		struct proxy_order o =
			order_of_row(t, plan_key(c->rows, t, i), plan_value(c->rows, t, i));

		err = tell(p, &o, fd_of_row(c, t, plan_key(c->rows, t, i)));
	}
	return err;
}

int tell_listeners(struct proxy_client *c, struct process *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->sockets.count; i++) {
		struct proxy_order o = order_of_listener(&c->sockets.row[i]);

		err = tell(p, &o, c->sockets.row[i].fd);
	}
	return err;
}

/* In the order in which rows appear. */
int tell_rows(struct proxy_client *c, struct process *p)
{
	static const enum plan_table tables[] = {PLAN_PROXY_BLOBS, PLAN_PROXY_SERVICES,
						 PLAN_PROXY_REALS, PLAN_PROXY_RULES};
	int err = tell_shared(p);

	if (!err)
		err = tell_bells(c, p);
	if (!err && c->log >= 0)
		err = tell_log(p);
	if (!err)
		err = tell_limit(c, p - c->process);
	for (size_t i = 0; !err && i < ARRAY_COUNT(tables); i++)
		err = tell_table(c, p, tables[i]);
	return err;
}
