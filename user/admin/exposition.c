/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/exposition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "admin/json.h"

/* OpenMetrics names a family without the suffix that its samples bear. */
static const struct {
	const char *word, *openmetrics_word, *suffix;
} types[] = {
	[METRIC_COUNTER] = {"counter",   "counter",   "_total"},
	[METRIC_GAUGE] = {"gauge",     "gauge",     ""      },
	[METRIC_INFO] = {"gauge",     "info",      "_info" },
	[METRIC_HISTOGRAM] = {"histogram", "histogram", ""      },
};

void exposition_family(struct exposition *e, const char *name, enum metric_type t, const char *help)
{
	size_t len = strlen(name) - (e->openmetrics ? strlen(types[t].suffix) : 0);

	e->family = name;
	buf_printf(e->out, "# HELP %.*s %s\n", (int)len, name, help);
	buf_printf(e->out, "# TYPE %.*s %s\n", (int)len, name,
		   e->openmetrics ? types[t].openmetrics_word : types[t].word);
}

static void put_value(struct buf *out, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, "\\\"\n"), good = 0;
		unsigned int sequence;

		while (good < len && (sequence = json_utf8(s + good)))
			good += sequence;
		buf_append(out, s, good);
		s += good;
		if (!*s)
			break;
		if (good < len)
			buf_puts(out, "?"); /* not UTF-8: a scraper would refuse the whole page */
		else
			buf_puts(out, *s == '\n' ? "\\n" : *s == '"' ? "\\\"" : "\\\\");
		s++;
	}
}

void exposition_label(struct buf *labels, const char *key, const char *value)
{
	if (labels->len)
		buf_append(labels, ",", 1);
	buf_puts(labels, key);
	buf_append(labels, "=\"", 2);
	put_value(labels, value);
	buf_append(labels, "\"", 1);
}

static void put_name(struct exposition *e, const char *suffix, const char *labels)
{
	buf_puts(e->out, e->family);
	buf_puts(e->out, suffix);
	if (labels && *labels) {
		buf_append(e->out, "{", 1);
		buf_puts(e->out, labels);
		buf_append(e->out, "}", 1);
	}
	buf_append(e->out, " ", 1);
}

/* Ten thousand reals are a quarter of a million numbers: printf would be half of the page's cost.
 */
void exposition_number(struct exposition *e, const char *labels, uint64_t value)
{
	char text[24];
	size_t at = sizeof(text);

	put_name(e, "", labels);
	text[--at] = '\n';
	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_append(e->out, text + at, sizeof(text) - at);
}

void exposition_part(struct exposition *e, const char *suffix, const char *labels, double value)
{
	put_name(e, suffix, labels);
	buf_printf(e->out, "%.15g\n", value);
}

void exposition_fraction(struct exposition *e, const char *labels, double value)
{
	exposition_part(e, "", labels, value);
}

void exposition_bound(struct buf *labels, double bound)
{
	char text[32];

	if (isinf(bound))
		snprintf(text, sizeof(text), "+Inf");
	else
		snprintf(text, sizeof(text), "%g", bound);
	if (!strpbrk(text, ".eI"))
		strcat(text, ".0"); /* OpenMetrics wants le to look like a float */
	exposition_label(labels, "le", text);
}

void exposition_histogram(struct exposition *e, const char *labels, const double *bounds,
			  const uint64_t *bucket, size_t count, double sum)
{
	uint64_t total = 0;

	for (size_t b = 0; b < count; b++) {
		struct buf more = {};

		total += bucket[b];
		buf_puts(&more, labels);
		exposition_bound(&more, b + 1 < count ? bounds[b] : INFINITY);
		exposition_part(e, "_bucket", buf_text(&more), total);
		buf_free(&more);
	}
	exposition_part(e, "_sum", labels, sum);
	exposition_part(e, "_count", labels, total);
}

void exposition_end(struct exposition *e)
{
	if (e->openmetrics)
		buf_puts(e->out, "# EOF\n");
}
