/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All checks of this process: when each runs, how many at a time, and what its results add up to.
 */
#ifndef LBXDP_HEALTH_RUNNER_H
#define LBXDP_HEALTH_RUNNER_H

#include "core/check.h"
#include "health/ping.h"

struct runner;

struct ports;

struct runner_setup {
	struct loop *loop;
	struct pinger *pinger;
	struct ports *ports; /* for checks through a VIP; NULL: they fail with SOCKERR */
	size_t at_once;      /* runs, each with a descriptor; the others queue */
	/* Every result. Returns 0, or -errno when it could not be passed on. */
	int (*report)(void *arg, const struct check_report *r);
	void *arg;
};

struct runner *runner_new(const struct runner_setup *setup);
void runner_free(struct runner *r);

/* Obeys a PUT or DELETE. ca: the PEM bundle of a PUT that verifies, else NULL; copied. */
void runner_obey(struct runner *r, const struct check_order *o, const char *ca, size_t ca_len);

#endif
