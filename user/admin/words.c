/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/words.h"

#include <stdio.h>

static const struct {
	char letter;
	enum grid_colour colour;
} service_look[] = {
	[SERVICE_HEALTHY] = {'H', GRID_GREEN },
	[SERVICE_DEGRADED] = {'A', GRID_AMBER },
	[SERVICE_DOWN] = {'D', GRID_RED   },
	[SERVICE_REDIRECT] = {'R', GRID_PURPLE},
};

static const struct {
	char letter;
	enum grid_colour colour;
} real_look[] = {
	[REAL_UP] = {'U', GRID_GREEN},
	[REAL_DOWN] = {'D', GRID_RED  },
	[REAL_DRAIN] = {'O', GRID_BLUE },
	[REAL_HALT] = {'O', GRID_BLUE },
};

char words_service_letter(enum service_status s)
{
	return service_look[s].letter;
}

char words_real_letter(enum real_status s)
{
	return real_look[s].letter;
}

enum grid_colour words_service_colour(enum service_status s)
{
	return service_look[s].colour;
}

enum grid_colour words_real_colour(enum real_status s)
{
	return real_look[s].colour;
}

void words_vips(const struct service_config *s, struct buf *out)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < s->vip_count; i++) {
		buf_puts(out, i ? "," : "");
		buf_puts(out, addr_format(&s->vips[i], text));
	}
}

void words_ports(const struct service_config *s, struct buf *out)
{
	char text[12];

	if (s->parent) /* clients come to its parent */
		buf_puts(out, "route");
	for (size_t i = 0; i < s->port_range_count; i++) {
		buf_puts(out, i ? "," : "");
		buf_puts(out, port_range_format(&s->ports[i], text));
	}
}

const char *words_method(const struct service_config *s)
{
	return service_is_l7(s) ? "Layer 7" : "Layer 4";
}

const char *words_mode(const struct service_config *s)
{
	static const char *const words[MODE_COUNT] = {[MODE_L4_DR] = "DR",
						      [MODE_L7_TCP] = "TCP",
						      [MODE_L7_HTTP] = "HTTP",
						      [MODE_L4_NAT] = "NAT",
						      [MODE_L4_SNAT] = "SNAT"};

	return words[s->mode];
}

uint64_t words_active(const struct view_service *s, const struct view_real *r)
{
	return service_is_l7(s->config) ? r->l7.current : r->active;
}

static bool same_kind(const struct view_check *a, const struct view_check *b)
{
	return a->type == b->type && a->port == b->port && addr_equal(&a->via, &b->via);
}

const char *words_check_label(const struct view_real *r, size_t index, char *text)
{
	const struct view_check *c = &r->checks[index];
	char via[ADDR_TEXT_LEN];
	unsigned int nth = 1;
	int len;

	for (size_t i = 0; i < index; i++)
		nth += same_kind(&r->checks[i], c);
	len = snprintf(text, CHECK_LABEL_LEN, "%s", check_type_name(c->type));
	if (c->port)
		len += snprintf(text + len, CHECK_LABEL_LEN - len, ":%u", c->port);
	if (!addr_is_unspecified(&c->via))
		len += snprintf(text + len, CHECK_LABEL_LEN - len, " via %s",
				addr_format(&c->via, via));
	if (nth > 1)
		snprintf(text + len, CHECK_LABEL_LEN - len, "#%u", nth);
	return text;
}

const char *words_check_code(const struct check_outcome *o, char *text)
{
	const char *name = check_code_name(o->code);

	if (o->status)
		snprintf(text, CHECK_WORD_LEN, "%s/%u", name, o->status);
	else
		snprintf(text, CHECK_WORD_LEN, "%s", name);
	return text;
}

const char *words_age(time_t since, time_t now, char *text)
{
	long long age = now > since ? now - since : 0;

	if (!since)
		snprintf(text, DURATION_TEXT_LEN, "-");
	else if (age < 60)
		snprintf(text, DURATION_TEXT_LEN, "%llds", age);
	else if (age < 3600)
		snprintf(text, DURATION_TEXT_LEN, "%lldm%02llds", age / 60, age % 60);
	else if (age < 86400)
		snprintf(text, DURATION_TEXT_LEN, "%lldh%02lldm", age / 3600, age / 60 % 60);
	else
		snprintf(text, DURATION_TEXT_LEN, "%lldd%02lldh", age / 86400, age / 3600 % 24);
	return text;
}

const struct view_check *words_worst(const struct view_real *r)
{
	return r->worst < r->check_count ? &r->checks[r->worst] : NULL;
}

bool words_check_up(const struct view_check *c)
{
	return c->health == HEALTH_UP;
}
