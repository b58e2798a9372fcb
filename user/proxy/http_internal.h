/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of HTTP mode, and by nobody else.
 *
 * A session in SESSION_HTTP runs until neither side can do more: answers first, for they make room.
 * Bytes are read into the engine's copy and looked at there; what is sent on is made in the desk,
 * head and first bytes of the body as one piece, and only what cannot be sent, or not yet, moves to
 * memory of its own. Nothing is read from a side while something of it waits.
 */
#ifndef LBXDP_PROXY_HTTP_INTERNAL_H
#define LBXDP_PROXY_HTTP_INTERNAL_H

#include "core/http_body.h"
#include "core/http_edit.h"
#include "core/http_message.h"
#include "proxy/http_log.h"
#include "proxy/internal.h"

enum {
	ANSWER_HEAD_MAX = 65536, /* bytes; Negotiate challenges are as long as tickets */
	LINGER_TIME = 5000,      /* ms that a client has to take our last words */
	LINGER_BYTES = 16 << 20, /* and what it may still send meanwhile */
	LEFT_TIME = 30000,       /* ms to go on for a client that has sent its last byte, and may be
				  * gone, without a word from the server */
	BODY_RATE = 500,         /* bytes a second that a request's body brings at least (F17), */
	BODY_PATIENCE = 3,       /* but for a pause of so many timeouts.request: radio is lost */
	OWN_EDITS = 4,           /* beside those of the rules */
};

/* Bytes that were read and belong to what comes next. fresh: not looked at since they came. */
struct stash {
	char *bytes;
	uint32_t at, len, room; /* at..len are there */
	bool fresh;
};

/* Where the client is. */
enum http_phase {
	HTTP_IDLE,     /* no byte of a request is here */
	HTTP_HEAD,     /* some bytes of it */
	HTTP_EXCHANGE, /* the head is whole */
	HTTP_LINGER,   /* all is said; it only has to take it */
};

/* Where the server's answer is. */
enum http_answer {
	HTTP_ANSWER_NONE,
	HTTP_ANSWER_HEAD, /* some bytes of it, or an interim one */
	HTTP_ANSWER_BODY, /* the final head is on its way to the client */
	HTTP_ANSWER_OVER, /* all of it was read */
};

struct http {
	struct http_body body[2];
	struct stash in[2]; /* by the side it came from */
	size_t seen;        /* of the head that is being read */
	char *again;        /* the request as it was sent, while it may be sent again */
	uint32_t again_len;
	uint32_t cookie_real; /* that the client's cookie names; 0: none */
	uint64_t slow_until;  /* by then the body has to have brought more; 0: at leisure */
	uint64_t until;       /* HTTP_LINGER */
	uint64_t id;          /* of the request; 0: none was needed */
	uint32_t asked_len;   /* bytes read for the request before it had a real */
	uint32_t lingered;
	uint8_t phase, answer, method; /* enum http_phase, http_answer, http_method */
	uint8_t minor;                 /* of the request */
	bool idempotent, upgrade, rpc; /* the request is */
	bool expects;                  /* a 100 was asked for and has not come */
	bool whole;                    /* way[CLIENT].held is all of the request */
	bool first;                    /* request of its connection */
	bool sent;                     /* some of the request went to this server */
	bool retried, fresh;           /* fresh: take no connection that was used before */
	bool deaf;                     /* the server takes no more of the request */
	bool close, client_close;      /* after this answer; the client wants it so */
	bool server_keeps;             /* the server's connection may live on */
	bool tied;                     /* to its server connection for life (NTLM) */
	bool running;
	bool peer_known;
	bool trusted, appended;   /* what the peer says of its client is believed, or at least
				   * passed on with our word behind it */
	char peer[ADDR_TEXT_LEN]; /* the client's address, once it was needed */
	char forwarded[ADDR_TEXT_LEN + 24]; /* in the words of RFC 7239 */
	struct http_log log;
};

/* What is needed while bytes are looked at, once for all sessions. */
struct http_desk {
	struct http_head head;
	struct http_edit edits[HTTP_EDITS_MAX];
	struct http_rewrite *rewrites;
	size_t rewrite_room;
	char cookie[LB_NAME_LEN + 96];
	char *out;
	size_t room, len;
	struct session *owner; /* whose request is in out; NULL: nobody's */
	uint64_t seed;
};

/* http.c */
void http_run(struct session *s);
/* Nothing of the request is at work any more: back to the pool, or closed. */
void http_release_server(struct session *s);
void http_drop_server(struct session *s, bool reset);
/* Its server's connection leads where new requests do not go (down, drained, gone, a backup that is
 * no longer needed), and nobody has logged in on it. */
bool http_is_stale(const struct session *s);
/* Room for so many bytes in out. False without memory. */
bool http_desk_reserve(struct http_desk *d, size_t room);

/* http_stash.c */
/* All that is there of that side, at most limit bytes, after reading more unless it is fresh.
 * Returns its length, 0 at the end, or -1 and errno. */
ssize_t stash_fill(struct session *s, enum side side, size_t limit, struct slice *have);
/* The rest of what stash_fill gave is all that stays. Returns 0 or -ENOMEM. */
int stash_keep(struct session *s, enum side side, struct slice rest, bool fresh);
void stash_fini(struct stash *st);

/* http_request.c: each returns whether there may be more to do. */
bool http_request_step(struct session *s);
/* The request goes to another server's connection, if it may. */
bool http_retry(struct session *s);
void http_request_forget(struct session *s);

/* http_answer.c */
bool http_answer_step(struct session *s);
/* Of the final answer, as end_send: at the end of the round where the session goes on after it. */
ssize_t http_send_answer(struct session *s, const void *bytes, size_t len);
/* The server is gone, or too slow. */
void http_answer_lost(struct session *s, uint16_t status);

/* http_body_move.c */
enum http_moved {
	HTTP_MOVED,     /* something */
	HTTP_UNMOVED,   /* nothing, for now */
	HTTP_ENDED,     /* the sender has said its last byte */
	HTTP_MALFORMED, /* the coding is broken */
	HTTP_LOST_FROM, /* the sender */
	HTTP_LOST_TO,   /* the receiver */
};
enum http_moved http_body_move(struct session *s, enum side side);

/* http_own.c: answers of our own; the client's connection is closed after all but redirects. */
void http_own_error(struct session *s, uint16_t status);
/* The request was refused for that reason, a constant text; NULL: for its size (413, 431). */
void http_own_refusal(struct session *s, uint16_t status, const char *reason);
/* A redirect that the settings ask for was sent. */
bool http_own_redirect(struct session *s, const struct http_head *h);

/* http_pick.c: which pool, which real. */
/* Returns 0, or the status to answer: 403. */
uint16_t http_pick_pool(struct session *s, const struct http_head *h);
void http_pick_real(struct session *s, const struct http_head *h);
/* The value of the cookie that leads to r; 11 characters, a NUL. */
enum { HTTP_TOKEN_LEN = 12 };
const char *http_pick_token(const struct real *r, char text[HTTP_TOKEN_LEN]);

/* http_fields.c: what is changed in heads; room for the lists is the desk's. */
void http_fields_request(struct session *s, struct http_write *w);
void http_fields_answer(struct session *s, struct http_write *w);

static inline void http_note_read(struct session *s, enum side side, size_t n)
{
	uint64_t *bytes = side == CLIENT ? &s->http->log.bytes_in : &s->http->log.bytes_out;

	*bytes += n;
}

/* The client has that long to send more of its body. */
static inline void http_body_due(struct session *s)
{
	s->http->slow_until = loop_now(s->engine->loop) + BODY_PATIENCE * session_patience(s);
}

/* The first thing that went wrong is what the log says. */
static inline void http_note_end(struct http *h, char cause, char state)
{
	if (h->log.cause != '-')
		return;
	h->log.cause = cause;
	h->log.state = state;
}

static inline bool stash_holds(const struct stash *st)
{
	return st->bytes != NULL;
}

#endif
