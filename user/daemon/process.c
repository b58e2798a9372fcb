/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Children: main runs its own binary again with a role, so that each starts with an empty memory.
 * What a role needs it gets as descriptors from 3 on. One that dies is started again within a
 * second.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/roles.h"

enum { FIRST_FD = 3, ARGS = 6, NUMBER_LEN = 12, RESTART_MSEC = 200, QUICK_DEATH_MSEC = 600 };

void process_init_all(struct daemon *d)
{
	for (unsigned int i = 0; i < CHILDREN_MAX; i++) {
		struct child *c = &d->children[i];

		c->daemon = d;
		c->role = i < CHILD_PROXY ? (enum child_role)i : CHILD_PROXY;
		c->index = i - c->role;
	}
}

/* "probe", or "proxy 0": there are several of those. */
static const char *name_of(const struct child *c, char *text, size_t room)
{
	if (c->role == CHILD_PROXY)
		snprintf(text, room, "%s %u", role_name(c->role), c->index);
	else
		snprintf(text, room, "%s", role_name(c->role));
	return text;
}

/* In the child, before exec: fds[i] becomes FIRST_FD + i; everything else is close-on-exec. */
static int place_fds(const int *fds, size_t count)
{
	int high[ROLE_FDS_MAX];

	for (size_t i = 0; i < count; i++) {
		high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + ROLE_FDS_MAX);
		if (fds[i] >= 0 && high[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < count; i++)
		if (high[i] >= 0 && dup2(high[i], FIRST_FD + i) < 0)
			return -errno;
	return 0;
}

static void run_child(const struct child *c, const int *fds, size_t count)
{
	char root[256], index[NUMBER_LEN], fd_text[ROLE_FDS_MAX][NUMBER_LEN];
	char *argv[ARGS + ROLE_FDS_MAX + 1] = {"lbxdp",
					       "--role",
					       (char *)role_name(c->role),
					       root,
					       (char *)role_log_style(c->daemon->log_style),
					       index};
	sigset_t none;

	(void)setsid(); /* Ctrl-C at a terminal is for main */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(root, sizeof(root), "%s/empty", c->daemon->options->run_dir);
	snprintf(index, sizeof(index), "%u", role_number(c));
	for (size_t i = 0; i < count; i++) {
		snprintf(fd_text[i], sizeof(fd_text[i]), "%d", fds[i] < 0 ? -1 : FIRST_FD + (int)i);
		argv[ARGS + i] = fd_text[i];
	}
	if (!place_fds(fds, count))
		execv("/proc/self/exe", argv);
	_exit(127);
}

int process_spawn(struct child *c, const int *fds, size_t count)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		run_child(c, fds, count);
	c->pid = pid;
	c->wanted = true;
	c->started = clock_msec();
	return 0;
}

int process_start(struct child *c)
{
	int pair[2], err = channel_pair(pair);

	if (err)
		return err;
	err = role_start(c, pair[1]);
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	err = role_connect(c, pair[0]);
	if (err)
		process_lost(c); /* without a channel it is of no use */
	return err;
}

static void restart_fire(struct timer *t)
{
	struct child *c = container_of(t, struct child, restart);
	char name[32];
	int err;

	if (!c->wanted || c->pid)
		return;
	c->restarts++;
	err = process_start(c);
	if (!err)
		return;
	log_error("%s: cannot start: %s", name_of(c, name, sizeof(name)), strerror(-err));
	timer_start(c->daemon->loop, t, QUICK_DEATH_MSEC);
}

static void child_died(struct child *c, int status)
{
	uint64_t lived = clock_msec() - c->started;
	char name[32];

	c->pid = 0;
	if (!c->wanted || c->daemon->stopping)
		return;
	name_of(c, name, sizeof(name));
	if (WIFSIGNALED(status))
		log_warning("%s: killed by signal %d; starting it again", name, WTERMSIG(status));
	else
		log_warning("%s: ended with code %d; starting it again", name, WEXITSTATUS(status));
	c->restart.fn = restart_fire;
	timer_start(c->daemon->loop, &c->restart,
		    lived < QUICK_DEATH_MSEC ? QUICK_DEATH_MSEC - lived / 2 : RESTART_MSEC);
}

void process_reap(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < CHILDREN_MAX; i++)
			if (d->children[i].pid == pid)
				child_died(&d->children[i], status);
}

void process_lost(struct child *c)
{
	if (c->pid)
		(void)kill(c->pid, SIGKILL); /* reaped, and started again, by SIGCHLD */
}

void process_stop(struct child *c)
{
	c->wanted = false;
	timer_stop(&c->restart);
	if (!c->pid)
		return;
	(void)kill(c->pid, SIGKILL); /* a stopped one would sleep through anything less */
	(void)waitpid(c->pid, NULL, 0);
	c->pid = 0;
}

void process_stop_all(struct daemon *d)
{
	d->stopping = true;
	for (int i = 0; i < CHILD_PROXY; i++)
		process_stop(&d->children[i]);
}
