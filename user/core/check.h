/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a health check is and what it found: the fixed structs that main and the probe process
 * exchange. Pure data.
 */
#ifndef LBXDP_CORE_CHECK_H
#define LBXDP_CORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

enum check_type {
	CHECK_ON,  /* always up, never asked */
	CHECK_OFF, /* no check: always up (R117); ldirectord's word */
	CHECK_PING,
	CHECK_CONNECT,
	CHECK_TCP, /* expect/send steps */
	CHECK_HTTP,
	CHECK_HTTPS,
	CHECK_SMTP,
	CHECK_IMAP,
	CHECK_IMAPS,
	CHECK_POP3,
	CHECK_POP3S,
	CHECK_TYPE_COUNT,
};

/* HAProxy's words for what a check came to (its management guide, "last_chk"). */
enum check_code {
	CHECK_CODE_NONE, /* no result yet: "checking" */
	CHECK_CODE_OFF,  /* not checked */
	CHECK_CODE_L4OK,
	CHECK_CODE_L4TOUT, /* no answer to SYN or ping */
	CHECK_CODE_L4CON,  /* refused or unreachable */
	CHECK_CODE_L6OK,
	CHECK_CODE_L6TOUT,
	CHECK_CODE_L6RSP, /* TLS failed */
	CHECK_CODE_L7OK,
	CHECK_CODE_L7TOUT,
	CHECK_CODE_L7RSP,   /* not what the protocol says, or not what was expected */
	CHECK_CODE_L7STS,   /* a well-formed answer that says no */
	CHECK_CODE_SOCKERR, /* our own side failed: descriptors, memory */
	CHECK_CODE_COUNT,
};

enum health { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };

enum {
	CHECK_STEPS_MAX = 8,
	CHECK_TEXT_LEN = 256,
	CHECK_REQUEST_LEN = 1024,
	CHECK_DETAIL_LEN = 96,
};

struct check_step {
	char expect[CHECK_TEXT_LEN]; /* empty: do not wait */
	char send[CHECK_TEXT_LEN];   /* empty: nothing; C escapes already resolved */
};

/* One check of one real on one port. Strings are NUL-terminated and the rest of each array is zero,
 * so that whole structs compare. */
struct check_spec {
	enum check_type type;
	struct addr addr;
	struct addr via; /* the VIP the real is asked by; unspecified: by its own address */
	uint16_t port;   /* 0 for ping, on, off */
	bool verify;     /* certificate against ca; https, imaps, pop3s */
	uint32_t interval, fast_interval, timeout; /* ms */
	uint32_t fall, rise;
	char method[16];
	char request[CHECK_REQUEST_LEN]; /* path, with its leading slash */
	char expect[CHECK_TEXT_LEN];     /* empty: status 200 */
	char host[CHECK_TEXT_LEN];       /* Host header; empty: the address */
	char sni[CHECK_TEXT_LEN];        /* empty: host when it is a name, else none */
	char helo[CHECK_TEXT_LEN];
	char ca[CHECK_TEXT_LEN]; /* PEM file that main reads for the probe */
	uint32_t step_count;
	struct check_step steps[CHECK_STEPS_MAX];
};

/* What one run came to. */
struct check_outcome {
	enum check_code code;
	uint16_t status; /* HTTP or SMTP status, 0: none */
	uint32_t duration_usec;
	char detail[CHECK_DETAIL_LEN]; /* the cause, for people: "connection refused" */
};

/* Rise and fall (requirements 2.1): counts results against thresholds. */
struct check_state {
	enum health health;
	uint32_t streak; /* results against the present health, in a row */
};

/* "connect", "https" ... and back; -1 when unknown. */
const char *check_type_name(enum check_type t);
int check_type_parse(const char *name);

/* "L7OK" ... */
const char *check_code_name(enum check_code c);
bool check_code_passed(enum check_code c);

/* Writes HAProxy's LastChk text: "L7STS/503 in 12ms", "L4OK in 0ms", "checking". */
const char *check_outcome_format(const struct check_outcome *o, char *text, unsigned int room);

/* Counts one result. Returns true when health changed. The first result counts at once. */
bool check_state_count(struct check_state *s, bool passed, uint32_t rise, uint32_t fall);

/* True while the state is changing: some results stand against the present health, or none is known
 * yet. Then the fast interval applies. */
bool check_state_changing(const struct check_state *s);

/* The messages. Main to probe. */
enum check_order_kind { CHECK_ORDER_PUT, CHECK_ORDER_DELETE };

struct check_order {
	enum check_order_kind kind;
	uint32_t id;
	enum health health;     /* last known, so that a new probe process does not begin anew */
	struct check_spec spec; /* PUT only; with verify, the CA bundle comes as a descriptor */
};

/* Probe to main: every result; a message holds one or more. */
struct check_report {
	uint32_t id;
	enum health health; /* after rise and fall */
	bool changed;       /* by this result */
	struct check_outcome outcome;
};

#endif
