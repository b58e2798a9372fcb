/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A check as its runs need it: what to connect to, what to say and what to expect, in one piece of
 * memory a fraction of struct check_spec's size. Immutable.
 */
#ifndef LBXDP_HEALTH_RECIPE_H
#define LBXDP_HEALTH_RECIPE_H

#include "core/check.h"
#include "core/dialogue.h"

enum recipe_talk {
	RECIPE_SILENT, /* nothing is said: a ping, a connect, or no check at all */
	RECIPE_HTTP,
	RECIPE_DIALOGUE,
};

struct recipe {
	enum check_type type;
	enum recipe_talk talk;
	enum dialogue_script script;
	bool tls, verify;
	bool quiet;            /* we speak first or never */
	bool no_body;          /* HEAD */
	struct addr addr, via; /* via: the VIP it goes by; unspecified: none */
	uint16_t port;
	uint32_t interval, fast_interval, timeout, fall, rise; /* ms */
	struct slice request;                                  /* HTTP, with its headers */
	const char *expect, *helo;
	const char *name;      /* SNI; NULL: none */
	struct addr peer_addr; /* what a certificate must be for when there is no name */
	size_t step_count;
	const struct dialogue_step *steps;
};

struct recipe *recipe_new(const struct check_spec *spec);
void recipe_free(struct recipe *r);

#endif
