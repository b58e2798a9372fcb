/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests: read, and sent on to a server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http_internal.h"

static char *copy_of(const void *bytes, size_t len)
{
	char *copy = malloc(len);

	if (copy)
		memcpy(copy, bytes, len);
	return copy;
}

void http_request_forget(struct session *s)
{
	struct http *h = s->http;

	free(h->again);
	h->again = NULL;
	if (s->pool != s->service) {
		service_leave(s->engine, s->pool);
		s->pool = s->service;
	}
}

/* What stands in the desk waits for a server. */
static void hold_desk(struct session *s)
{
	struct http_desk *d = s->engine->desk;
	struct http *h = s->http;

	if (d->owner != s)
		return;
	d->owner = NULL;
	if (s->state == SESSION_ENDED)
		return;
	h->whole = h->idempotent && http_body_over(&h->body[CLIENT]);
	if (way_hold(s, CLIENT, d->out, d->len) == STEP_WRITE_FAILED)
		session_end(s, true);
}

/* The server takes nothing any more. What it has said is still to be read. */
static void note_deaf(struct session *s)
{
	s->http->deaf = true;
	s->end[SERVER]->readable = true;
	way_fini(s->engine, &s->way[CLIENT]);
	s->way[CLIENT].piped = 0;
}

static void note_sent(struct session *s, size_t n)
{
	s->http->sent = true;
	s->end[SERVER]->active = loop_now(s->engine->loop);
}

/* One that may be asked again loses nothing when it is refused later; the others are sent at once,
 * so that it is known whether anything of them was. */
static ssize_t send_head(struct session *s)
{
	const struct http_desk *d = s->engine->desk;
	const struct http *h = s->http;
	struct end *server = s->end[SERVER];

	if (h->idempotent && http_body_over(&h->body[CLIENT]) && !server->readable &&
	    !server->hung_up)
		return end_send_soon(server, d->out, d->len);
	return end_send(server, d->out, d->len, 0);
}

/* Nothing of it was sent yet. */
static void send_desk(struct session *s)
{
	struct http_desk *d = s->engine->desk;
	struct http *h = s->http;
	ssize_t n = send_head(s);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		hold_desk(s);
		if (s->state == SESSION_HTTP && !http_retry(s))
			note_deaf(s);
		return;
	}
	if (n <= 0) {
		hold_desk(s);
		return;
	}
	d->owner = NULL;
	note_sent(s, n);
	if (h->idempotent && http_body_over(&h->body[CLIENT])) {
		h->again = copy_of(d->out, d->len);
		h->again_len = d->len;
	}
	if ((size_t)n < d->len && way_hold(s, CLIENT, d->out + n, d->len - n) == STEP_WRITE_FAILED)
		session_end(s, true);
}

/* Returns whether there may be more to do. */
static bool flush_held(struct session *s)
{
	struct way *w = &s->way[CLIENT];
	struct http *h = s->http;
	ssize_t n = end_send(s->end[SERVER], w->held + w->held_at, w->held_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n < 0) {
		if (!http_retry(s))
			note_deaf(s);
		return true;
	}
	note_sent(s, n);
	w->held_at += n;
	w->held_len -= n;
	if (w->held_len)
		return true;
	if (h->whole) {
		h->again = (char *)w->held;
		h->again_len = w->held_at;
	} else {
		free(w->held);
	}
	h->whole = false;
	w->held = NULL;
	return true;
}

static bool flush(struct session *s)
{
	struct way *w = &s->way[CLIENT];

	if (!s->end[SERVER] || !s->end[SERVER]->writable)
		return false;
	/* Whoever is made to wait by the server is not slow. */
	if (s->http->slow_until)
		http_body_due(s);
	if (w->held_len)
		return flush_held(s);
	if (way_flush(s, CLIENT) == STEP_WRITE_FAILED)
		note_deaf(s);
	return true;
}

static void say_what_is_wrong(struct session *s)
{
	const struct http_body *b = &s->http->body[CLIENT];

	http_own_refusal(s, b->error_status, b->error_status == 413 ? NULL : b->error);
}

/* A server may have got some of it. */
static void refuse_body(struct session *s)
{
	bool begun = s->http->answer >= HTTP_ANSWER_BODY;

	http_drop_server(s, true);
	http_note_end(s->http, 'P', begun ? 'D' : 'H');
	if (!begun) {
		say_what_is_wrong(s);
		return;
	}
	session_count(s, bad_requests, 1);
	session_end(s, false);
}

/* The two halves of Outlook Anywhere announce a gigabyte and just leave. */
static void body_cut_short(struct session *s)
{
	if (!s->http->rpc)
		session_count(s, client_aborts, 1);
	http_note_end(s->http, 'C', s->http->answer >= HTTP_ANSWER_BODY ? 'D' : 'H');
	session_end(s, false);
}

static bool move_body(struct session *s)
{
	struct http *h = s->http;
	uint64_t before = h->log.bytes_in;

	switch (http_body_move(s, CLIENT)) {
	case HTTP_MOVED:
		h->expects = false;
		h->sent = true;
		if (h->slow_until)
			h->slow_until += (h->log.bytes_in - before) * 1000 / BODY_RATE;
		if (http_body_over(&h->body[CLIENT]))
			way_rest(s, CLIENT);
		return true;
	case HTTP_UNMOVED:
		way_rest(s, CLIENT);
		return false;
	case HTTP_ENDED:
		body_cut_short(s);
		return false;
	case HTTP_MALFORMED:
		refuse_body(s);
		return true;
	case HTTP_LOST_TO:
		note_deaf(s);
		return true;
	default:
		session_broken(s, CLIENT);
		return false;
	}
}

static void log_line(struct session *s, const struct http_head *head)
{
	struct http_log *log = &s->http->log;
	size_t len = head->line.len < HTTP_LOG_LINE ? head->line.len : HTTP_LOG_LINE;

	if (!(s->settings->says.flags & PROXY_SERVICE_LOG))
		return;
	if (!log->line)
		log->line = calloc(1, HTTP_LOG_TEXT);
	log->line_len = log->line ? len : 0;
	if (!log->line)
		return;
	memcpy(log->line, head->line.at, len);
	log->line[HTTP_LOG_LINE] = '\0';
}

/* What the head says that matters later, when its bytes are gone. */
static void note_head(struct session *s, const struct http_head *head)
{
	struct http *h = s->http;

	h->log.asked = loop_now(s->engine->loop);
	s->row->requests++;
	log_line(s, head);
	h->phase = HTTP_EXCHANGE;
	h->answer = HTTP_ANSWER_NONE;
	h->seen = 0;
	h->id = 0;
	h->method = head->method;
	h->minor = head->minor;
	h->idempotent = http_method_is_idempotent(head->method);
	h->upgrade = head->upgrade;
	h->rpc = slice_begins(head->method_text, "RPC_");
	h->expects = head->expect_continue;
	h->tied |= head->ntlm;
	h->client_close = !head->persistent;
	h->close = h->client_close || s->service->gone;
	h->sent = h->retried = h->fresh = h->deaf = h->whole = false;
	h->cookie_real = 0;
	s->wanted = 0;
}

/* How many of the bytes behind the head are its body, or -EPROTO. */
static ssize_t begin_body(struct session *s, const struct http_head *head, struct slice rest)
{
	struct http_body *b = &s->http->body[CLIENT];
	uint32_t limit = s->settings->says.max_body;

	http_body_start(b, head->framing, head->length, true);
	if (limit && !s->http->rpc && !http_body_limit(b, limit))
		return -EPROTO;
	return http_body_pass(b, rest.at, rest.len);
}

/* The head and as much of the body as is here, into the desk. Returns 0 or the status to answer. */
static uint16_t write_request(struct session *s, struct slice body)
{
	struct http_desk *d = s->engine->desk;
	struct http_write w = {};
	ssize_t n;

	http_fields_request(s, &w);
	while ((n = http_head_write(&d->head, &w, d->out, d->room)) < 0)
		if (!http_desk_reserve(d, 2 * d->room))
			return 503;
	if (!http_desk_reserve(d, n + body.len))
		return 503;
	if (body.len)
		memcpy(d->out + n, body.at, body.len);
	d->len = n + body.len;
	return 0;
}

/* A reset that came with the request is not told again. */
static bool has_left(const struct session *s)
{
	const struct end *client = s->end[CLIENT];

	return client->hung_up && end_error(client);
}

/* A tied connection serves while it leads to the pool that is asked for. */
static void to_server(struct session *s)
{
	if (has_left(s)) {
		http_note_end(s->http, 'C', 'R');
		session_broken(s, CLIENT);
		return;
	}
	s->engine->desk->owner = s;
	if (s->end[SERVER] && s->real->row.service == s->pool->id && !http_is_stale(s)) {
		http_upstream_open(s);
	} else {
		if (s->end[SERVER])
			http_drop_server(s, false);
		upstream_start(s);
	}
	hold_desk(s);
}

/* have begins with the head that the desk holds. */
static void begin(struct session *s, struct slice have)
{
	struct http_desk *d = s->engine->desk;
	struct http *h = s->http;
	struct slice rest = {have.at + d->head.size, have.len - d->head.size};
	ssize_t pass;
	uint16_t status = 0;

	note_head(s, &d->head);
	pass = begin_body(s, &d->head, rest);
	h->asked_len = s->real ? 0 : d->head.size + (pass > 0 ? pass : 0);
	h->expects &= pass == 0;
	if (pass < 0) {
		session_count(s, requests, 1);
		say_what_is_wrong(s);
		return;
	}
	if (!http_own_redirect(s, &d->head)) {
		status = http_pick_pool(s, &d->head);
		http_pick_real(s, &d->head);
		if (!status)
			status = write_request(s, (struct slice){rest.at, pass});
	}
	session_count(s, requests, 1);
	if (stash_keep(s, CLIENT, (struct slice){rest.at + pass, rest.len - pass}, true))
		session_end(s, true);
	else if (status)
		http_own_error(s, status);
	else if (h->answer == HTTP_ANSWER_NONE)
		to_server(s);
}

/* Returns whether there may be more to do. */
static bool take_head(struct session *s, struct slice have)
{
	struct http_head *head = &s->engine->desk->head;
	struct http *h = s->http;
	size_t limit = s->settings->says.request_buffer;
	int whole;

	if (h->phase == HTTP_IDLE)
		h->log.began = loop_now(s->engine->loop);
	h->phase = HTTP_HEAD;
	whole = http_request_parse(head, have.at, have.len, &h->seen);
	if (whole < 0) {
		http_own_refusal(s, head->error_status, head->error);
	} else if (whole ? head->size > limit : have.len >= limit) {
		http_own_refusal(s, 431, NULL);
	} else if (whole) {
		begin(s, have);
	} else if (stash_keep(s, CLIENT, have, false)) {
		session_end(s, true);
	}
	return true;
}

/* Without a whole request: nobody is owed an answer. */
static void client_is_gone(struct session *s)
{
	if (s->http->phase == HTTP_HEAD) {
		http_note_end(s->http, 'C', 'R');
		session_count(s, client_aborts, 1);
	}
	session_end(s, false);
}

static bool read_head(struct session *s)
{
	size_t limit = s->settings->says.request_buffer;
	struct slice have;
	ssize_t n;

	if (!s->http->in[CLIENT].fresh && !s->end[CLIENT]->readable)
		return false;
	n = stash_fill(s, CLIENT, limit, &have);
	if (n > 0)
		return take_head(s, have);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	client_is_gone(s);
	return false;
}

bool http_request_step(struct session *s)
{
	struct http *h = s->http;

	if (h->phase != HTTP_EXCHANGE)
		return read_head(s);
	if (way_waits(&s->way[CLIENT]))
		return flush(s);
	if (http_body_over(&h->body[CLIENT]) || h->deaf || !s->end[SERVER] ||
	    !s->end[SERVER]->writable)
		return false;
	return move_body(s);
}

/* Over a connection that was just made, or taken from where it waited. */
void http_upstream_open(struct session *s)
{
	struct http *h = s->http;
	struct end *server = s->end[SERVER];
	struct proxy_counts *c = &s->engine->shared->real[s->real->id];

	s->state = SESSION_HTTP;
	h->log.connected = loop_now(s->engine->loop);
	http_log_real(s);
	h->server_keeps = false;
	server->active = h->log.connected;
	count(c, offsetof(struct proxy_counts, sessions), 1);
	if (h->asked_len) { /* else the real was known when they were read */
		count(c, offsetof(struct proxy_counts, requests), 1);
		count(c, offsetof(struct proxy_counts, bytes_in), h->asked_len);
		h->asked_len = 0;
	}
	if (server->used)
		session_count(s, reused, 1);
	h->slow_until = 0;
	if (!h->rpc && !http_body_over(&h->body[CLIENT]))
		http_body_due(s);
	if (s->engine->desk->owner == s)
		send_desk(s);
	http_run(s);
}

void http_upstream_none(struct session *s, uint16_t status)
{
	char during = s->state == SESSION_QUEUE ? 'Q' : 'C';

	s->state = SESSION_HTTP;
	if (s->engine->desk->owner == s)
		s->engine->desk->owner = NULL;
	http_drop_server(s, true);
	http_note_end(s->http, s->ended_by ? s->ended_by : 'S', during);
	http_own_error(s, status);
	http_run(s);
}
