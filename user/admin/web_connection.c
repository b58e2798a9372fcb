/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/web_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "admin/request.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"

enum {
	REQUEST_MSEC = 10000,  /* for a whole head, from its first byte or the last answer */
	PAGE_MSEC = 5000,      /* for main */
	PROGRESS_MSEC = 10000, /* between two bits of an answer that the client takes */
	ANSWER_MSEC = 60000,   /* for a whole answer */
	LINGER_MSEC = 1000,    /* for the client to read an error before we close */
};

enum state {
	STATE_READING,
	STATE_WAITING, /* for main's page */
	STATE_WRITING,
	STATE_LINGERING, /* our side is closed; what still comes is read away */
	STATE_ENDED,
};

struct web_connection {
	struct web_shared *shared;
	struct watch watch;
	struct timer timer;
	enum state state;
	uint64_t answer_began;
	char in[REQUEST_HEAD_MAX];
	size_t in_len;
	struct request request;
	size_t head_len; /* of the request, in in[] */
	const char *type;
	enum web_page page;
	struct buf head; /* of the answer, and its body when that is ours */
	struct web_bytes *body;
	size_t body_sent;
};

static const char json_type[] = "application/json";
static const char text_type[] = "text/plain; charset=utf-8";
static const char metrics_type[] = "text/plain; version=0.0.4; charset=utf-8";
static const char openmetrics_type[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static const struct {
	const char *path, *type;
	enum web_page page;
} routes[] = {
	{"/",            text_type,    WEB_PAGE_INDEX      },
	{"/metrics",     metrics_type, WEB_PAGE_METRICS    },
	{"/status.json", json_type,    WEB_PAGE_STATUS_JSON},
};

static void connection_drop(struct web_connection *c)
{
	timer_stop(&c->timer);
	loop_unwatch(&c->watch);
	close(c->watch.fd);
	web_bytes_release(c->body);
	c->body = NULL;
	c->state = STATE_ENDED;
}

static void connection_end(struct web_connection *c)
{
	if (c->state == STATE_ENDED)
		return;
	connection_drop(c);
	loop_defer(c->shared->loop, &c->shared->ended);
}

static void enter(struct web_connection *c, enum state state, unsigned int events, uint64_t msec)
{
	c->state = state;
	timer_start(c->shared->loop, &c->timer, msec);
	if (loop_watch(c->shared->loop, &c->watch, c->watch.fd, events))
		connection_end(c);
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{200, "OK"			     },
		{400, "Bad Request"                    },
		{404, "Not Found"                      },
		{405, "Method Not Allowed"             },
		{408, "Request Timeout"                },
		{414, "URI Too Long"                   },
		{431, "Request Header Fields Too Large"},
		{501, "Not Implemented"                },
		{505, "HTTP Version Not Supported"     },
	};

	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Service Unavailable"; /* 503 */
}

static void put_head(struct web_connection *c, int status, const char *type, size_t len)
{
	time_t now = clock_wall();
	char date[40] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_printf(&c->head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason(status), date);
	buf_printf(&c->head, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, len);
	buf_puts(&c->head, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
	if (status == 405)
		buf_puts(&c->head, "Allow: GET, HEAD\r\n");
	if (status == 503)
		buf_puts(&c->head, "Retry-After: 1\r\n");
	buf_printf(&c->head, "Connection: %s\r\n\r\n",
		   c->request.keep_alive ? "keep-alive" : "close");
}

static void begin_writing(struct web_connection *c)
{
	c->answer_began = loop_now(c->shared->loop);
	enter(c, STATE_WRITING, LOOP_WRITE, PROGRESS_MSEC);
}

static void answer_error(struct web_connection *c, int status)
{
	char body[64];
	int len = snprintf(body, sizeof(body), "%d %s\n", status, reason(status));

	c->request.keep_alive &= status == 404;
	put_head(c, status, text_type, len);
	if (!c->request.head)
		buf_append(&c->head, body, len);
	begin_writing(c);
}

/* Takes the reference. */
static void answer_page(struct web_connection *c, struct web_bytes *page)
{
	put_head(c, 200, c->type, page->len);
	if (c->request.head)
		web_bytes_release(page);
	else
		c->body = page;
	c->body_sent = 0;
	begin_writing(c);
}

static bool find_route(struct web_connection *c)
{
	const struct request *r = &c->request;

	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		if (r->path_len != strlen(routes[i].path) ||
		    memcmp(r->path, routes[i].path, r->path_len))
			continue;
		c->page = routes[i].page;
		c->type = routes[i].type;
		if (c->page == WEB_PAGE_METRICS && r->openmetrics) {
			c->page = WEB_PAGE_OPENMETRICS;
			c->type = openmetrics_type;
		}
		return true;
	}
	return false;
}

static void obey(struct web_connection *c)
{
	struct web_shared *s = c->shared;
	struct web_bytes *page;
	int err;

	if (!find_route(c)) {
		answer_error(c, 404);
		return;
	}
	page = web_pages_get(&s->pages, c->page, loop_now(s->loop), &err);
	if (page)
		answer_page(c, page);
	else if (err)
		answer_error(c, 503);
	else
		enter(c, STATE_WAITING, 0, PAGE_MSEC);
}

/* A request that is whole in in[] is obeyed. */
static void take_request(struct web_connection *c)
{
	int got = request_parse(c->in, c->in_len, &c->request);

	if (got == 0)
		return;
	c->head_len = got > 0 ? (size_t)got : c->in_len;
	if (got > 0) {
		obey(c);
		return;
	}
	c->request = (struct request){};
	answer_error(c, -got);
}

static void read_more(struct web_connection *c)
{
	ssize_t got = recv(c->watch.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		connection_end(c);
		return;
	}
	if (!c->in_len)
		timer_start(c->shared->loop, &c->timer, REQUEST_MSEC);
	c->in_len += got;
	take_request(c);
}

/* The answer is out. */
static void answer_sent(struct web_connection *c)
{
	buf_clear(&c->head);
	web_bytes_release(c->body);
	c->body = NULL;
	c->in_len -= c->head_len;
	memmove(c->in, c->in + c->head_len, c->in_len);
	c->head_len = 0;
	if (c->request.keep_alive) {
		enter(c, STATE_READING, LOOP_READ, REQUEST_MSEC);
		return;
	}
	(void)shutdown(c->watch.fd, SHUT_WR); /* a client that is gone shows itself on the read */
	enter(c, STATE_LINGERING, LOOP_READ, LINGER_MSEC);
}

/* The next bytes of the answer; their number in *len, 0 at the end. */
static const char *next_bytes(const struct web_connection *c, size_t *len)
{
	*len = c->head.len;
	if (*len)
		return c->head.at;
	*len = c->body ? c->body->len - c->body_sent : 0;
	return *len ? c->body->at + c->body_sent : NULL;
}

static void took(struct web_connection *c, size_t len)
{
	if (c->head.len)
		buf_consume(&c->head, len);
	else
		c->body_sent += len;
}

static void write_more(struct web_connection *c)
{
	struct loop *l = c->shared->loop;
	const char *at;
	size_t len;

	while ((at = next_bytes(c, &len))) {
		ssize_t sent = send(c->watch.fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN && loop_now(l) - c->answer_began < ANSWER_MSEC)
			return;
		if (sent < 0) {
			connection_end(c);
			return;
		}
		took(c, sent);
		timer_start(l, &c->timer, PROGRESS_MSEC);
	}
	answer_sent(c);
	if (c->state == STATE_READING && c->in_len)
		take_request(c); /* it came along with the last one */
}

static void read_away(struct web_connection *c)
{
	char rest[4096];
	ssize_t got = recv(c->watch.fd, rest, sizeof(rest), MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		connection_end(c);
}

static void connection_ready(struct watch *w, unsigned int events)
{
	struct web_connection *c = container_of(w, struct web_connection, watch);

	switch (c->state) {
	case STATE_READING:
		read_more(c);
		break;
	case STATE_WRITING:
		write_more(c);
		break;
	case STATE_LINGERING:
		read_away(c);
		break;
	case STATE_WAITING: /* only a hang-up is watched for */
		connection_end(c);
		break;
	case STATE_ENDED:
		break;
	}
}

static void connection_late(struct timer *t)
{
	struct web_connection *c = container_of(t, struct web_connection, timer);

	if (c->state == STATE_WAITING) {
		answer_error(c, 503);
	} else if (c->state == STATE_READING && c->in_len) {
		c->request = (struct request){};
		c->head_len = c->in_len;
		answer_error(c, 408);
	} else {
		connection_end(c);
	}
}

struct web_connection *web_connection_new(struct web_shared *s, int fd)
{
	struct web_connection *c = xcalloc(1, sizeof(*c));

	c->shared = s;
	c->watch.fn = connection_ready;
	c->watch.fd = fd;
	c->timer.fn = connection_late;
	enter(c, STATE_READING, LOOP_READ, REQUEST_MSEC);
	return c;
}

void web_connection_free(struct web_connection *c)
{
	if (c->state != STATE_ENDED)
		connection_drop(c);
	buf_free(&c->head);
	free(c);
}

bool web_connection_ended(const struct web_connection *c)
{
	return c->state == STATE_ENDED;
}

uint64_t web_connection_idle(const struct web_connection *c)
{
	return c->state == STATE_READING || c->state == STATE_LINGERING ? c->timer.due : 0;
}

void web_connection_page(struct web_connection *c, enum web_page page, struct web_bytes *bytes)
{
	if (c->state != STATE_WAITING || c->page != page)
		return;
	if (!bytes) {
		answer_error(c, 503);
		return;
	}
	bytes->references++;
	answer_page(c, bytes);
}
