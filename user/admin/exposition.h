/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The syntax of the Prometheus text format 0.0.4 and of OpenMetrics 1.0: families, labels, samples.
 * What is measured is in metrics.c.
 */
#ifndef LBXDP_ADMIN_EXPOSITION_H
#define LBXDP_ADMIN_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_INFO, METRIC_HISTOGRAM };

/* Set out and openmetrics, leave the rest zero. */
struct exposition {
	struct buf *out;
	bool openmetrics;
	const char *family;
};

/* HELP and TYPE. name as its samples bear it: counters with _total, info with _info. Kept until the
 * next family. */
void exposition_family(struct exposition *e, const char *name, enum metric_type t,
		       const char *help);

/* key="value", escaped; appended to labels after a comma where one is due. */
void exposition_label(struct buf *labels, const char *key, const char *value);

/* A sample of the current family. labels is text made by exposition_label, or NULL. */
void exposition_number(struct exposition *e, const char *labels, uint64_t value);
void exposition_fraction(struct exposition *e, const char *labels, double value);

/* A sample whose name is the family's and a suffix: _bucket, _sum, _count. */
void exposition_part(struct exposition *e, const char *suffix, const char *labels, double value);

/* "0.005", "1.0", "+Inf" as le values are written. */
void exposition_bound(struct buf *labels, double bound);

/* A whole histogram: count buckets, each with its own number only; bounds of all but the last. */
void exposition_histogram(struct exposition *e, const char *labels, const double *bounds,
			  const uint64_t *bucket, size_t count, double sum);

void exposition_end(struct exposition *e);

#endif
