/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a connection to a real comes from: the kernel's choice, an address of this host, or the
 * client's own address and port (TProxy). */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <unistd.h>

#include "proxy/internal.h"

/* The turn-th of the configured addresses that are of the family of to, round and round; NULL: none
 * is. *count is how many are. */
static const struct addr *configured(const struct proxy_service *says, const struct addr *to,
				     unsigned int turn, unsigned int *count)
{
	const struct addr *fit[PROXY_SOURCES_MAX];
	unsigned int n = 0;

	for (size_t i = 0; i < PROXY_SOURCES_MAX; i++)
		if (!addr_is_unspecified(&says->source[i]) &&
		    addr_is_v4(&says->source[i]) == addr_is_v4(to))
			fit[n++] = &says->source[i];
	*count = n;
	return n ? fit[turn % n] : NULL;
}

const struct addr *source_of(const struct session *s, const struct addr *to)
{
	const struct proxy_service *says = &s->settings->says;
	const struct addr *is = NULL;
	unsigned int count;

	if (says->source_kind == PROXY_SOURCE_ADDRESS)
		return configured(says, to, 0, &count);
	if (says->source_kind == PROXY_SOURCE_VIP)
		is = &s->vip;
	else if (says->source_kind == PROXY_SOURCE_CLIENT)
		is = &s->source;
	return is && addr_is_v4(is) == addr_is_v4(to) ? is : NULL;
}

bool source_is_client(const struct session *s)
{
	return s->settings->says.source_kind == PROXY_SOURCE_CLIENT && s->real &&
	       addr_is_v4(&s->source) == addr_is_v4(&s->real->row.ip);
}

/* Port 0 is chosen at connect(), so that a port may serve each destination once. */
static int bind_to(int fd, const struct addr *from, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(from, port, &sa);
	int one = 1;

	if (!port)
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
}

/* An address that is not this host's. The client's port may serve several connections at a time, to
 * a destination each, and one more after each: hence SO_REUSEADDR. */
static int make_transparent(int fd, bool v4)
{
	int one = 1;
	int err = v4 ? setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one))
		     : setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &one, sizeof(one));

	return err || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ? -errno : 0;
}

static int connect_from(int fd, const struct addr *from, uint16_t from_port, bool transparent,
			const struct addr *to, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, port, &sa);
	int err = transparent ? make_transparent(fd, addr_is_v4(to)) : 0;

	if (!err && from)
		err = bind_to(fd, from, from_port);
	if (err)
		return err;
	return connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS ? -errno : 0;
}

static bool port_is_taken(int err)
{
	return err == -EADDRINUSE || err == -EADDRNOTAVAIL || err == -EACCES;
}

/* A socket that is bound stays so; another takes its number and place. */
static int replace(int fd, bool v4)
{
	int other = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			   IPPROTO_TCP);
	int err = 0;

	if (other < 0)
		return -errno;
	if (dup3(other, fd, O_CLOEXEC) < 0)
		err = -errno;
	close(other);
	return err;
}

/* As the client, from its own port; if that is taken, from another. */
static int connect_as_client(struct session *s, int fd, const struct addr *to, uint16_t port)
{
	int err = connect_from(fd, &s->source, s->source_port, true, to, port);

	if (!s->source_port || !port_is_taken(err))
		return err;
	session_count(s, other_source_port, 1);
	err = replace(fd, addr_is_v4(to));
	return err ? err : connect_from(fd, &s->source, 0, true, to, port);
}

/* From each in its turn; from the next where all ports of one are taken (F36). */
static int connect_from_several(struct session *s, int fd, const struct addr *to, uint16_t port)
{
	unsigned int turn = s->engine->source_turn++, count, tries = 0;
	const struct addr *from;
	int err;

	do {
		from = configured(&s->settings->says, to, turn + tries, &count);
		err = tries ? replace(fd, addr_is_v4(to)) : 0;
		if (!err)
			err = connect_from(fd, from, 0, false, to, port);
	} while (port_is_taken(err) && ++tries < count);
	return err;
}

int source_connect(struct session *s, int fd, const struct addr *to, uint16_t port)
{
	uint8_t kind = s->settings->says.source_kind;

	if (source_is_client(s))
		return connect_as_client(s, fd, to, port);
	if (kind == PROXY_SOURCE_CLIENT)
		session_count(s, own_source, 1);
	if (kind == PROXY_SOURCE_ADDRESS)
		return connect_from_several(s, fd, to, port);
	return connect_from(fd, source_of(s, to), 0, false, to, port);
}
