/* SPDX-License-Identifier: GPL-2.0-only */
/* PROXY headers: taken from a client before anything else, given to a real before anything else. */
#include <errno.h>
#include <sys/socket.h>

#include "core/proxy_header.h"
#include "proxy/internal.h"

static void bad_header(struct session *s)
{
	s->ended_by = 'P';
	session_count(s, bad_header, 1);
	session_end(s, false);
}

static void take_route(struct session *s, const struct proxy_route *route)
{
	s->source = route->source;
	s->source_port = route->source_port;
	s->destination = route->destination;
	s->destination_port = route->destination_port;
}

/* The bytes stay in the kernel until the header is whole, so that a slow client costs no memory,
 * and what follows it is left for whoever comes next. */
void greeting_read(struct session *s)
{
	struct engine *e = s->engine;
	struct end *client = s->end[CLIENT];
	struct proxy_route route;
	bool known = false;
	ssize_t have = recv(client->watch.fd, e->copy, PROXY_HEADER_READ_MAX, MSG_PEEK);
	int len;

	if (have < 0 && (errno == EAGAIN || errno == EINTR))
		return; /* the next bytes are a new event */
	if (have < 0) {
		session_broken(s, CLIENT);
		return;
	}
	len = have ? proxy_header_parse(e->copy, have, &route, &known) : -EPROTO;
	if (!len && !client->hung_up)
		return;
	if (len <= 0 || recv(client->watch.fd, e->copy, len, 0) != len) {
		bad_header(s);
		return;
	}
	if (known)
		take_route(s, &route);
	session_show_peer(s);
	session_next(s);
}

/* The socket is new, so that there is room. */
int greeting_put(struct session *s)
{
	enum proxy_header version = s->settings->says.send_header;
	const struct proxy_route route = {s->source, s->destination, s->source_port,
					  s->destination_port};
	uint8_t bytes[PROXY_HEADER_BUILD_MAX];
	size_t len;
	ssize_t n;

	if (version == PROXY_HEADER_OFF)
		return 0;
	len = proxy_header_build(version, &route, bytes);
	n = send(s->end[SERVER]->watch.fd, bytes, len, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}
