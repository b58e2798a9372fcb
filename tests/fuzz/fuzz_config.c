/* SPDX-License-Identifier: GPL-2.0-only */
/* The config reader (F12): any bytes give a model or messages, and what is printed of a model reads
 * back to the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/model_change.h"
#include "core/model_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const host_interfaces[] = {"lo", "eth0", "eth1"};

/* 192.168.30.0/24 and 2001:db8::/32, as the lab has them. */
static const struct prefix connected[] = {
	{{{[10] = 0xff, 0xff, 192, 168, 30}}, 120},
	{{{0x20, 0x01, 0x0d, 0xb8}},          32 },
};

static struct model *read_text(const char *text, size_t len, const struct config_net *net)
{
	struct config_input in = {
		.file = "fuzz", .text = text, .len = len, .host_name = "lb1", .net = net};
	struct buf messages = {0};
	struct model *m = config_read(&in, &messages);

	if (!m && !messages.len)
		abort();
	buf_free(&messages);
	return m;
}

static void walk_specs(const struct model *m)
{
	for (size_t i = 0; i < m->service_count; i++) {
		const struct service_config *s = &m->services[i];
		struct check_spec spec;

		for (size_t j = 0; j < s->real_count; j++)
			for (size_t k = 0; service_check_spec(s, &s->reals[j], k, &spec); k++)
				if (!memchr(spec.request, '\0', sizeof(spec.request)))
					abort();
	}
}

static void must_be_absolute(void *arg, const struct model_file *f)
{
	if (*f->path != '/' || !f->place.line)
		abort();
}

/* A pool stands behind its service, and every route leads somewhere. */
static void walk_routes(const struct model *m)
{
	for (size_t i = 0; i < m->service_count; i++) {
		const struct service_config *s = &m->services[i];

		if (s->parent && (s->parent >= s || s->parent->parent || s->port_range_count))
			abort();
		for (size_t j = 0; j < s->l7.route_count; j++)
			if (s->l7.routes[j].pool != s && s->l7.routes[j].pool->parent != s)
				abort();
	}
}

static void must_equal_itself(const struct model *m)
{
	struct buf changes = {0};

	model_describe_changes(m, m, &changes);
	if (changes.len)
		abort();
	buf_free(&changes);
}

static void print_and_read_back(const struct model *m)
{
	struct buf once = {0}, twice = {0};
	struct model *again;

	config_print(m, &once);
	again = read_text(buf_text(&once), once.len, NULL);
	if (!again)
		abort();
	config_print(again, &twice);
	if (strcmp(buf_text(&once), buf_text(&twice)))
		abort();
	model_free(again);
	buf_free(&once);
	buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_net net = {.interfaces = host_interfaces,
				 .interface_count = 3,
				 .connected = connected,
				 .connected_count = 2,
				 .networks = connected,
				 .network_count = 2,
				 .missing_ok = size % 2};
	struct arena *a = arena_new();
	struct model *m;

	(void)config_interfaces((const char *)data, size, a);
	arena_free(a);
	model_free(read_text((const char *)data, size, &net));
	m = read_text((const char *)data, size, NULL);
	if (m) {
		walk_specs(m);
		walk_routes(m);
		model_each_file(m, must_be_absolute, NULL);
		must_equal_itself(m);
		print_and_read_back(m);
	}
	model_free(m);
	return 0;
}
