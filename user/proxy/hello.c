/* SPDX-License-Identifier: GPL-2.0-only */
/* Routes of l7-tcp: by the name a client asks for, which its first message shows although TLS does
 * not end here. The message stays in the kernel for the relay. */
#include <errno.h>
#include <sys/socket.h>

#include "core/http_match.h"
#include "core/tls_hello.h"
#include "proxy/internal.h"

_Static_assert((int)COPY_ROOM >= (int)TLS_HELLO_MAX, "a hello does not fit");

static const struct rules *routes_of(const struct session *s)
{
	const struct rules *r = s->settings->rules;

	return r && r->count[PROXY_RULE_ROUTE] ? r : NULL;
}

bool hello_is_wanted(const struct session *s)
{
	return !(s->settings->says.flags & (PROXY_SERVICE_HTTP | PROXY_SERVICE_TLS)) &&
	       routes_of(s);
}

void hello_route(struct session *s, const char *name)
{
	const struct rules *r = routes_of(s);

	for (size_t i = 0; r && name && i < r->count[PROXY_RULE_ROUTE]; i++) {
		const struct proxy_rule *rule = &r->rule[PROXY_RULE_ROUTE][i];

		struct service *pool = route_pool(s->engine, rule);

		if (!pool ||
		    (rule->value[0] && !http_host_matches(slice_of(name), slice_of(rule->value))))
			continue;
		s->pool = pool;
		if (s->pool != s->service)
			service_enter(s->engine, s->pool);
		return;
	}
}

void hello_begin(struct session *s)
{
	s->state = SESSION_HELLO;
	session_arm(s, session_patience(s));
	if (s->end[CLIENT]->readable)
		hello_read(s);
}

void hello_read(struct session *s)
{
	char name[TLS_HELLO_NAME_MAX + 1];
	uint8_t *copy = s->engine->copy;
	struct end *client = s->end[CLIENT];
	ssize_t have = recv(client->watch.fd, copy, COPY_ROOM, MSG_PEEK);
	int found;

	if (have < 0 && (errno == EAGAIN || errno == EINTR))
		return; /* the next bytes are a new event */
	if (have < 0) {
		session_broken(s, CLIENT);
		return;
	}
	found = tls_hello_sni(copy, have, name, sizeof(name));
	if (!found && have < COPY_ROOM && !client->hung_up)
		return;
	hello_route(s, found == 1 ? name : NULL);
	session_next(s);
}
