/* SPDX-License-Identifier: GPL-2.0-only */
/* Main's part of the web page: it opens the socket, the process without power answers on it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/state.h"

enum { BACKLOG = 128 };

static int open_listener(const struct model *m)
{
	struct sockaddr_storage at;
	socklen_t len = addr_to_sockaddr(&m->admin.addr, m->admin.port, &at);
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&at, len) || listen(fd, BACKLOG)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void stop(struct daemon *d)
{
	process_stop(child_of(d, CHILD_WEB, 0));
	if (d->web_listener >= 0)
		close(d->web_listener);
	d->web_listener = -1;
}

static int start(struct daemon *d)
{
	int err;

	d->web_listener = open_listener(d->model);
	if (d->web_listener < 0)
		return d->web_listener;
	err = process_start(child_of(d, CHILD_WEB, 0));
	if (err)
		stop(d);
	return err;
}

int web_restart(struct daemon *d)
{
	char at[ENDPOINT_TEXT_LEN];
	int err;

	stop(d);
	err = d->model->admin.off ? 0 : start(d);
	if (err)
		log_error("admin.listen %s: %s; metrics are not served there; trying again",
			  addr_format_port(&d->model->admin.addr, d->model->admin.port, at),
			  strerror(-err));
	return err;
}

void web_retry(struct daemon *d)
{
	char at[ENDPOINT_TEXT_LEN];

	if (d->model->admin.off || d->web_listener >= 0 || start(d))
		return;
	log_info("admin.listen %s: metrics are served now",
		 addr_format_port(&d->model->admin.addr, d->model->admin.port, at));
}
