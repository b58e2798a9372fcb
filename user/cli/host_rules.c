/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/host_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/client.h"
#include "core/filter_rules.h"
#include "daemon/config_file.h"
#include "net/net.h"

void host_rules_examine(const struct model *m, struct findings *out)
{
	struct buf rules = {};

	(void)net_filter_rules(&rules); /* what was read counts */
	filter_rules_examine(buf_text(&rules), m, out);
	buf_free(&rules);
}

void host_rules_warn(const char *file, const struct model *m)
{
	struct findings found = {};

	host_rules_examine(m, &found);
	for (size_t i = 0; i < found.count; i++)
		fprintf(stderr, "%s: warning: %s: %s; %s; %s\n", file, found.at[i].about,
			found.at[i].seen, found.at[i].why, found.at[i].type);
	findings_free(&found);
}

char *host_rules_config(const char *socket)
{
	static const char *const words[] = {"config"};
	struct buf reply = {};
	char *path = NULL;

	if (client_ask(socket, words, 1, &reply) == 0 && reply.len > 1) {
		path = xstrdup(buf_text(&reply));
		path[strcspn(path, "\n")] = '\0';
	}
	buf_free(&reply);
	return path;
}

void host_rules_warn_running(const char *socket)
{
	char *path = host_rules_config(socket);
	struct buf messages = {};
	struct model *m = path ? config_file_read_alone(path, &messages) : NULL;

	if (m)
		host_rules_warn(path, m);
	model_free(m);
	buf_free(&messages);
	free(path);
}
