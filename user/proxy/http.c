/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions of l7-http: whose turn it is, what they wait for and how long, and how they end. A
 * server's connection belongs to a session from the head of a request to the end of the answer;
 * then it goes back to the pool, unless it is tied to this client.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proxy/http_internal.h"

enum {
	BUDGET = 16, /* steps before others have their turn */
	OUT_ROOM = 65536,
};

static const uint64_t never = (uint64_t)1 << 62; /* ms; what is added to it fits, too */

struct http_desk *http_desk_new(void)
{
	struct http_desk *d = calloc(1, sizeof(*d));

	if (!d || !http_desk_reserve(d, OUT_ROOM) ||
	    getrandom(&d->seed, sizeof(d->seed), 0) != sizeof(d->seed)) {
		http_desk_free(d);
		return NULL;
	}
	return d;
}

void http_desk_free(struct http_desk *d)
{
	if (!d)
		return;
	free(d->rewrites);
	free(d->out);
	free(d);
}

bool http_desk_reserve(struct http_desk *d, size_t room)
{
	char *grown;

	if (room <= d->room)
		return true;
	grown = realloc(d->out, room);
	if (!grown)
		return false;
	d->out = grown;
	d->room = room;
	return true;
}

/* A connection that speaks for one client only: it has logged in, or was announced as that. */
static bool is_tied(const struct session *s)
{
	const struct proxy_service *says = &s->settings->says;

	return s->http->tied || says->send_header != PROXY_HEADER_OFF ||
	       says->source_kind == PROXY_SOURCE_CLIENT;
}

void http_drop_server(struct session *s, bool reset)
{
	struct real *r = s->real;

	session_drop_server(s, reset);
	stash_fini(&s->http->in[SERVER]);
	way_fini(s->engine, &s->way[CLIENT]);
	s->way[CLIENT].piped = 0;
	if (!r)
		return;
	s->real = NULL;
	real_leave(s->engine, r, s);
}

bool http_is_stale(const struct session *s)
{
	struct service *pool = s->pool;

	return !s->http->tied && !(service_ready(pool) && balance_may_use(pool, s->real));
}

void http_release_server(struct session *s)
{
	struct http *h = s->http;
	struct end *server = s->end[SERVER];
	struct real *r = s->real;

	if (!h->server_keeps || h->deaf || server->hung_up || stash_holds(&h->in[SERVER]) ||
	    http_is_stale(s)) {
		http_drop_server(s, false);
		return;
	}
	server->used = true;
	server->bare = h->body[SERVER].framing == HTTP_NO_BODY;
	if (is_tied(s))
		return;
	s->end[SERVER] = NULL;
	s->real = NULL;
	reuse_give(s->engine, r, server);
	real_leave(s->engine, r, s);
}

/* The client gets what was said, and then the end: at once when it has nothing more to say. */
static void finish(struct session *s)
{
	struct http *h = s->http;
	struct end *client = s->end[CLIENT];

	http_log_write(s);
	http_drop_server(s, false);
	if (h->client_close && http_body_over(&h->body[CLIENT]) && !stash_holds(&h->in[CLIENT]) &&
	    (!client->readable || client->hung_up)) {
		if (!client->tls) /* close() alone would drop our last words where more has come */
			end_shutdown(client);
		session_end(s, false);
		return;
	}
	stash_fini(&h->in[CLIENT]);
	h->phase = HTTP_LINGER;
	h->until = loop_now(s->engine->loop) + LINGER_TIME;
	end_shutdown(client);
}

static void next_request(struct session *s)
{
	struct http *h = s->http;

	http_log_write(s);
	http_request_forget(s);
	session_forget_tries(s);
	h->phase = HTTP_IDLE;
	h->answer = HTTP_ANSWER_NONE;
	h->method = HTTP_METHOD_OTHER; /* until there is one: a refusal has a body */
	h->id = 0;
	h->log = (struct http_log){.line = h->log.line, .cause = '-', .state = '-'};
	h->first = false;
	h->seen = 0;
}

/* The answer was read. Returns whether there may be more to do. */
static bool settle(struct session *s)
{
	struct http *h = s->http;
	bool asked = http_body_over(&h->body[CLIENT]) && !way_waits(&s->way[CLIENT]);

	if (s->end[SERVER] && !asked && (!h->server_keeps || h->deaf)) {
		http_drop_server(s, false);
		h->close = true;
	}
	if (way_waits(&s->way[SERVER]))
		return false;
	if (s->end[SERVER] && !asked && !h->close)
		return false; /* the server wants the rest of the request */
	if (s->end[SERVER] && asked)
		http_release_server(s);
	if (h->close || !asked)
		finish(s);
	else
		next_request(s);
	return true;
}

static bool linger(struct session *s)
{
	struct http *h = s->http;
	struct end *client = s->end[CLIENT];
	ssize_t n;

	if (!client->readable)
		return false;
	n = end_recv(client, s->engine->copy, COPY_ROOM);
	if (n < 0 && errno == EAGAIN)
		return false;
	h->lingered += n > 0 ? n : 0;
	if (n == 0 || (n < 0 && errno != EINTR) || h->lingered > LINGER_BYTES)
		session_end(s, false);
	return true;
}

static bool flush_answer(struct session *s)
{
	enum step step;

	if (!way_waits(&s->way[SERVER]) || !s->end[CLIENT]->writable)
		return false;
	step = way_flush(s, SERVER);
	if (step == STEP_WRITE_FAILED) {
		http_note_end(s->http, 'C', 'D');
		session_broken(s, CLIENT);
	} else if (!way_waits(&s->way[SERVER])) {
		way_rest(s, SERVER);
	}
	return step == STEP_MORE;
}

/* A tied connection that says something while nobody asked is of no use any more. */
static bool watch_tied(struct session *s)
{
	char byte;

	if (!s->end[SERVER]->readable ||
	    (end_recv(s->end[SERVER], &byte, 1) < 0 && errno == EAGAIN))
		return false;
	http_drop_server(s, false);
	return true;
}

/* The rest of an answer comes before anything that the client says behind its request. */
static bool owes_answer(const struct session *s)
{
	return s->http->phase == HTTP_IDLE && way_waits(&s->way[SERVER]);
}

static bool step(struct session *s)
{
	struct http *h = s->http;
	bool more = flush_answer(s);

	if (s->state != SESSION_HTTP)
		return false;
	if (h->phase == HTTP_LINGER)
		return linger(s) || more;
	if (h->phase == HTTP_EXCHANGE)
		more |= h->answer == HTTP_ANSWER_OVER ? settle(s) : http_answer_step(s);
	else if (s->end[SERVER])
		more |= watch_tied(s);
	if (s->state == SESSION_HTTP && h->phase != HTTP_LINGER && !owes_answer(s))
		more |= http_request_step(s);
	return more;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When the client must have sent more of the body. Who still may wait for a 100 owes nothing. */
static uint64_t body_deadline(const struct session *s)
{
	const struct http *h = s->http;
	const struct proxy_service *says = &s->settings->says;

	if (h->expects)
		return s->end[SERVER] ? s->end[SERVER]->active + says->server : never;
	if (h->slow_until && h->answer != HTTP_ANSWER_BODY)
		return earlier(h->slow_until, s->end[CLIENT]->active + says->client);
	return s->end[CLIENT]->active + says->client;
}

static uint64_t exchange_deadline(const struct session *s)
{
	const struct http *h = s->http;
	const struct proxy_service *says = &s->settings->says;
	const struct end *client = s->end[CLIENT], *server = s->end[SERVER];
	uint32_t patience = client->hung_up && says->server > LEFT_TIME ? LEFT_TIME : says->server;

	if (way_waits(&s->way[SERVER]))
		return client->active + says->client;
	if (way_waits(&s->way[CLIENT]))
		return server ? server->active + says->server : never;
	if (!http_body_over(&h->body[CLIENT]) && !h->deaf)
		return body_deadline(s);
	return server ? server->active + patience : never;
}

static uint64_t deadline_of(const struct session *s)
{
	const struct http *h = s->http;
	const struct proxy_service *says = &s->settings->says;

	switch (h->phase) {
	case HTTP_IDLE:
		return s->end[CLIENT]->active + (h->first ? session_patience(s) : says->client);
	case HTTP_HEAD:
		return h->log.began + session_patience(s);
	case HTTP_LINGER:
		return h->until;
	default:
		return exchange_deadline(s);
	}
}

static void arm(struct session *s)
{
	uint64_t deadline = deadline_of(s), now = loop_now(s->engine->loop);

	session_arm(s, deadline > now ? deadline - now : 0);
}

void http_run(struct session *s)
{
	struct http *h = s->http;
	int i = 0;

	if (h->running)
		return;
	h->running = true;
	while (s->state == SESSION_HTTP && i < BUDGET && step(s))
		i++;
	h->running = false;
	if (s->state != SESSION_HTTP)
		return;
	if (i == BUDGET)
		session_again(s);
	arm(s);
}

void http_begin(struct session *s)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h) {
		session_count(s, refused, 1);
		session_end(s, false);
		return;
	}
	s->http = h;
	s->state = SESSION_HTTP;
	s->end[CLIENT]->active = loop_now(s->engine->loop);
	h->first = true;
	h->log.cause = h->log.state = '-';
	http_body_start(&h->body[CLIENT], HTTP_NO_BODY, 0, true);
	http_run(s);
}

/* During an exchange nobody may be reading from the client, so that its reset would go unseen. The
 * server's is read when what came before it was. */
static bool has_left(struct session *s, enum side side, unsigned int events)
{
	return events & LOOP_ERROR && side == CLIENT && s->http->phase == HTTP_EXCHANGE &&
	       end_error(s->end[CLIENT]);
}

void http_ready(struct session *s, enum side side, unsigned int events)
{
	s->end[side]->writable |= (events & LOOP_WRITE) != 0;
	if (has_left(s, side, events)) {
		http_note_end(s->http, 'C', s->http->answer >= HTTP_ANSWER_BODY ? 'D' : 'H');
		session_broken(s, CLIENT);
		return;
	}
	http_run(s);
}

void http_again(struct session *s)
{
	http_run(s);
}

/* Too slow: the client with its request or with what it takes, or the server with the rest. */
static void exchange_timeout(struct session *s)
{
	struct http *h = s->http;
	bool begun = h->answer >= HTTP_ANSWER_BODY, owes, left = s->end[CLIENT]->hung_up;

	owes = way_waits(&s->way[SERVER]) || (!http_body_over(&h->body[CLIENT]) && !h->deaf &&
					      !h->expects && !way_waits(&s->way[CLIENT]));
	http_note_end(h, owes ? 'c' : 's', begun ? 'D' : owes ? 'R' : 'H');
	if (left && !owes)
		session_count(s, client_aborts, 1);
	else
		session_count(s, timeouts, 1);
	if (begun || (left && !owes)) {
		session_end(s, false);
		return;
	}
	http_drop_server(s, true);
	http_own_error(s, owes ? 408 : 504);
	http_run(s);
}

void http_timeout(struct session *s)
{
	struct http *h = s->http;

	if (loop_now(s->engine->loop) < deadline_of(s)) {
		arm(s);
	} else if (h->phase == HTTP_EXCHANGE) {
		exchange_timeout(s);
	} else if (h->phase == HTTP_HEAD) {
		session_count(s, timeouts, 1);
		http_note_end(h, 'c', 'R');
		http_own_error(s, 408);
		http_run(s);
	} else {
		session_end(s, false);
	}
}

void http_fini(struct session *s)
{
	struct http *h = s->http;

	if (!h)
		return;
	http_request_forget(s);
	stash_fini(&h->in[CLIENT]);
	stash_fini(&h->in[SERVER]);
	free(h->log.line);
	free(h);
	s->http = NULL;
}
