/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web process' server: HTTP/1.1, GET and HEAD. Bounded in everything: connections, bytes of a
 * request, and time to ask, to wait for main and to take an answer. When every place is taken, the
 * idle connection that is due to end first makes room.
 */
#include "admin/web.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/web_connection.h"
#include "admin/web_server.h"
#include "base/alloc.h"
#include "base/log.h"

enum { PAUSE_MSEC = 200 }; /* without accepting, when there are no descriptors */

struct web_server {
	struct web_shared shared;
	struct channel channel;
	struct watch watch;
	struct timer pause;
	struct web_connection *connections[WEB_CONNECTIONS_MAX];
};

static void free_ended(struct hook *h)
{
	struct web_server *s = container_of(h, struct web_server, shared.ended);

	for (size_t i = 0; i < WEB_CONNECTIONS_MAX; i++) {
		if (!s->connections[i] || !web_connection_ended(s->connections[i]))
			continue;
		web_connection_free(s->connections[i]);
		s->connections[i] = NULL;
	}
}

static void page_arrived(struct web_pages *p, enum web_page page, struct web_bytes *bytes)
{
	struct web_server *s = container_of(p, struct web_server, shared.pages);

	for (size_t i = 0; i < WEB_CONNECTIONS_MAX; i++)
		if (s->connections[i])
			web_connection_page(s->connections[i], page, bytes);
}

static struct web_connection **find_place(struct web_server *s)
{
	struct web_connection **oldest = NULL;
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < WEB_CONNECTIONS_MAX; i++) {
		struct web_connection **place = &s->connections[i];
		uint64_t due;

		if (!*place)
			return place;
		due = web_connection_idle(*place);
		if (due && due < first) {
			first = due;
			oldest = place;
		}
	}
	if (oldest) {
		web_connection_free(*oldest);
		*oldest = NULL;
	}
	return oldest;
}

static void connection_new(struct web_server *s, int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";
	struct web_connection **place = find_place(s);

	if (place) {
		*place = web_connection_new(&s->shared, fd);
		return;
	}
	(void)send(fd, busy, strlen(busy), MSG_NOSIGNAL | MSG_DONTWAIT); /* a courtesy */
	close(fd);
}

static void accept_ready(struct watch *w, unsigned int events)
{
	struct web_server *s = container_of(w, struct web_server, watch);

	for (int i = 0; i < WEB_CONNECTIONS_MAX; i++) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			connection_new(s, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		loop_unwatch(w);
		timer_start(s->shared.loop, &s->pause, PAUSE_MSEC);
		return;
	}
}

static void accept_again(struct timer *t)
{
	struct web_server *s = container_of(t, struct web_server, pause);
	int err = loop_watch(s->shared.loop, &s->watch, s->watch.fd, LOOP_READ);

	if (err)
		log_error("web: %s; no more connections", strerror(-err));
}

static void message(struct channel *ch, const void *bytes, size_t len, int fd)
{
	web_pages_answer(&container_of(ch, struct web_server, channel)->shared.pages, bytes, len,
			 fd);
}

static void closed(struct channel *ch)
{
	loop_stop(container_of(ch, struct web_server, channel)->shared.loop);
}

int web_server_new(struct web_server **out, struct loop *l, int channel, int listener)
{
	struct web_server *s = xcalloc(1, sizeof(*s));
	int flags = fcntl(listener, F_GETFL), err;

	s->shared.loop = l;
	s->watch.fn = accept_ready;
	s->watch.fd = listener;
	s->pause.fn = accept_again;
	s->shared.ended.fn = free_ended;
	s->channel.message = message;
	s->channel.closed = closed;
	s->shared.pages.channel = &s->channel;
	s->shared.pages.arrived = page_arrived;
	*out = s;
	err = channel_init(&s->channel, l, channel);
	if (!err && (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK)))
		err = -errno;
	if (!err)
		err = loop_watch(l, &s->watch, listener, LOOP_READ);
	if (err) {
		web_server_free(s);
		*out = NULL;
	}
	return err;
}

void web_server_free(struct web_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < WEB_CONNECTIONS_MAX; i++)
		if (s->connections[i])
			web_connection_free(s->connections[i]);
	timer_stop(&s->pause);
	loop_unwatch(&s->watch);
	close(s->watch.fd);
	channel_fini(&s->channel);
	web_pages_fini(&s->shared.pages);
	free(s);
}

int web_main(const struct web_fds *fds)
{
	struct loop *l = loop_new();
	struct web_server *s;
	int err;

	if (!l) {
		log_error("web: event loop: %s", strerror(errno));
		return 1;
	}
	err = web_server_new(&s, l, fds->channel, fds->listener);
	if (!err) {
		err = loop_run(l);
		web_server_free(s);
	}
	loop_free(l);
	if (err)
		log_error("web: %s", strerror(-err));
	return err ? 1 : 0;
}
