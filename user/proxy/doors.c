/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/doors.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 8, DEATH_MSEC = 5000 };

static int address_of(const char *dir, pid_t pid, struct sockaddr_un *at)
{
	int len;

	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	len = snprintf(at->sun_path, sizeof(at->sun_path), "%s/proxy-%d.sock", dir, pid);
	return len < (int)sizeof(at->sun_path) ? 0 : -ENAMETOOLONG;
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void door_remove(const char *dir, pid_t pid)
{
	struct sockaddr_un at;

	if (!address_of(dir, pid, &at))
		(void)unlink(at.sun_path); /* gone is what it shall be */
}

static int bind_and_listen(int fd, const struct sockaddr_un *at)
{
	mode_t old = umask(0177);
	int err = bind(fd, (const struct sockaddr *)at, sizeof(*at)) ? -errno : 0;

	umask(old);
	return !err && listen(fd, BACKLOG) ? -errno : err;
}

int door_open(const char *dir, pid_t pid)
{
	struct sockaddr_un at;
	int err = address_of(dir, pid, &at), fd;

	if (err)
		return err;
	fd = make_socket();
	if (fd < 0)
		return -errno;
	(void)unlink(at.sun_path); /* of one that had this number and is gone */
	err = bind_and_listen(fd, &at);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int door_knock(const char *dir, pid_t pid, int *pidfd)
{
	struct sockaddr_un at;
	int err = address_of(dir, pid, &at), fd;

	if (err)
		return err;
	/* Before the door is tried: so that it is the process that holds it. */
	*pidfd = pidfd_open(pid, 0);
	fd = make_socket();
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof(at)) && *pidfd >= 0)
		return fd;
	err = errno ? -errno : -ESRCH;
	if (err == -ECONNREFUSED)
		(void)unlink(at.sun_path);
	if (fd >= 0)
		close(fd);
	if (*pidfd >= 0)
		close(*pidfd);
	return err;
}

static pid_t pid_of(const char *name)
{
	int pid = 0, end = 0;

	if (sscanf(name, "proxy-%d.sock%n", &pid, &end) == 1 && end && !name[end])
		return pid;
	return 0;
}

void doors_each(const char *dir, void (*fn)(void *arg, pid_t pid), void *arg)
{
	DIR *d = opendir(dir);

	if (!d)
		return;
	for (struct dirent *entry; (entry = readdir(d));) {
		pid_t pid = pid_of(entry->d_name);

		if (pid > 0)
			fn(arg, pid);
	}
	closedir(d);
}

void door_kill(int pidfd)
{
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};

	if (!pidfd_send_signal(pidfd, SIGKILL, NULL, 0))
		(void)poll(&gone, 1, DEATH_MSEC); /* one in the kernel's hands ends later */
}

struct killing {
	const char *dir;
	size_t count;
};

static void kill_one(void *arg, pid_t pid)
{
	struct killing *k = arg;
	int pidfd, fd = door_knock(k->dir, pid, &pidfd);

	if (fd < 0)
		return;
	close(fd);
	door_kill(pidfd);
	close(pidfd);
	door_remove(k->dir, pid);
	k->count++;
}

size_t doors_kill_all(const char *dir)
{
	struct killing k = {.dir = dir};

	doors_each(dir, kill_one, &k);
	return k.count;
}
