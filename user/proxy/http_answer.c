/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers of servers: interim ones, the final one, its body. An upgrade that was agreed and CONNECT
 * make a tunnel of the session, which is relay.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/http_internal.h"

void http_answer_lost(struct session *s, uint16_t status)
{
	if (http_retry(s))
		return;
	session_count(s, response_errors, 1);
	http_note_end(s->http, 'S', 'H');
	http_drop_server(s, true);
	http_own_error(s, status);
}

/* Returns false when the session is over. */
static bool send_desk(struct session *s)
{
	struct http_desk *d = s->engine->desk;
	struct end *client = s->end[CLIENT];
	ssize_t n = http_send_answer(s, d->out, d->len);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		http_note_end(s->http, 'C', 'D');
		session_broken(s, CLIENT);
		return false;
	}
	if (n > 0)
		client->active = loop_now(s->engine->loop);
	else
		n = 0;
	if ((size_t)n == d->len || way_hold(s, SERVER, d->out + n, d->len - n) == STEP_WAIT)
		return true;
	session_end(s, true);
	return false;
}

/* The head as it goes to the client, and what is here of the body. False without memory. */
static bool write_answer(struct session *s, const struct http_write *w, struct slice body)
{
	struct http_desk *d = s->engine->desk;
	ssize_t n;

	while ((n = http_head_write(&d->head, w, d->out, d->room)) < 0)
		if (!http_desk_reserve(d, 2 * d->room))
			return false;
	if (!http_desk_reserve(d, n + body.len))
		return false;
	if (body.len)
		memcpy(d->out + n, body.at, body.len);
	d->len = n + body.len;
	return true;
}

/* RFC 9110 15.2: none for HTTP/1.0 clients. */
static void pass_interim(struct session *s, struct slice have)
{
	struct http *h = s->http;
	const struct http_head *head = &s->engine->desk->head;
	const struct http_write w = {};
	struct slice rest = {have.at + head->size, have.len - head->size};

	if (head->status == 100 && h->expects) {
		h->expects = false;
		if (h->slow_until)
			http_body_due(s);
	}
	h->seen = 0;
	session_count(s, answers[1], 1);
	if (h->minor && !(write_answer(s, &w, (struct slice){}) && send_desk(s)))
		return;
	if (stash_keep(s, SERVER, rest, true))
		session_end(s, true);
}

static enum http_say say_of(const struct http *h, bool tunnel)
{
	if (tunnel && h->upgrade)
		return HTTP_SAY_UPGRADE;
	if (tunnel)
		return HTTP_SAY_NOTHING;
	if (h->close)
		return HTTP_SAY_CLOSE;
	return h->minor ? HTTP_SAY_NOTHING : HTTP_SAY_KEEP_ALIVE;
}

/* What both sides have sent already is on its way before what comes. */
static void start_tunnel(struct session *s)
{
	struct http *h = s->http;
	struct stash *early = &h->in[CLIENT];

	if (way_waits(&s->way[CLIENT])) { /* agreed to what it has not even read */
		session_end(s, true);
		return;
	}
	if (stash_holds(early)) {
		if (way_hold(s, CLIENT, early->bytes + early->at, early->len - early->at) ==
		    STEP_WRITE_FAILED) {
			session_end(s, true);
			return;
		}
		stash_fini(early);
	}
	relay_start(s);
}

/* A login at a real that is down, has left, or has another address now, ends with an answer that
 * says so, and the client logs in elsewhere (R19, R20); so it does where nobody would hear that the
 * real went down. At one that is drained it stays (R107). Not with a challenge: what the client
 * says next means something on this connection only. */
static bool login_ends(const struct session *s, const struct http_head *head)
{
	const struct real *r = s->real;

	return (r->gone || r->row.flags & PROXY_REAL_DOWN || s->engine->finishing) &&
	       head->status != 401 && head->status != 407;
}

static void note_answer(struct session *s, const struct http_head *head)
{
	struct http *h = s->http;

	h->log.status = head->status;
	session_add(s,
		    offsetof(struct proxy_counts, answers) +
			    (head->status < 600 ? head->status / 100 : 0) * sizeof(uint64_t),
		    1);
	h->tied |= head->ntlm;
	h->server_keeps = head->persistent;
	h->close |= head->framing == HTTP_UNTIL_CLOSE || s->service->gone ||
		    (!http_body_over(&h->body[CLIENT]) && !head->persistent) ||
		    /* the next request belongs elsewhere */
		    (h->tied ? login_ends(s, head) : s->engine->finishing);
	h->answer = HTTP_ANSWER_BODY;
}

/* Its end comes at once, and travels in the packet of the last bytes. */
static bool is_last(const struct http *h)
{
	return h->close && h->answer == HTTP_ANSWER_BODY && http_body_over(&h->body[SERVER]);
}

ssize_t http_send_answer(struct session *s, const void *bytes, size_t len)
{
	const struct http *h = s->http;
	struct end *client = s->end[CLIENT];
	bool goes_on = !h->close && !client->hung_up && http_body_over(&h->body[CLIENT]);

	if (h->upgrade || h->method == HTTP_METHOD_CONNECT)
		return end_send(client, bytes, len, 0);
	if (goes_on && !client->readable)
		return end_send_soon(client, bytes, len);
	return end_send(client, bytes, len, is_last(h) ? MSG_MORE : 0);
}

static bool is_tunnel(const struct http *h, const struct http_head *head)
{
	return head->status == 101 || (h->method == HTTP_METHOD_CONNECT && head->status / 100 == 2);
}

static void answer_is_wrong(struct session *s)
{
	http_drop_server(s, true);
	http_own_error(s, 502);
}

/* Returns whether there may be more to do. */
static void take_final(struct session *s, struct slice have)
{
	struct http *h = s->http;
	const struct http_head *head = &s->engine->desk->head;
	struct slice rest = {have.at + head->size, have.len - head->size};
	bool tunnel = is_tunnel(h, head);
	struct http_write w = {};
	ssize_t pass;

	http_body_start(&h->body[SERVER], head->framing, head->length, true);
	pass = tunnel ? (ssize_t)rest.len : http_body_pass(&h->body[SERVER], rest.at, rest.len);
	/* Who agrees to a tunnel has had the whole request before. */
	if (pass < 0 || (tunnel && way_waits(&s->way[CLIENT]))) {
		session_count(s, response_errors, 1);
		answer_is_wrong(s);
		return;
	}
	note_answer(s, head);
	http_fields_answer(s, &w);
	w.say = say_of(h, tunnel);
	if (!write_answer(s, &w, (struct slice){rest.at, pass})) {
		session_end(s, true);
		return;
	}
	if (!send_desk(s))
		return;
	if (tunnel) {
		stash_fini(&h->in[SERVER]);
		start_tunnel(s);
	} else if (stash_keep(s, SERVER, (struct slice){rest.at + pass, rest.len - pass}, true)) {
		session_end(s, true);
	} else if (http_body_over(&h->body[SERVER])) {
		h->answer = HTTP_ANSWER_OVER;
	}
}

static void note_first_byte(struct session *s)
{
	struct http *h = s->http;
	uint64_t now = loop_now(s->engine->loop);

	h->answer = HTTP_ANSWER_HEAD;
	h->log.answered = now;
	session_time(s, response_time, now - h->log.connected);
	free(h->again);
	h->again = NULL;
}

static void take_head(struct session *s, struct slice have)
{
	struct http *h = s->http;
	struct http_head *head = &s->engine->desk->head;
	int whole;

	if (h->answer == HTTP_ANSWER_NONE)
		note_first_byte(s);
	whole = http_response_parse(head, have.at, have.len, &h->seen, h->method);
	if (whole < 0 || (!whole && have.len >= ANSWER_HEAD_MAX) ||
	    (whole && head->status == 101 && !h->upgrade)) {
		session_count(s, response_errors, 1);
		http_note_end(h, 'P', 'H');
		answer_is_wrong(s);
	} else if (!whole) {
		if (stash_keep(s, SERVER, have, false))
			session_end(s, true);
	} else if (http_is_interim(head)) {
		pass_interim(s, have);
	} else {
		take_final(s, have);
	}
}

static bool read_head(struct session *s)
{
	struct slice have;
	ssize_t n;

	if (!s->http->in[SERVER].fresh && !s->end[SERVER]->readable)
		return false;
	n = stash_fill(s, SERVER, ANSWER_HEAD_MAX, &have);
	if (n > 0)
		take_head(s, have);
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	else
		http_answer_lost(s, 502);
	return true;
}

/* The end of what has no length is its end. Who announced more has broken off, which the client is
 * told by an end of its own; Outlook Anywhere does so as a habit. */
static void body_ended(struct session *s)
{
	struct http *h = s->http;

	if (h->body[SERVER].framing == HTTP_UNTIL_CLOSE) {
		h->answer = HTTP_ANSWER_OVER;
		return;
	}
	if (!h->rpc) {
		session_count(s, response_errors, 1);
		http_note_end(h, 'S', 'D');
	}
	session_end(s, false);
}

static bool move_body(struct session *s)
{
	struct http *h = s->http;

	switch (http_body_move(s, SERVER)) {
	case HTTP_MOVED:
		if (http_body_over(&h->body[SERVER])) {
			h->answer = HTTP_ANSWER_OVER;
			way_rest(s, SERVER);
		}
		return true;
	case HTTP_UNMOVED:
		way_rest(s, SERVER);
		return false;
	case HTTP_ENDED:
		body_ended(s);
		return true;
	case HTTP_LOST_TO:
		http_note_end(h, 'C', 'D');
		session_broken(s, CLIENT);
		return false;
	default:
		http_note_end(h, 'S', 'D');
		session_broken(s, SERVER);
		return false;
	}
}

bool http_answer_step(struct session *s)
{
	struct http *h = s->http;

	if (!s->end[SERVER] || way_waits(&s->way[SERVER]) || !s->end[CLIENT]->writable)
		return false;
	return h->answer < HTTP_ANSWER_BODY ? read_head(s) : move_body(s);
}
