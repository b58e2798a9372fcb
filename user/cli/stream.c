/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/stream.h"

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

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

/* As a descriptor. */
static int open_signals(void)
{
	sigset_t set = ending_signals();

	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* More of the reply. Returns false at its end. */
static bool read_more(int fd, struct buf *reply)
{
	char part[65536];
	ssize_t got = recv(fd, part, sizeof(part), 0);

	if (got > 0)
		buf_append(reply, part, got);
	return got > 0 || (got < 0 && errno == EINTR);
}

/* Where the daemon has something to say at the end, the first signal asks it for that; a second one
 * ends the program. Returns false where there is nothing to wait for. */
static bool ask_for_the_end(const struct stream *s, int fd, struct pollfd *signals)
{
	sigset_t set = ending_signals();
	struct signalfd_siginfo taken;

	if (!s->says_more || shutdown(fd, SHUT_WR))
		return false;
	(void)!read(signals->fd, &taken, sizeof(taken)); /* the first one is dealt with */
	signals->fd = -1;
	return !sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Prints what has come of a reply. Of one that is sealed, the code behind the seal is the one that
 * counts. Returns whether this was the seal. */
static bool print(struct buf *reply, bool sealed, int *code)
{
	const char *seal = sealed && reply->len ? memchr(reply->at, '\0', reply->len) : NULL;
	size_t len = seal ? (size_t)(seal - reply->at) : reply->len;

	fwrite(buf_text(reply), 1, len, *code ? stderr : stdout);
	fflush(stdout);
	buf_consume(reply, len + !!seal);
	if (seal)
		*code = client_take_code(reply);
	return seal;
}

/* Returns the exit code, or -errno. *open: the daemon has not ended it. */
static int copy(const struct stream *s, int fd, int signals, bool *open)
{
	struct pollfd fds[] = {
		{.fd = fd,      .events = POLLIN},
                {.fd = signals, .events = POLLIN}
        };
	struct buf reply = {};
	bool unsealed = s->sealed;
	int code = -EPROTO;

	while (*open && (poll(fds, 2, -1) > 0 || errno == EINTR)) {
		if (fds[1].revents && !ask_for_the_end(s, fd, &fds[1]))
			break;
		*open = !fds[0].revents || read_more(fd, &reply);
		if (code < 0 && reply.len >= 2)
			code = client_take_code(&reply);
		if (code < 0)
			continue;
		if (print(&reply, unsealed && !code, &code))
			unsealed = false;
	}
	if (unsealed && !code)
		code = -EPROTO;
	buf_free(&reply);
	if (*open && code >= 0)
		return code;
	if (*open)
		return CLI_FAILED;
	*open = fds[1].fd < 0 && s->lasts; /* it ended as it was asked to */
	return code;
}

static int run(const struct stream *s, int fd, int signals)
{
	bool open = true;
	int code = copy(s, fd, signals, &open);

	if (code < 0)
		return client_complain(s->socket, code);
	if (code == CLI_DONE && !open && s->lost)
		return cli_fail(CLI_FAILED, "%s", s->lost);
	return ferror(stdout) ? CLI_FAILED : code;
}

int stream_run(const struct stream *s, const char *const *words, int count)
{
	int signals = s->lasts ? open_signals() : -1, fd, code;

	if (s->lasts && signals < 0)
		return cli_fail(CLI_FAILED, "signals: %s", strerror(errno));
	fd = client_send(s->socket, words, count);
	code = fd < 0 ? client_complain(s->socket, fd) : run(s, fd, signals);
	if (fd >= 0)
		close(fd);
	if (signals >= 0)
		close(signals);
	return code;
}
