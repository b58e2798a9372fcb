/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of main's end of the proxy processes, client*.c, and by nobody else. */
#ifndef LBXDP_PROXY_CLIENT_INTERNAL_H
#define LBXDP_PROXY_CLIENT_INTERNAL_H

#include "proxy/blobs.h"
#include "proxy/client.h"
#include "proxy/ledger.h"
#include "proxy/predecessors.h"
#include "proxy/sockets.h"
#include "proxy/tickets.h"

struct process {
	struct proxy_client *client;
	struct channel channel;
	unsigned int column; /* in struct proxy_shared */
	pid_t pid;           /* 0: none; it may have a door */
	int bell;            /* an eventfd: a place in a queue is free */
	bool connected;
};

struct proxy_client {
	struct loop *loop;
	struct proxy_client_events events;
	char *dir; /* of doors; NULL: none */
	struct ledger ledger;
	struct predecessors *earlier;
	bool withheld; /* no process listens yet: earlier ones do */
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

/* client_tell.c: what processes are told. Each returns 0 or -errno. */
int tell(struct process *p, const struct proxy_order *o, int fd);
/* To every process. One that is gone gets it when it is connected again. */
int tell_all(struct proxy_client *c, const struct proxy_order *o, int fd);
int tell_limit(struct proxy_client *c, unsigned int index);
struct proxy_order order_of_row(enum plan_table t, const void *key, const void *value);
/* The descriptor that goes with a row, -1: none. */
int fd_of_row(const struct proxy_client *c, enum plan_table t, const void *key);
struct proxy_order order_of_listener(const struct listening *l);
/* All that is in force, but the listeners. */
int tell_rows(struct proxy_client *c, struct process *p);
int tell_listeners(struct proxy_client *c, struct process *p);

#endif
