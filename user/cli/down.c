/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp down`: by the daemon when there is one, else by ourselves. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "daemon/daemon.h"

/* What a daemon that was killed left in its run-time directory. */
static void remove_run_files(const struct paths *p)
{
	char empty[sizeof(p->run_dir) + 8];
	struct stat st;

	if (!lstat(p->socket, &st) && S_ISSOCK(st.st_mode))
		(void)unlink(p->socket); /* gone is what it should be */
	(void)unlink(p->log);
	snprintf(empty, sizeof(empty), "%s/empty", p->run_dir);
	(void)rmdir(empty);
	(void)rmdir(p->run_dir); /* stays when someone else keeps files there */
}

static int clean(const struct cli *c, char *const *interfaces, size_t count)
{
	const struct paths *p = &c->paths;
	struct daemon_options o = {
		.config_file = c->config,
		.interfaces = (const char *const *)interfaces,
		.interface_count = count,
		.socket = p->socket,
		.run_dir = p->run_dir,
		.pin_dir = p->pin_dir,
		.state_dir = p->state_dir,
		.xdp_mode = -1,
		.ready_fd = -1,
	};
	struct buf said = {};
	int err = daemon_clean(&o, &said);

	cli_print(err ? stderr : stdout, buf_text(&said));
	buf_free(&said);
	if (!err)
		remove_run_files(p);
	return err ? CLI_FAILED : CLI_DONE;
}

int cli_down(struct cli *c, int argc, char **argv)
{
	const char **words;
	struct buf reply = {};
	int code;

	argc = options_take(NULL, 0, true, argc, argv);
	if (argc < 0)
		return cli_usage("down");
	words = xcalloc(argc, sizeof(*words));
	words[0] = "down";
	for (int i = 1; i < argc; i++)
		words[i] = argv[i];
	code = client_ask(c->paths.socket, words, argc, &reply);
	free(words);
	if (client_absent(code))
		code = clean(c, argv + 1, argc - 1);
	else if (code < 0)
		code = client_complain(c->paths.socket, code);
	else
		fputs(buf_text(&reply), code ? stderr : stdout);
	buf_free(&reply);
	return code;
}
