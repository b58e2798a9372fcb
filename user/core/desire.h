/* SPDX-License-Identifier: GPL-2.0-only */
/* Policy: model and facts in, plan out. Pure; every rule of what traffic goes where is here. */
#ifndef LBXDP_CORE_DESIRE_H
#define LBXDP_CORE_DESIRE_H

#include "core/facts.h"
#include "core/model.h"
#include "core/plan.h"
#include "core/store.h"

/* Returns a new plan, or NULL without memory. Rings and specs stay in store. */
struct plan *desire(const struct model *m, const struct facts *f, struct store *store);

/*
 * The rows of the index-th service alone, as they are in desire() of all. They follow from its own
 * facts, the ids of the other services, and what facts say of the host.
 */
struct plan *desire_service(const struct model *m, const struct facts *f, size_t index,
			    struct store *store);

/* The health of a real from that of its checks. */
enum health desire_health(enum require require, const enum health *checks, size_t count);

/* May the real get new flows or sessions? The backup's turn is not judged here. Direct Routing
 * needs its MAC address for that, layer 7 does not. */
bool real_usable(const struct service_config *s, const struct real_config *c,
		 const struct real_fact *f);

uint32_t real_weight(const struct real_config *c, const struct real_fact *f);
enum real_status real_status(const struct service_config *s, const struct real_fact *f);

/* Are its running flows or sessions reset (halt, on_down)? */
bool real_resets(const struct service_config *s, const struct real_fact *f);

/* used_backup (may be NULL): whether new flows go to the backup. */
enum service_status service_status(const struct service_config *s, const struct service_fact *f,
				   bool *used_backup);

/* Milliseconds to ticks of the data plane's clock, rounded up. */
uint32_t desire_ticks(uint32_t msec);

#endif
