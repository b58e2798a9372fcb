/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/sock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

int sock_connect(int *fd, const struct addr *to, uint16_t port, bool withhold_ack)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, port, &sa);
	int zero = 0, one = 1, s, err;

	s = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (s < 0)
		return -errno;
	/* Both only save packets and time; without them the connection works as well. */
	if (withhold_ack)
		(void)setsockopt(s, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero));
	else
		(void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(s, (struct sockaddr *)&sa, len) && errno != EINPROGRESS) {
		err = -errno;
		close(s);
		return err;
	}
	*fd = s;
	return 0;
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
