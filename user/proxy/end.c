/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection of a session, plain or TLS. Its watch tells of changes only, so that what it can
 * do is remembered in readable and writable, and no watch is ever changed. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/sock.h"
#include "proxy/internal.h"

void end_init(struct end *e, struct engine *engine, struct session *s)
{
	e->engine = engine;
	e->session = s;
	e->watch.fd = -1;
	e->watch.fn = session_ready;
	list_init(&e->link);
	list_init(&e->of_idle);
}

struct end *end_new(struct engine *engine)
{
	struct end *e = calloc(1, sizeof(*e));

	if (e)
		end_init(e, engine, NULL);
	return e;
}

/* Who is being called for it may still look at it. */
void end_drop(struct end *e)
{
	list_remove(&e->link);
	list_add(&e->engine->over, &e->link);
	loop_defer(e->engine->loop, &e->engine->after);
}

static void tls_fini(struct end *e)
{
	tls_link_free(e->tls);
	e->tls = NULL;
	real_tls_release(e->real_tls);
	e->real_tls = NULL;
}

void end_close(struct end *e, bool reset)
{
	if (e->watch.fd < 0)
		return;
	if (!reset)
		outbox_send(e);
	outbox_forget(e);
	if (reset)
		sock_abort(e->watch.fd);
	else if (e->tls)
		(void)tls_link_goodbye(e->tls); /* where the socket has no room, the FIN must do */
	tls_fini(e);
	loop_forget(&e->watch);
	close(e->watch.fd);
	e->watch.fd = -1;
}

/* As a system call would have it. */
static ssize_t as_errno(ssize_t n)
{
	if (n >= 0)
		return n;
	errno = -n;
	return -1;
}

ssize_t end_recv(struct end *e, void *to, size_t room)
{
	ssize_t n;

	if (e->failed) {
		errno = e->failed;
		return -1;
	}
	n = e->tls ? as_errno(tls_link_read(e->tls, to, room)) : recv(e->watch.fd, to, room, 0);
	if (n < 0 && errno == EAGAIN)
		e->readable = false;
	return n;
}

/* A goodbye that TLS has already seen behind the bytes is no new event. */
bool end_drained(const struct end *e)
{
	if (e->hung_up)
		return false;
	return !e->tls || (tls_link_drained(e->tls) && tls_link_end(e->tls) == TLS_END_NOT_YET);
}

ssize_t end_send(struct end *e, const void *from, size_t len, int flags)
{
	ssize_t n;

	outbox_send(e);
	if (e->failed || !e->writable) {
		errno = e->failed ? e->failed : EAGAIN;
		return -1;
	}
	n = e->tls ? as_errno(tls_link_write(e->tls, from, len))
		   : send(e->watch.fd, from, len, flags | MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		e->writable = false;
	return n;
}

ssize_t end_send_soon(struct end *e, const void *from, size_t len)
{
	if (!e->tls && !e->failed && e->writable && outbox_put(e, from, len))
		return len;
	return end_send(e, from, len, 0);
}

int end_error(const struct end *e)
{
	return e->failed ? -e->failed : sock_error(e->watch.fd);
}

void end_shutdown(struct end *e)
{
	outbox_send(e);
	e->parting = e->tls && tls_link_goodbye(e->tls) == -EAGAIN;
	if (!e->parting)
		(void)shutdown(e->watch.fd, SHUT_WR); /* a broken one says so when read */
}
