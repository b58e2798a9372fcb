/* SPDX-License-Identifier: GPL-2.0-only */
/* One page of metrics while it is being written; metrics.c begins it, metrics_service.c holds the
 * families of services, reals and checks. */
#ifndef LBXDP_ADMIN_METRICS_H
#define LBXDP_ADMIN_METRICS_H

#include "admin/exposition.h"
#include "core/view.h"

struct page {
	struct exposition to;
	const struct view *view;
	struct buf *real_labels; /* service and real, in the order of the view */
	size_t real_count;
};

void metrics_services(struct page *p);
void metrics_reals(struct page *p);
void metrics_checks(struct page *p);

#endif
