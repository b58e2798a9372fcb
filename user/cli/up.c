/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp up`: a running daemon is joined; else the file is judged and a daemon started. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/host_rules.h"
#include "cli/options.h"
#include "daemon/config_file.h"
#include "daemon/daemon.h"

struct up {
	struct cli *cli;
	char *file;              /* absolute; NULL: that of the running daemon, or the default */
	char *const *interfaces; /* of the command line */
	size_t interface_count;
	const char *mode;
	bool foreground, no_wait;
};

/* -1 as configured, -2 unknown. */
static int parse_mode(const char *text)
{
	static const char *const names[] = {
		[XDP_MODE_AUTO] = "auto",
		[XDP_MODE_NATIVE] = "native",
		[XDP_MODE_GENERIC] = "generic",
	};

	if (!text)
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (!strcmp(text, names[i]))
			return (int)i;
	return -2;
}

/* Prints what is wrong with the file. Returns an exit code. */
static int judge_file(const struct up *u)
{
	struct buf messages = {};
	struct model *m = config_file_read(u->file, (const char *const *)u->interfaces,
					   u->interface_count, false, &messages);
	int code = m ? CLI_DONE : CLI_FAILED;

	fputs(buf_text(&messages), stderr);
	if (m && !m->node.interface_count && !u->interface_count)
		code = cli_fail(CLI_USAGE, "no interface: name one (lbxdp up eth0) or list them "
					   "under node.interfaces");
	model_free(m);
	buf_free(&messages);
	return code;
}

/* The words of the request for a running daemon; the caller frees the list. */
static const char **join_words(const struct up *u, size_t *count)
{
	const char **words = xcalloc(u->interface_count + 2, sizeof(*words));

	words[(*count)++] = u->no_wait ? "join" : "up";
	words[(*count)++] = u->file ? u->file : "";
	for (size_t i = 0; i < u->interface_count; i++)
		words[(*count)++] = u->interfaces[i];
	return words;
}

static void print_warnings(const char *socket)
{
	static const char *const words[] = {"warnings"};
	struct buf reply = {};

	if (client_ask(socket, words, 1, &reply) == 0)
		fputs(buf_text(&reply), stderr);
	buf_free(&reply);
	host_rules_warn_running(socket);
}

static int join(const struct up *u)
{
	const char *socket = u->cli->paths.socket, **words;
	size_t count = 0;
	int code;

	if (u->foreground)
		return cli_fail(CLI_FAILED, "already running; stop it with: lbxdp down");
	if (u->mode)
		return cli_fail(CLI_USAGE, "already running: --xdp-mode takes lbxdp down and then "
					   "lbxdp up");
	words = join_words(u, &count);
	code = client_relay(socket, words, count);
	free(words);
	if (code == CLI_DONE)
		print_warnings(socket);
	return code;
}

static struct daemon_options options_of(const struct up *u, int ready_fd)
{
	const struct paths *p = &u->cli->paths;

	return (struct daemon_options){
		.config_file = u->file,
		.interfaces = (const char *const *)u->interfaces,
		.interface_count = u->interface_count,
		.socket = p->socket,
		.run_dir = p->run_dir,
		.pin_dir = p->pin_dir,
		.state_dir = p->state_dir,
		.xdp_mode = parse_mode(u->mode),
		.foreground = u->foreground,
		.ready_fd = ready_fd,
	};
}

/* Standard input and output go nowhere, errors to the log. Returns 0 or -errno. */
static int detach_stdio(const struct paths *p)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), log, err = 0;

	if (null < 0)
		return -errno;
	log = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (log < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(log, STDERR_FILENO) < 0)
		err = -errno;
	if (log >= 0)
		close(log);
	close(null);
	return err;
}

/* The daemon's life, in the child. */
static int run_daemon(const struct up *u, int ready_fd)
{
	struct daemon_options o = options_of(u, ready_fd);
	int err = 0;

	umask(0022);
	if (ready_fd > 3)
		(void)close_range(3, ready_fd - 1, 0); /* what a shell left open is not ours */
	(void)close_range(ready_fd + 1, ~0U, 0);
	if (setsid() < 0 || chdir("/"))
		err = -errno;
	if (!err)
		err = detach_stdio(&u->cli->paths);
	if (err) {
		dprintf(ready_fd, "1\n%s: %s\n", u->cli->paths.log, strerror(-err));
		return CLI_FAILED;
	}
	return daemon_run(&o);
}

/* What the daemon says about its start, until it closes the pipe. */
static void read_report(int fd, struct buf *report)
{
	char part[4096];
	ssize_t got;

	while ((got = read(fd, part, sizeof(part))) > 0 || (got < 0 && errno == EINTR)) {
		if (got > 0)
			buf_append(report, part, got);
		if (report->len >= 2 && report->at[0] == '0')
			return; /* it runs; it may keep the pipe */
	}
}

static int judge_report(const struct up *u, struct buf *report, pid_t child)
{
	int code = client_take_code(report);

	if (code == CLI_DONE)
		return CLI_DONE;
	(void)waitpid(child, NULL, 0); /* ours, and about to end */
	if (code < 0)
		return cli_fail(CLI_FAILED, "the daemon ended while it started; see %s",
				u->cli->paths.log);
	cli_print(stderr, buf_text(report));
	return code;
}

static int wait_settled(const struct up *u)
{
	static const char *const words[] = {"wait"};
	const char *socket = u->cli->paths.socket;
	int code = u->no_wait ? CLI_DONE : client_relay(socket, words, 1);

	if (code == CLI_DONE)
		print_warnings(socket);
	return code;
}

static int start(const struct up *u)
{
	struct buf report = {};
	int ready[2], code;
	pid_t child;

	if (mkdir(u->cli->paths.run_dir, 0755) && errno != EEXIST)
		return cli_fail(CLI_FAILED, "%s: %s", u->cli->paths.run_dir, strerror(errno));
	if (pipe2(ready, O_CLOEXEC))
		return cli_fail(CLI_FAILED, "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		return cli_fail(CLI_FAILED, "fork: %s", strerror(errno));
	if (child == 0) {
		close(ready[0]);
		_exit(run_daemon(u, ready[1]));
	}
	close(ready[1]);
	read_report(ready[0], &report);
	close(ready[0]);
	code = judge_report(u, &report, child);
	buf_free(&report);
	return code == CLI_DONE ? wait_settled(u) : code;
}

/* Symbolic links in the directory's name are followed, but not the file itself when it is one: a
 * reload reads what it points to by then. NULL and errno when there is no such file. */
static char *absolute_name(const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
	char *given = xstrdup(slash ? file : "./"), *dir, *whole = NULL;

	if (slash)
		given[base - file] = '\0';
	dir = realpath(given, NULL);
	free(given);
	if (dir && access(file, F_OK) == 0 && asprintf(&whole, "%s/%s", dir, base) < 0)
		whole = NULL;
	free(dir);
	return whole;
}

/* The file's whole name: the daemon runs in another directory. */
static int find_file(struct up *u)
{
	const char *config = u->cli->config;

	if (!u->file)
		u->file = absolute_name(config);
	if (u->file)
		return CLI_DONE;
	return cli_fail(CLI_FAILED, "%s: %s%s", config, strerror(errno),
			errno == ENOENT ? "; write one with: lbxdp init exchange" : "");
}

/* Does a daemon answer? One that was just killed may have left its socket to a child that it was
 * making: that one hangs up when it becomes another program, and then nobody is there. */
static int ask_running(const char *socket)
{
	static const char *const ping[] = {"ping"};
	const struct timespec pause = {.tv_nsec = 20000000};
	int code = -EPROTO;

	for (int tries = 0; tries < 100 && (code == -EPROTO || code == -ECONNRESET); tries++) {
		struct buf reply = {};

		if (tries)
			nanosleep(&pause, NULL);
		code = client_ask(socket, ping, 1, &reply);
		buf_free(&reply);
	}
	return code;
}

static int up(struct up *u)
{
	struct daemon_options o;
	int code = u->cli->config_given ? find_file(u) : CLI_DONE;

	if (code != CLI_DONE)
		return code;
	code = ask_running(u->cli->paths.socket);
	if (code == CLI_DONE)
		return join(u);
	if (!client_absent(code))
		return client_complain(u->cli->paths.socket, code);
	code = find_file(u);
	if (code == CLI_DONE)
		code = judge_file(u);
	if (code != CLI_DONE)
		return code;
	if (!u->foreground)
		return start(u);
	o = options_of(u, -1);
	return daemon_run(&o);
}

int cli_up(struct cli *c, int argc, char **argv)
{
	struct up u = {.cli = c};
	const struct option_row rows[] = {
		{"--xdp-mode",   &u.mode, NULL         },
		{"--foreground", NULL,    &u.foreground},
		{"--no-wait",    NULL,    &u.no_wait   },
	};
	int code;

	argc = options_take(rows, ARRAY_COUNT(rows), true, argc, argv);
	if (argc < 0 || parse_mode(u.mode) == -2)
		return cli_usage("up");
	u.interfaces = argv + 1;
	u.interface_count = argc - 1;
	code = up(&u);
	free(u.file);
	return code;
}
