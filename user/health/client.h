/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Main's end of the probe process: PLAN_CHECKS rows go out, reports come back. The process itself
 * is started by daemon/; here is only the conversation.
 */
#ifndef LBXDP_HEALTH_CLIENT_H
#define LBXDP_HEALTH_CLIENT_H

#include "core/check.h"
#include "core/plan.h"
#include "io/channel.h"

struct health_client;

struct health_client_events {
	void (*report)(void *arg, const struct check_report *r);
	void (*lost)(void *arg); /* the probe process is gone; connect a new one */
	/* The last known health of a check, for the orders a new process gets. */
	enum health (*known)(void *arg, uint32_t id);
	void *arg;
};

struct health_client *health_client_new(struct loop *l, const struct health_client_events *e);
void health_client_free(struct health_client *c);

/* A new probe process listens at the other end of fd (taken): it gets every row in force. */
int health_client_connect(struct health_client *c, int fd);

/* Takes PLAN_CHECKS. Rows are kept and said again to a new process. */
const struct plan_sink *health_client_sink(struct health_client *c);

/* CA bundles that were written anew are read now, not only within ten seconds. */
void health_client_look(struct health_client *c);

#endif
