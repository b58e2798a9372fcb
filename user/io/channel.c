/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum { QUEUE_MAX = 262144, READ_BUDGET = 64 };

struct channel_item {
	struct channel_item *next;
	size_t len;
	int fd;
	char bytes[];
};

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

int channel_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) ? -errno
											 : 0;
}

static int send_now(int to, const void *bytes, size_t len, int fd)
{
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
	union control control = {};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	if (sendmsg(to, &msg, MSG_NOSIGNAL) >= 0)
		return 0;
	/* A peer that closed before it had read everything is gone as well. */
	return errno == ECONNRESET ? -EPIPE : -errno;
}

static void item_free(struct channel_item *item)
{
	if (item->fd >= 0)
		close(item->fd);
	free(item);
}

static void drop_first(struct channel *c)
{
	struct channel_item *item = c->first;

	c->first = item->next;
	if (!c->first)
		c->last = &c->first;
	c->queued--;
	item_free(item);
}

static void report_broken(struct channel *c)
{
	if (c->broken)
		return;
	c->broken = true;
	loop_unwatch(&c->watch);
	c->closed(c);
}

static int flush_queue(struct channel *c)
{
	while (c->first) {
		struct channel_item *item = c->first;
		int err = send_now(c->watch.fd, item->bytes, item->len, item->fd);

		if (err == -EAGAIN || err == -EINTR)
			return 0;
		if (err)
			return err;
		drop_first(c);
	}
	return loop_watch(c->watch.loop, &c->watch, c->watch.fd, LOOP_READ);
}

static int take_fd(struct msghdr *msg)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

ssize_t channel_receive(int from, void *bytes, size_t room, int *fd)
{
	struct iovec iov = {.iov_base = bytes, .iov_len = room};
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);

	if (len < 0)
		return -errno;
	*fd = take_fd(&msg);
	if (!(msg.msg_flags & MSG_TRUNC))
		return len;
	if (*fd >= 0)
		close(*fd);
	return -EMSGSIZE;
}

static void channel_ready(struct watch *w, unsigned int events)
{
	static char bytes[CHANNEL_MESSAGE_MAX]; /* one loop a process, one thread */
	struct channel *c = container_of(w, struct channel, watch);

	if (events & LOOP_WRITE && flush_queue(c)) {
		report_broken(c);
		return;
	}
	for (int budget = READ_BUDGET; budget && w->active; budget--) {
		int fd = -1;
		ssize_t len = channel_receive(w->fd, bytes, sizeof(bytes), &fd);

		if (len == -EAGAIN || len == -EINTR)
			return;
		if (len <= 0) {
			report_broken(c);
			return;
		}
		c->message(c, bytes, len, fd);
	}
}

int channel_init(struct channel *c, struct loop *l, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	c->watch = (struct watch){.fn = channel_ready, .fd = fd};
	c->first = NULL;
	c->last = &c->first;
	c->queued = 0;
	c->broken = false;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return loop_watch(l, &c->watch, fd, LOOP_READ);
}

void channel_fini(struct channel *c)
{
	loop_unwatch(&c->watch);
	while (c->first)
		drop_first(c);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	c->watch.fd = -1;
	c->broken = true;
}

static int enqueue(struct channel *c, const void *bytes, size_t len, int fd)
{
	struct channel_item *item;

	if (c->queued >= QUEUE_MAX)
		return -ENOBUFS;
	item = xcalloc(1, sizeof(*item) + len);
	memcpy(item->bytes, bytes, len);
	item->len = len;
	item->fd = -1;
	if (fd >= 0) {
		item->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (item->fd < 0) {
			free(item);
			return -errno;
		}
	}
	*c->last = item;
	c->last = &item->next;
	c->queued++;
	return loop_watch(c->watch.loop, &c->watch, c->watch.fd, LOOP_READ | LOOP_WRITE);
}

int channel_send(struct channel *c, const void *bytes, size_t len, int fd)
{
	int err = -EAGAIN;

	if (len > CHANNEL_MESSAGE_MAX)
		return -EMSGSIZE;
	if (c->broken)
		return -EPIPE;
	if (!c->first)
		err = send_now(c->watch.fd, bytes, len, fd);
	return err == -EAGAIN || err == -EINTR ? enqueue(c, bytes, len, fd) : err;
}
