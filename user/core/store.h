/* SPDX-License-Identifier: GPL-2.0-only */
/* What plans share: rings, lists of clients and check specs by content. Equal content is one
 * pointer, so that plans compare pointers, and what did not change is not computed again. */
#ifndef LBXDP_CORE_STORE_H
#define LBXDP_CORE_STORE_H

#include "core/acl.h"
#include "core/check.h"
#include "core/maglev.h"
#include "core/plan.h"
#include "core/ring.h"

struct store;

struct store *store_new(void);
void store_free(struct store *s);

/* Takes r and returns the ring of that content that everyone uses. */
const struct ring *store_ring(struct store *s, struct ring *r);

/* ring_wrr and maglev_table of shares, remembered. NULL without memory. */
const struct ring *store_wrr(struct store *s, const struct ring_share *shares, size_t count,
			     size_t most);
const struct ring *store_maglev(struct store *s, const struct maglev_share *shares, size_t count,
				size_t slots);

/* Copies a; equal lists of a configuration that is read anew stay one pointer. */
const struct acl *store_acl(struct store *s, const struct acl *a);

/* Copies spec. */
const struct check_spec *store_spec(struct store *s, const struct check_spec *spec);

/* Frees what no row of plan holds. */
void store_trim(struct store *s, const struct plan *plan);

/* Bytes of rings that were made since the last trim: what there may be to free. */
size_t store_made(const struct store *s);

#endif
