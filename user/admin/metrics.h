/* SPDX-License-Identifier: GPL-2.0-only */
/* One page of metrics while it is being written; metrics.c begins it, metrics_service.c holds the
 * families of services, reals and checks, metrics_l7.c those of layer 7. */
#ifndef LBXDP_ADMIN_METRICS_H
#define LBXDP_ADMIN_METRICS_H

#include <stddef.h>

#include "admin/exposition.h"
#include "core/view.h"

struct page {
	struct exposition to;
	const struct view *view;
	struct buf *real_labels; /* service and real, in the order of the view */
	size_t real_count;
};

/* A plain number: a row of a table. */
struct number_family {
	const char *name, *help;
	enum metric_type type;
	size_t offset, size; /* of an unsigned field of 4 or 8 bytes */
};

#define METRIC_FIELD(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)

/* The family's field of row. */
uint64_t metrics_field(const void *row, const struct number_family *f);

void metrics_services(struct page *p);
void metrics_reals(struct page *p);
void metrics_checks(struct page *p);
void metrics_l7(struct page *p);

#endif
