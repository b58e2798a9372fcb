/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions that finish in proxies of an earlier main, which get no rows any more. Those to a real
 * that resets (halt, on_down) are ended here, by their clients' sockets: the proxy that has one and
 * the client see a reset.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/state.h"

enum { CONNECTION_TEXT_LEN = 2 * ENDPOINT_TEXT_LEN + 1 };

struct doomed {
	struct daemon *daemon;
	struct map *connections;
};

static void name_connection(const struct addr *local, uint16_t local_port, const struct addr *peer,
			    uint16_t peer_port, char *text)
{
	char a[ENDPOINT_TEXT_LEN], b[ENDPOINT_TEXT_LEN];

	snprintf(text, CONNECTION_TEXT_LEN, "%s %s", addr_format_port(local, local_port, a),
		 addr_format_port(peer, peer_port, b));
}

static void note_session(void *arg, pid_t pid, const struct proxy_session *s)
{
	struct doomed *d = arg;
	const struct proxy_real *real =
		s->real ? plan_find(d->daemon->actual, PLAN_PROXY_REALS, &s->real) : NULL;
	char text[CONNECTION_TEXT_LEN];

	if (!real || !(real->flags & PROXY_REAL_RESET))
		return;
	name_connection(&s->vip, s->vip_port, &s->peer, s->peer_port, text);
	map_put(d->connections, text, d);
}

static bool is_doomed(void *arg, const struct net_connection *c)
{
	const struct doomed *d = arg;
	char text[CONNECTION_TEXT_LEN];

	name_connection(&c->local, c->local_port, &c->peer, c->peer_port, text);
	return map_find(d->connections, text);
}

void finishing_judge(struct daemon *d)
{
	struct doomed doomed = {.daemon = d};
	size_t ended = 0;
	int err = 0;

	if (!proxy_client_earlier_room(d->proxy))
		return;
	doomed.connections = map_new();
	proxy_client_each_earlier_session(d->proxy, note_session, &doomed);
	if (map_count(doomed.connections))
		err = net_end_connections(is_doomed, &doomed, &ended);
	if (ended)
		log_info("%zu sessions that finish in old proxies were ended with their real",
			 ended);
	if (err)
		log_warning("sessions that finish in old proxies: cannot end them: %s",
			    strerror(-err));
	map_free(doomed.connections);
}
