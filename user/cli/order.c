/* SPDX-License-Identifier: GPL-2.0-only */
/* Orders: those that the daemon takes as they are, and isolate, which lasts as long as we do. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/host_rules.h"
#include "cli/options.h"

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

/* SIGINT, SIGTERM and SIGHUP as a descriptor. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* More of the reply. Returns false at its end. */
static bool read_more(int fd, struct buf *reply)
{
	char part[4096];
	ssize_t got = recv(fd, part, sizeof(part), 0);

	if (got > 0)
		buf_append(reply, part, got);
	return got > 0 || (got < 0 && errno == EINTR);
}

/* Prints the reply as it comes, until a signal or the end. Returns the exit code. */
static int hold(int fd, int signals, const char *socket)
{
	struct pollfd fds[] = {
		{.fd = fd,      .events = POLLIN},
                {.fd = signals, .events = POLLIN}
        };
	struct buf reply = {};
	int code = -EPROTO;
	bool open = true;

	while (open && (poll(fds, 2, -1) > 0 || errno == EINTR)) {
		if (fds[1].revents)
			break;
		open = !fds[0].revents || read_more(fd, &reply);
		if (code < 0 && reply.len >= 2)
			code = client_take_code(&reply);
		if (code < 0)
			continue;
		fputs(buf_text(&reply), code ? stderr : stdout);
		fflush(stdout);
		buf_clear(&reply);
	}
	buf_free(&reply);
	if (code < 0)
		return open ? CLI_FAILED : client_complain(socket, code);
	if (code == CLI_DONE && !open)
		return cli_fail(CLI_FAILED, "the daemon went away; nothing is isolated any more");
	return code;
}

int cli_isolate(struct cli *c, int argc, char **argv)
{
	int fd, signals, code;

	argc = options_take(NULL, 0, true, argc, argv);
	if (argc != 2)
		return cli_usage("isolate");
	signals = open_signals();
	if (signals < 0)
		return cli_fail(CLI_FAILED, "signals: %s", strerror(errno));
	fd = client_send(c->paths.socket, (const char *const *)argv, argc);
	code = fd < 0 ? client_complain(c->paths.socket, fd) : hold(fd, signals, c->paths.socket);
	if (fd >= 0)
		close(fd);
	close(signals);
	return code;
}
