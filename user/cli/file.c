/* SPDX-License-Identifier: GPL-2.0-only */
/* What only needs the configuration file: check, schema, real-script. */
#include <stdio.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/host_rules.h"
#include "cli/options.h"
#include "cli/real_script.h"
#include "core/config.h"
#include "daemon/config_file.h"

/* The model, or NULL; messages go to stderr. */
static struct model *read_file(const struct cli *c, char *const *interfaces, size_t count)
{
	struct buf messages = {};
	struct model *m = config_file_read(c->config, (const char *const *)interfaces, count, true,
					   &messages);

	fputs(buf_text(&messages), stderr);
	buf_free(&messages);
	return m;
}

static void print_model(const struct model *m)
{
	struct buf out = {};

	config_print(m, &out);
	fputs(buf_text(&out), stdout);
	buf_free(&out);
}

static void print_summary(const struct cli *c, const struct model *m)
{
	size_t reals = 0, services = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		const struct service_config *s = &m->services[i];

		services += !s->parent;
		reals += s->parent && s->reals == s->parent->reals ? 0 : s->real_count;
	}
	printf("%s: ok: %zu services, %zu reals\n", c->config, services, reals);
}

int cli_check(struct cli *c, int argc, char **argv)
{
	bool print = false;
	const struct option_row rows[] = {
		{"--print", NULL, &print}
        };
	struct model *m;

	argc = options_take(rows, ARRAY_COUNT(rows), true, argc, argv);
	if (argc < 0)
		return cli_usage("check");
	m = read_file(c, argv + 1, argc - 1);
	if (!m)
		return CLI_FAILED;
	host_rules_warn(c->config, m);
	if (print)
		print_model(m);
	else
		print_summary(c, m);
	model_free(m);
	return CLI_DONE;
}

int cli_schema(struct cli *c, int argc, char **argv)
{
	bool mdoc = false;
	const struct option_row rows[] = {
		{"--mdoc", NULL, &mdoc}
        };
	struct buf out = {};

	if (options_take(rows, ARRAY_COUNT(rows), true, argc, argv) != 1)
		return cli_usage("schema");
	if (mdoc)
		config_schema_mdoc(&out);
	else
		config_schema_text(&out);
	fputs(buf_text(&out), stdout);
	buf_free(&out);
	return CLI_DONE;
}

/* Wherever the file is: the script runs on the real servers. */
int cli_script(struct cli *c, int argc, char **argv)
{
	struct buf messages = {};
	struct model *m = config_file_read_alone(c->config, &messages);
	int code = m ? cli_real_script(m, argc, argv) : CLI_FAILED;

	fputs(buf_text(&messages), stderr);
	buf_free(&messages);
	model_free(m);
	return code;
}
