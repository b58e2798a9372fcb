/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp doctor`: what the daemon found, and what is seen best from a process of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/host_rules.h"
#include "cli/options.h"
#include "core/doctor.h"
#include "daemon/config_file.h"
#include "daemon/power.h"
#include "dataplane/dataplane.h"

/* Exit codes as everywhere: 0 nothing found, 1 something, or it could not be looked. */
int doctor_print(struct findings *f, bool json)
{
	struct buf out = {};
	int code = f->count ? CLI_FAILED : CLI_DONE;

	findings_sort(f);
	if (json)
		render_findings_json(f, &out);
	else
		render_findings_text(f, &out);
	if (fwrite(buf_text(&out), 1, out.len, stdout) != out.len || fflush(stdout))
		code = cli_fail(CLI_FAILED, "cannot write to standard output");
	buf_free(&out);
	return code;
}

struct model *doctor_model(const struct cli *c, struct buf *messages)
{
	char *running = c->config_given ? NULL : host_rules_config(c->paths.socket);
	struct model *m = config_file_read_alone(running ? running : c->config, messages);

	free(running);
	return m;
}

/* A round of questions on the wire, then what the daemon makes of all that it knows. Returns 0 or
 * -errno. */
static int ask_daemon(const char *socket, bool arp, struct findings *f)
{
	static const char *const ask[] = {"ask", "arp"};
	static const char *const report[] = {"doctor", "arp"};
	struct buf reply = {};
	int err = client_ask(socket, ask, arp ? 2 : 1, &reply);

	if (!err) {
		buf_clear(&reply);
		err = client_ask(socket, report, arp ? 2 : 1, &reply);
	}
	if (err > 0)
		(void)cli_fail(CLI_FAILED, "%.*s", (int)strcspn(buf_text(&reply), "\n"),
			       buf_text(&reply));
	if (!err)
		err = findings_read(f, buf_text(&reply));
	buf_free(&reply);
	return err;
}

static void examine_rules(const struct cli *c, struct findings *f)
{
	struct buf messages = {};
	struct model *m = doctor_model(c, &messages);

	if (m)
		host_rules_examine(m, f);
	model_free(m);
	buf_free(&messages);
}

/* No daemon runs: what keeps one from running, and what goes on without it. */
static void examine_host(const struct cli *c, struct findings *f)
{
	struct buf messages = {}, hint = {};
	struct model *m = config_file_read(c->config, NULL, 0, false, &messages);
	struct doctor_host h = {.pin_dir = c->paths.pin_dir, .config = c->config};
	uid_t uid;
	gid_t gid;

	h.orphaned = !dataplane_silence(c->paths.pin_dir, &h.silence_msec);
	h.has_user = !power_find_user(&uid, &gid, &hint);
	h.user_hint = buf_text(&hint);
	if (!m) {
		if (messages.len)
			messages.at[strcspn(messages.at, "\n")] = '\0';
		h.config_error = buf_text(&messages);
	}
	doctor_examine_host(&h, f);
	model_free(m);
	buf_free(&messages);
	buf_free(&hint);
}

static int examine(const struct cli *c, bool arp, bool json)
{
	struct findings f = {};
	int code = ask_daemon(c->paths.socket, arp, &f);

	if (client_absent(code) && !arp)
		examine_host(c, &f);
	else if (code < 0)
		code = client_complain(c->paths.socket, code);
	if (code > 0) {
		findings_free(&f);
		return code;
	}
	if (!arp)
		examine_rules(c, &f);
	code = doctor_print(&f, json);
	findings_free(&f);
	return code;
}

int cli_doctor(struct cli *c, int argc, char **argv)
{
	bool json = false, arp;
	const struct option_row rows[] = {
		{"--json", NULL, &json}
        };

	argc = options_take(rows, ARRAY_COUNT(rows), true, argc, argv);
	if (argc == 3 && !strcmp(argv[1], "exchange"))
		return doctor_exchange(c, argv[2], json);
	arp = argc == 2 && !strcmp(argv[1], "arp");
	if (argc != 1 && !arp)
		return cli_usage("doctor");
	return examine(c, arp, json);
}
