/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/control_bind.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* True when somebody accepts connections at the path. */
static bool is_live(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool live;

	if (fd < 0)
		return false;
	live = !connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN;
	close(fd);
	return live;
}

static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (is_live(addr))
		return -EADDRINUSE;
	return unlink(addr->sun_path) && errno != ENOENT ? -errno : 0;
}

int control_bind(int fd, const struct sockaddr_un *addr, gid_t group)
{
	mode_t old;
	int err = remove_stale(addr);

	if (err)
		return err;
	old = umask(0177); /* nobody else's until owner and mode are right */
	err = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;
	umask(old);
	if (err)
		return err;
	if (group != (gid_t)-1 && chown(addr->sun_path, (uid_t)-1, group))
		return -errno;
	if (chmod(addr->sun_path, 0660) || listen(fd, SOMAXCONN))
		return -errno;
	return 0;
}
