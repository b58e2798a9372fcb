/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/sock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <unistd.h>

/* Of any address. Connections that closed of late hold their ports, but not against others. */
static int bind_port(int s, int family, uint16_t port)
{
	struct sockaddr_in6 any = {.sin6_family = family, .sin6_port = htons(port)};
	int one = 1;

	_Static_assert(offsetof(struct sockaddr_in6, sin6_port) ==
			       offsetof(struct sockaddr_in, sin_port),
		       "the port stands in the same place for IPv4");
	if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(s, (struct sockaddr *)&any, sizeof(any)))
		return -errno;
	return 0;
}

int sock_connect_from(int *fd, const struct addr *to, uint16_t port, bool withhold_ack,
		      uint16_t from)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, port, &sa);
	int zero = 0, one = 1, s, err = 0;

	s = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (s < 0)
		return -errno;
	/* Both only save packets and time; without them the connection works as well. */
	if (withhold_ack)
		(void)setsockopt(s, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero));
	else
		(void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (from)
		err = bind_port(s, sa.ss_family, from);
	if (!err && connect(s, (struct sockaddr *)&sa, len) && errno != EINPROGRESS)
		err = -errno;
	if (err)
		close(s);
	else
		*fd = s;
	return err;
}

int sock_connect(int *fd, const struct addr *to, uint16_t port, bool withhold_ack)
{
	return sock_connect_from(fd, to, port, withhold_ack, 0);
}

int sock_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return -err;
}

void sock_push(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* 0.2 s later then */
}

void sock_abort(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* a FIN is sent then */
}
