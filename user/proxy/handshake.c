/* SPDX-License-Identifier: GPL-2.0-only */
/* TLS handshakes, with clients and with reals. Failures are counted, and said once a minute. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "proxy/internal.h"

/* Nobody is ever served in the clear instead. */
static void refuse(struct session *s)
{
	if (warning_is_due(s->engine, &s->service->last_tls_warning))
		log_error("service %s: there is no certificate to use, or no CA; its clients are "
			  "refused",
			  s->settings->says.name);
	session_count(s, refused, 1);
	session_end(s, false);
}

void handshake_later(struct session *s)
{
	list_remove(&s->again);
	list_add(&s->engine->steps, &s->again);
	loop_defer(s->engine->loop, &s->engine->after);
}

void handshake_round(struct engine *e)
{
	struct session *s;

	if (list_empty(&e->steps))
		return;
	s = container_of(e->steps.next, struct session, again);
	list_remove(&s->again);
	if (!list_empty(&e->steps))
		loop_defer(e->loop, &e->after);
	session_step(s);
}

void handshake_begin(struct session *s)
{
	struct end *client = s->end[CLIENT];
	struct service_tls *tls = s->settings->tls;

	if (tls)
		client->tls = service_tls_accept(s->engine, tls, client->watch.fd);
	if (!client->tls) {
		refuse(s);
		return;
	}
	s->state = SESSION_HANDSHAKE;
	session_arm(s, session_patience(s));
	if (client->readable)
		handshake_later(s);
}

static void say_client_failed(struct session *s)
{
	char from[ADDR_TEXT_LEN];

	if (warning_is_due(s->engine, &s->service->last_tls_warning))
		log_warning("service %s: TLS handshake with client %s failed: %s",
			    s->settings->says.name, addr_format(&s->source, from),
			    tls_link_reason(s->end[CLIENT]->tls));
}

/* Our alert says why; bytes left unread would turn it into a reset. */
static void end_with_alert(struct session *s)
{
	struct engine *e = s->engine;
	int fd = s->end[CLIENT]->watch.fd;

	(void)shutdown(fd, SHUT_WR);                            /* it is closed in any case */
	(void)recv(fd, e->copy, sizeof(e->copy), MSG_DONTWAIT); /* likewise */
	session_end(s, false);
}

void handshake_client(struct session *s)
{
	struct end *client = s->end[CLIENT];
	int err = tls_link_handshake(client->tls);

	if (err == -EAGAIN)
		return;
	if (err) {
		session_count(s, handshakes_failed, 1);
		if (err == -EPROTO)
			say_client_failed(s);
		end_with_alert(s);
		return;
	}
	session_count(s, handshakes, 1);
	if (tls_link_resumed(client->tls))
		session_count(s, handshakes_resumed, 1);
	client->readable = true; /* TLS may hold what came behind it */
	if (!(s->settings->says.flags & PROXY_SERVICE_HTTP))
		hello_route(s, tls_link_sni(client->tls));
	session_next(s);
}

void handshake_late(struct session *s)
{
	session_count(s, handshakes_failed, 1);
	session_count(s, timeouts, 1);
	session_end(s, true);
}

/* A certificate that is refused is the administrator's to repair, and says so. */
static void say_server_failed(struct session *s, const struct tls_link *tls)
{
	const char *what =
		tls_link_distrusts(tls) ? "its certificate is refused" : "its TLS handshake failed";

	if (warning_is_due(s->engine, &s->real->last_tls_warning))
		log_error("service %s: real %s: %s: %s", s->settings->says.name, s->real->row.name,
			  what, tls_link_reason(tls));
}

static void say_no_ca(struct session *s)
{
	if (warning_is_due(s->engine, &s->real->last_tls_warning))
		log_error("service %s: real %s: there is no CA to verify its certificate by",
			  s->settings->says.name, s->real->row.name);
}

static void count_server(const struct session *s, size_t what)
{
	count(&s->engine->shared->real[s->real->id], what, 1);
}

int handshake_server(struct session *s)
{
	struct end *server = s->end[SERVER];
	bool http = s->settings->says.flags & PROXY_SERVICE_HTTP;
	int err = server->tls ? 0 : real_tls_connect(s->engine, s->real, server, http);

	if (err == -ENOKEY)
		say_no_ca(s);
	if (err)
		return err;
	err = tls_link_handshake(server->tls);
	if (err == -EAGAIN)
		return err;
	if (err) {
		count_server(s, offsetof(struct proxy_counts, handshakes_failed));
		say_server_failed(s, server->tls);
		return err;
	}
	count_server(s, offsetof(struct proxy_counts, handshakes));
	if (tls_link_resumed(server->tls))
		count_server(s, offsetof(struct proxy_counts, handshakes_resumed));
	server->readable = true; /* TLS may hold what came behind it */
	return 0;
}
