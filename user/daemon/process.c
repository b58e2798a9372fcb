/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Children: main runs its own binary again with a role, so that each starts with an empty memory.
 * What a role needs it gets as descriptors from 3 on. One that dies is started again within a
 * second.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/power.h"
#include "daemon/state.h"
#include "health/probe.h"

enum { FIRST_FD = 3, FDS_MAX = 3, RESTART_MSEC = 200, QUICK_DEATH_MSEC = 1000 };

static const char *const role_names[CHILD_COUNT] = {[CHILD_PROBE] = "probe", [CHILD_WEB] = "web"};

/* How a child is told to write its log. */
static const char *const style_names[] = {
	[LOG_STYLE_PLAIN] = "plain", [LOG_STYLE_JOURNAL] = "journal", [LOG_STYLE_FILE] = "file"};

static enum log_style style_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(style_names); i++)
		if (!strcmp(name, style_names[i]))
			return i;
	return LOG_STYLE_PLAIN;
}

const char *process_role_name(enum child_role role)
{
	return role_names[role];
}

/* In the child, before exec: fds[i] becomes FIRST_FD + i; everything else is close-on-exec. */
static int place_fds(const int *fds, size_t count)
{
	int high[FDS_MAX];

	for (size_t i = 0; i < count; i++) {
		high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + FDS_MAX);
		if (fds[i] >= 0 && high[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < count; i++)
		if (high[i] >= 0 && dup2(high[i], FIRST_FD + i) < 0)
			return -errno;
	return 0;
}

static void run_child(const struct daemon *d, enum child_role role, const int *fds, size_t count)
{
	char root[256], fd_text[FDS_MAX][12];
	char *argv[5 + FDS_MAX] = {"lbxdp", "--role", (char *)role_names[role], root,
				   (char *)style_names[d->log_style]};
	char *full[6 + FDS_MAX];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(root, sizeof(root), "%s/empty", d->options->run_dir);
	memcpy(full, argv, 5 * sizeof(*argv));
	for (size_t i = 0; i < count; i++) {
		snprintf(fd_text[i], sizeof(fd_text[i]), "%d", fds[i] < 0 ? -1 : FIRST_FD + (int)i);
		full[5 + i] = fd_text[i];
	}
	full[5 + count] = NULL;
	if (!place_fds(fds, count))
		execv("/proc/self/exe", full);
	_exit(127);
}

static int spawn(struct daemon *d, enum child_role role, const int *fds, size_t count)
{
	struct child *c = &d->children[role];
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		run_child(d, role, fds, count);
	c->pid = pid;
	c->wanted = true;
	c->started = clock_msec();
	return 0;
}

static int start_probe(struct daemon *d, int channel)
{
	int fds[3] = {channel,
		      socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP),
		      socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6)};
	int err = spawn(d, CHILD_PROBE, fds, 3);

	for (int i = 1; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return err;
}

static int start_web(struct daemon *d, int channel)
{
	int fds[2] = {channel, d->web_listener};

	return spawn(d, CHILD_WEB, fds, 2);
}

int process_start(struct daemon *d, enum child_role role)
{
	int pair[2], err = channel_pair(pair);

	d->children[role].daemon = d;
	if (err)
		return err;
	err = role == CHILD_PROBE ? start_probe(d, pair[1]) : start_web(d, pair[1]);
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	return role == CHILD_PROBE ? health_client_connect(d->health, pair[0])
				   : web_client_connect(d->web, pair[0]);
}

static void restart_fire(struct timer *t)
{
	struct child *c = container_of(t, struct child, restart);
	enum child_role role = c - c->daemon->children;
	int err;

	if (!c->wanted || c->pid)
		return;
	c->restarts++;
	err = process_start(c->daemon, role);
	if (!err)
		return;
	log_error("%s: cannot start: %s", role_names[role], strerror(-err));
	timer_start(c->daemon->loop, t, QUICK_DEATH_MSEC);
}

static void child_died(struct daemon *d, struct child *c, int status)
{
	uint64_t lived = clock_msec() - c->started;
	const char *role = role_names[c - d->children];

	c->pid = 0;
	if (!c->wanted || d->stopping)
		return;
	if (WIFSIGNALED(status))
		log_warning("%s: killed by signal %d; starting it again", role, WTERMSIG(status));
	else
		log_warning("%s: ended with code %d; starting it again", role, WEXITSTATUS(status));
	c->restart.fn = restart_fire;
	timer_start(d->loop, &c->restart,
		    lived < QUICK_DEATH_MSEC ? QUICK_DEATH_MSEC - lived / 2 : RESTART_MSEC);
}

void process_reap(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < CHILD_COUNT; i++)
			if (d->children[i].pid == pid)
				child_died(d, &d->children[i], status);
}

void process_lost(struct daemon *d, enum child_role role)
{
	if (d->children[role].pid)
		(void)kill(d->children[role].pid,
			   SIGKILL); /* reaped, and started again, by SIGCHLD */
}

void process_end(struct daemon *d, enum child_role role)
{
	struct child *c = &d->children[role];

	timer_stop(&c->restart);
	c->wanted = false;
	if (!c->pid)
		return;
	(void)kill(c->pid, SIGKILL); /* a stopped one would sleep through anything less */
	(void)waitpid(c->pid, NULL, 0);
	c->pid = 0;
}

void process_stop_all(struct daemon *d)
{
	d->stopping = true;
	for (int i = 0; i < CHILD_COUNT; i++)
		process_end(d, i);
}

static int fd_of(int argc, char **argv, int i)
{
	return i < argc ? atoi(argv[i]) : -1;
}

int daemon_role(const char *role, int argc, char **argv)
{
	bool probe = !strcmp(role, role_names[CHILD_PROBE]);
	struct buf why = {};
	uid_t uid;
	gid_t gid;

	if (argc < 3 || (!probe && strcmp(role, role_names[CHILD_WEB]))) {
		fprintf(stderr, "lbxdp: --role is for the daemon's own use\n");
		return 2;
	}
	log_open(role, style_of(argv[1]), STDERR_FILENO);
	(void)prctl(PR_SET_NAME, probe ? "lbxdp-probe" : "lbxdp-web");
	if (power_find_user(&uid, &gid, &why) || power_drop_all(argv[0], uid, gid, &why)) {
		log_error("%s", buf_text(&why));
		return 1;
	}
	if (probe)
		return probe_main(&(struct probe_fds){.channel = fd_of(argc, argv, 2),
						      .icmp4 = fd_of(argc, argv, 3),
						      .icmp6 = fd_of(argc, argv, 4)});
	return web_main(&(struct web_fds){.channel = fd_of(argc, argv, 2),
					  .listener = fd_of(argc, argv, 3)});
}
