/* SPDX-License-Identifier: GPL-2.0-only */
/* Orders: those that the daemon takes as they are, and isolate, which lasts as long as we do. */
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/host_rules.h"
#include "cli/options.h"
#include "cli/stream.h"

int cli_relay(struct cli *c, int argc, char **argv)
{
	argc = options_take(NULL, 0, true, argc, argv);
	if (argc != cli_argument_count(argv[0]) + 1)
		return cli_usage(argv[0]);
	return client_relay(c->paths.socket, (const char *const *)argv, argc);
}

int cli_reload(struct cli *c, int argc, char **argv)
{
	int code;

	argc = options_take(NULL, 0, true, argc, argv);
	if (argc < 1 || argc > 2 || (argc == 2 && strcmp(argv[1], "certificates")))
		return cli_usage("reload");
	code = client_relay(c->paths.socket, (const char *const *)argv, argc);
	if (code == CLI_DONE && argc == 1)
		host_rules_warn_running(c->paths.socket);
	return code;
}

int cli_isolate(struct cli *c, int argc, char **argv)
{
	const struct stream stream = {
		.socket = c->paths.socket,
		.lasts = true,
		.lost = "the daemon went away; nothing is isolated any more",
	};

	argc = options_take(NULL, 0, true, argc, argv);
	if (argc != 2)
		return cli_usage("isolate");
	return stream_run(&stream, (const char *const *)argv, argc);
}
