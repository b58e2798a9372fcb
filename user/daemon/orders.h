/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Admin orders: drain, halt, weight. They are kept in a small text file, one order a line, replaced
 * whole and atomically, so that they survive reload, restart and `down` until undone. Orders for
 * names that the configuration does not have now are kept too.
 */
#ifndef LBXDP_DAEMON_ORDERS_H
#define LBXDP_DAEMON_ORDERS_H

#include "base/buf.h"
#include "core/model.h"
#include "core/view.h"

struct order {
	enum admin_order admin;
	int32_t weight; /* -1: as configured */
};

struct orders;

/* Reads path; a file that is not there is no orders. Lines that cannot be read are reported by log
 * and kept out. */
struct orders *orders_open(const char *path);
void orders_close(struct orders *o);

struct order orders_get(const struct orders *o, const char *service, const char *real);
void orders_set(struct orders *o, const char *service, const char *real, struct order order);

/* Writes the file. Returns 0 or -errno; the orders are in force all the same. */
int orders_save(const struct orders *o);

/* Does "SERVICE/REAL" name this service, and this real? Either part may be '*'. */
bool pattern_has_service(const char *pattern, const char *service);
bool pattern_has_real(const char *pattern, const char *real);

/*
 * Calls fn for each real of m that "SERVICE/REAL" names; either part may be '*'. Returns how many;
 * 0 when none, with the reason and what there is in why.
 */
size_t orders_match(const struct model *m, const char *pattern,
		    void (*fn)(void *arg, const struct service_config *s,
			       const struct real_config *r),
		    void *arg, struct buf *why);

#endif
