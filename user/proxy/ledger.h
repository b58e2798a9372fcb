/* SPDX-License-Identifier: GPL-2.0-only */
/* Main's view of struct proxy_shared: made, or taken over from an earlier main, and read. */
#ifndef LBXDP_PROXY_LEDGER_H
#define LBXDP_PROXY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/proxy.h"

struct ledger {
	int memory; /* the file behind shared; -1: none */
	struct proxy_shared *shared;
	bool inherited;
	unsigned int columns; /* the first so many may be in use */
};

/* Returns 0 or -errno; fini does for either. */
int ledger_make(struct ledger *l);
/* fd is a memory that processes of an earlier main share; taken, if it can be. Returns 0, or
 * -errno: it is not one of ours. */
int ledger_inherit(struct ledger *l, int fd);
void ledger_fini(struct ledger *l);

/* Its process is gone. Returns 0 or -errno. */
int ledger_clear_column(const struct ledger *l, unsigned int column);

/* Counters as they are now; current and queued are summed over the processes. */
struct proxy_counts ledger_service(const struct ledger *l, uint32_t id, uint64_t *current,
				   uint64_t *queued);
struct proxy_counts ledger_real(const struct ledger *l, uint32_t id, uint64_t *current,
				uint64_t *queued);
uint64_t ledger_sessions(const struct ledger *l);

/* The rows of sessions of a column in use, copied. */
typedef void ledger_session_fn(void *arg, const struct proxy_session *s);
void ledger_each_session(const struct ledger *l, unsigned int column, ledger_session_fn *fn,
			 void *arg);

/* What an id stands for. */
void ledger_name_service(const struct ledger *l, uint32_t id, const char *name);
void ledger_name_real(const struct ledger *l, uint32_t id, const char *name);
/* Those that have a name, in order. */
typedef void ledger_name_fn(void *arg, uint32_t id, const char *name);
void ledger_each_service(const struct ledger *l, ledger_name_fn *fn, void *arg);
void ledger_each_real(const struct ledger *l, ledger_name_fn *fn, void *arg);

/* The id is free: counters are 0, it has no name. */
void ledger_clear_service(const struct ledger *l, uint32_t id);
void ledger_clear_real(const struct ledger *l, uint32_t id);

#endif
