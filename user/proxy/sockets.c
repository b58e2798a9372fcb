/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/sockets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
};

/* Where at stands, or belongs. */
static size_t place_of(const struct sockets *s, const struct proxy_endpoint *at, bool *found)
{
	size_t low = 0, high = s->count;

	*found = false;
	while (low < high && !*found) {
		size_t middle = (low + high) / 2;
		int order = memcmp(&s->row[middle].at, at, sizeof(*at));

		*found = !order;
		if (order >= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}

/* Bound before its address is on the host, and to IPv6 only: the same port of an IPv4 VIP is a
 * listener of its own. */
static int bind_and_listen(int fd, const struct sockaddr_storage *sa, socklen_t len)
{
	int on = 1;
	bool v6 = sa->ss_family == AF_INET6;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on))) ||
	    bind(fd, (const struct sockaddr *)sa, len) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

/* Returns the socket, or -errno. */
static int open_listener(const struct proxy_endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&at->vip, at->port, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int err;

	if (fd < 0)
		return -errno;
	err = bind_and_listen(fd, &sa, len);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static struct listening *insert(struct sockets *s, size_t place)
{
	struct listening *at;

	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct listening *grown = reallocarray(s->row, room, sizeof(*grown));

		if (!grown)
			return NULL;
		s->row = grown;
		s->room = room;
	}
	at = &s->row[place];
	memmove(at + 1, at, (s->count++ - place) * sizeof(*at));
	return at;
}

struct listening *sockets_open(struct sockets *s, const struct proxy_endpoint *at, int *err)
{
	bool found;
	size_t place = place_of(s, at, &found);
	struct listening *l;
	int fd;

	if (found)
		return &s->row[place];
	fd = open_listener(at);
	l = fd < 0 ? NULL : insert(s, place);
	if (l) {
		*l = (struct listening){.at = *at, .fd = fd};
		return l;
	}
	*err = fd < 0 ? fd : -ENOMEM;
	if (fd >= 0)
		close(fd);
	return NULL;
}

const struct listening *sockets_find(const struct sockets *s, const struct proxy_endpoint *at)
{
	bool found;
	size_t place = place_of(s, at, &found);

	return found ? &s->row[place] : NULL;
}

bool sockets_add(struct sockets *s, const struct proxy_endpoint *at, int fd)
{
	bool found;
	size_t place = place_of(s, at, &found);
	struct listening *l = found ? NULL : insert(s, place);

	if (!l)
		return false;
	*l = (struct listening){.at = *at, .fd = fd};
	return true;
}

int sockets_take(struct sockets *s, const struct proxy_endpoint *at)
{
	bool found;
	size_t place = place_of(s, at, &found);
	struct listening *l = &s->row[place];
	int fd;

	if (!found)
		return -1;
	fd = l->fd;
	memmove(l, l + 1, (--s->count - place) * sizeof(*l));
	return fd;
}

void sockets_close(struct sockets *s, const struct proxy_endpoint *at)
{
	int fd = sockets_take(s, at);

	if (fd >= 0)
		close(fd);
}

void sockets_fini(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		close(s->row[i].fd);
	free(s->row);
	*s = (struct sockets){};
}
