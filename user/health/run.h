/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of one check, from connect to verdict, within one timeout. It owns its socket and buffers
 * and frees itself; memory is bounded by what is kept of an answer (64 KB).
 */
#ifndef LBXDP_HEALTH_RUN_H
#define LBXDP_HEALTH_RUN_H

#include "health/ping.h"
#include "health/ports.h"
#include "health/recipe.h"
#include "io/tls.h"

struct run;

/* Watches a run for people. */
struct run_trace {
	void (*connected)(void *arg);
	void (*secured)(void *arg, const struct stream *s); /* the TLS handshake is done */
	void (*sent)(void *arg, const char *bytes, size_t len);
	void (*received)(void *arg, const char *bytes, size_t len);
	void *arg;
};

/* All borrowed until the run is over. */
struct run_order {
	struct loop *loop;
	struct pinger *pinger;         /* for pings */
	struct ports *ports;           /* for checks through a VIP; NULL: there are none */
	uint32_t check;                /* whose row such a one has */
	struct tls_context *context;   /* for TLS */
	struct tls_memory *memory;     /* may be NULL */
	const struct recipe *recipe;   /* not on, not off */
	const struct run_trace *trace; /* may be NULL */
	/* The verdict, once, at the end of a loop's round, never within run_start. resumed: TLS
	 * went by a remembered session. */
	void (*done)(void *arg, const struct check_outcome *o);
	void *arg;
};

/* NULL when there is no memory. */
struct run *run_start(const struct run_order *order);

/* No verdict any more. Not from within the run's own calls. */
void run_cancel(struct run *r);

#endif
