/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet filter's rules, as the tools that know every form of them print them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"

enum { RULES_MAX = 64 << 20, SILENCE_MSEC = 5000 };

static char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
				    (char[]){"LC_ALL=C"}, NULL};

/* Reads until the end, which is true; else the tool fell silent, or there is too much of it. */
static bool read_all(int fd, struct buf *out)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	size_t before = out->len;
	char part[65536];
	ssize_t got = 1;

	while (got > 0 && out->len - before < RULES_MAX) {
		if (poll(&wait, 1, SILENCE_MSEC) <= 0)
			return false;
		got = read(fd, part, sizeof(part));
		if (got > 0)
			buf_append(out, part, (size_t)got);
	}
	return got <= 0;
}

/* The child's output goes to fd, its complaints nowhere. Returns 0 or -errno. */
static int spawn(pid_t *pid, char *const argv[], int fd)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return -err;
	err = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
						       O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
						       O_WRONLY, 0);
	if (!err)
		err = posix_spawnp(pid, argv[0], &actions, NULL, argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
	return -err;
}

static int run(char *const argv[], struct buf *out)
{
	int ends[2], status = 0, err;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	err = spawn(&pid, argv, ends[1]);
	close(ends[1]);
	if (!err && !read_all(ends[0], out))
		(void)kill(pid, SIGKILL); /* our child, not yet waited for */
	close(ends[0]);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPERM;
}

/* The tables of the older interface, which nft does not show; asking for them where there are none
 * would load its modules. */
static bool has_tables(const char *names)
{
	FILE *f = fopen(names, "re");
	bool any = f && fgetc(f) != EOF;

	if (f)
		(void)fclose(f); /* only read */
	return any;
}

int net_filter_rules(struct buf *out)
{
	static const struct {
		const char *names; /* NULL: always asked */
		char *const argv[6];
	} tools[] = {
		{NULL,			 {"nft", "-n", "-a", "list", "ruleset"}},
		{"/proc/net/ip_tables_names",  {"iptables-legacy-save"}              },
		{"/proc/net/ip6_tables_names", {"ip6tables-legacy-save"}             },
	};
	int first = 0;

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		int err = 0;

		if (!tools[i].names || has_tables(tools[i].names))
			err = run(tools[i].argv, out);
		first = first ? first : err;
	}
	return first;
}
