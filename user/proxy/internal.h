/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of a proxy process, and by nobody else. */
#ifndef LBXDP_PROXY_INTERNAL_H
#define LBXDP_PROXY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/slice.h"
#include "core/proxy.h"
#include "core/ring.h"
#include "core/session_log.h"
#include "io/loop.h"
#include "proxy/balance.h"
#include "proxy/engine.h"
#include "proxy/list.h"
#include "proxy/secure.h"

enum {
	CONNECT_TRIES = 3,
	COPY_ROOM = 16384,      /* bytes of one recv; more than that at a time is bulk */
	HEADER_WAIT = 10000,    /* ms for a client to send its PROXY header */
	RETRY_WAIT = 1000,      /* ms before the same real is tried again */
	WARN_EVERY = 60000,     /* ms */
	DESCRIPTORS_WAIT = 100, /* ms, when accept() ran out of descriptors */
	FALLBACK_WAIT = 250 /* ms; who waits for another process looks for itself, lest it died */
};

/* A service's settings as some session found them. */
struct settings {
	struct proxy_service says;
	size_t refs;
	struct rules *rules;     /* NULL: none */
	struct service_tls *tls; /* NULL: not wanted, or not to be had */
	struct page *pages;
	size_t page_count;
};

/* Once there, it stays where it is: sessions point to it as their pool. */
struct service {
	uint32_t id;
	bool gone;                /* no row any more; kept for its sessions */
	bool stale;               /* the ring is to be made anew */
	bool outdated;            /* likewise settings */
	struct proxy_service row; /* the newest; settings may lag behind it */
	struct settings *settings;
	uint64_t last_tls_warning;
	struct engine *engine;
	struct ring *ring;   /* NULL: none yet */
	uint64_t ring_until; /* loop_now() at which slow start makes it stale; UINT64_MAX: never */
	size_t usable;       /* reals in the ring */
	bool limited;        /* some of them have max_connections */
	struct link reals;
	size_t sessions, most_sessions;
	struct link of_queues; /* in engine->queues while somebody waits */
	struct link waiting;   /* sessions in SESSION_QUEUE, by number */
	size_t queued, most_queued;
	size_t queued_for_any; /* of them, those that do not wait for one real */
	bool serve;            /* a place may be free: look at the end of the round */
};

struct real {
	struct link of_service;
	uint32_t id;
	bool gone; /* likewise */
	struct proxy_real row;
	struct real_tls *tls; /* NULL: not asked for yet */
	uint64_t last_tls_warning;
	struct link sessions;
	size_t session_count, most_sessions;
	struct link idle; /* reuse.c: the last used one last */
	unsigned int idle_count;
	unsigned int era; /* reuse_close counts: connections of another are used by nobody else */
	size_t queued, most_queued; /* sessions that wait for it alone */
	uint64_t tried;             /* engine->choice in which it had no place */
	uint64_t met;               /* engine->look that has come by it */
	uint64_t full;              /* engine->scan in which it had no place */
};

struct listener {
	struct link of_engine;
	struct link of_held; /* in engine->held: not watched, its service is at maxconn */
	struct watch watch;
	struct engine *engine;
	struct proxy_endpoint endpoint;
	uint32_t service;
	unsigned int batch; /* how many clients to expect at once */
};

enum side { CLIENT, SERVER };

/* One connection: a session's, or one to a real that waits for its next request. */
struct end {
	struct watch watch;      /* fd -1: none */
	struct session *session; /* NULL: idle */
	struct engine *engine;
	struct tls_link *tls;      /* NULL: plain */
	struct real_tls *real_tls; /* held for tls towards a real */
	struct link link;          /* in engine->over, or real->idle */
	struct link of_idle;       /* in engine->idle */
	struct real *real;         /* while idle */
	uint32_t out;              /* its place in the outbox, from 1; 0: nothing of it is there */
	int failed;                /* the errno with which the outbox's send was refused */
	uint64_t active;           /* when it last said something, or took something: loop_now() */
	bool readable, writable;
	bool hung_up;     /* its last byte is in the kernel: read on until there is no more */
	bool used;        /* to a real: has carried a request already */
	bool bare;        /* and its last answer was a head only */
	bool parting;     /* TLS: our goodbye waits for room in the socket */
	unsigned int era; /* to a real: its era when this was made */
	uint16_t port;    /* to a real: that it went to */
	struct addr from; /* likewise: the source asked for; zero: none */
};

struct pipe {
	struct pipe *next; /* in the pool */
	int fd[2];
};

/* The bytes from one end to the other. What cannot be written yet waits in held or in the pipe, and
 * nothing is read until it is gone. */
struct way {
	uint8_t *held;
	uint32_t held_at, held_len;
	struct pipe *pipe;
	size_t piped;
	uint8_t full, small; /* reads in a row */
	bool done;           /* its end was passed on */
};

struct session {
	struct link of_real, of_engine; /* of_engine: alive or dead */
	struct link of_queue;
	struct link again; /* in engine->again: has more to do in the next round; or in ->steps */
	struct engine *engine;
	struct service *service;
	struct settings *settings;
	struct service *pool; /* whose reals it goes to: the service, or a route of it */
	struct real *real;    /* NULL: none yet */
	struct http *http;    /* l7-http */
	struct end *end[2];   /* the server's is NULL until there is one */
	struct end client;
	struct proxy_session *row; /* what people see of it */
	struct way way[2];         /* by the side it comes from */
	struct timer timer;
	uint64_t deadline; /* of every state but SESSION_RELAY */
	uint64_t ticket;
	uint64_t connecting, connected; /* loop_now(); of the last try; 0: not yet */
	uint64_t number;                /* in the queue: lower is longer there */
	uint64_t persist_key;           /* of its entry in the table of sources; 0: none */
	uint32_t wanted;                /* the real that persistence or a cookie asks for; 0: any */
	uint32_t place, place_at_real;  /* in queues, when it came there: the sums; from 1 */
	uint32_t failed[CONNECT_TRIES];
	uint8_t state; /* enum session_state */
	uint8_t tries;
	uint8_t retries;   /* more connects, or requests asked again, than one */
	bool redispatched; /* one of them on another real */
	char ended_by;     /* as struct session_log says; 0: its peers, in order */
	uint16_t vip_port, source_port, destination_port;
	struct addr vip;
	struct addr source, destination; /* as a PROXY header says or shall say */
};

struct engine {
	struct loop *loop;
	unsigned int index;
	struct proxy_shared *shared;
	int memory;                /* the file that shared is; -1: none yet */
	struct service **services; /* by id */
	struct real **reals;
	struct stock **stocks;     /* by service id: rules and contents of files; NULL: none */
	struct content **real_cas; /* by real id; likewise */
	struct map *listeners;     /* by endpoint as text */
	struct link listening;     /* all of them */
	struct link alive, dead, again, steps;
	struct link over; /* ends that are closed, until the round is */
	size_t sessions, limit, order_limit, descriptors;
	bool paused;    /* listeners are not watched */
	bool finishing; /* others accept by now: the loop stops with the last session */
	bool splice;    /* false: a socket here could not */
	struct timer resume, pulse;
	uint64_t vitals_at, vitals_asleep; /* loop_now() and loop_usage() at the last writing */
	struct hook after;
	uint32_t *seen; /* free rows of ours among those that were in use */
	size_t seen_free, seen_room;
	uint32_t seen_rows; /* that were in use; what the table says of it others could change */
	struct outbox *outbox;
	struct http_desk *desk; /* http.c: what is needed while bytes are looked at */
	struct link idle;       /* reuse.c: ends without a session, the oldest first */
	size_t idle_count, idle_max;
	struct timer idle_timer;
	struct link queues;          /* pools that somebody waits for */
	struct link held;            /* listeners whose service is at maxconn */
	bool recheck;                /* held: look at the end of the round */
	struct timer fallback;       /* while there are any of these */
	struct timer keep;           /* keeps entries of running sessions in the table of sources */
	uint64_t choice, look, scan; /* numbers of the last */
	unsigned int source_turn;    /* whose turn it is among a service's addresses */
	struct pipe *pipes;          /* free ones */
	size_t pipe_count, pipe_max;
	uint64_t last_warning, last_port_warning;
	struct watch bell;              /* our own: rung when a place in a queue is free */
	int bells[PROXY_PROCESSES_MAX]; /* of all processes, by index; -1: none */
	int log_fd;                     /* of session logs; -1: the process' own log */
	struct buf log_lines;
	uint8_t copy[COPY_ROOM];
};

/* rows.c */
struct service *service_at(struct engine *e, uint32_t id); /* made, as one that is gone, if new */
int service_put(struct engine *e, uint32_t id, const struct proxy_service *row);
void service_gone(struct engine *e, uint32_t id);
int real_put(struct engine *e, uint32_t id, const struct proxy_real *row);
void real_gone(struct engine *e, uint32_t id);
void rows_free(struct engine *e);
/* Frees what is gone and used by nobody. */
void service_clear_if_over(struct service *s);
void real_free_if_over(struct engine *e, struct real *r);

/* vitals.c: to be called once in PULSE_MSEC. */
void vitals_write(struct engine *e);
/* And whenever e->sessions has changed: lines of the log add up those of all processes. */
void vitals_sessions(struct engine *e);

/* settings.c: what a service is told beside its row, and what its sessions find. */
enum { RULE_KINDS = PROXY_RULE_TRUST + 1 };

/* By kind, in order. */
struct rules {
	struct proxy_rule *rule[RULE_KINDS];
	size_t count[RULE_KINDS];
};

int rule_put(struct engine *e, const struct proxy_rule_key *key, const struct proxy_rule *row);
void rule_gone(struct engine *e, const struct proxy_rule_key *key);
/* fd is read from its start, and stays the caller's. -EINVAL: the content is not what it should be,
 * which is logged; what was there stays in force. */
int blob_put(struct engine *e, const struct proxy_blob_key *key, int fd);
void blob_gone(struct engine *e, const struct proxy_blob_key *key);
/* As they are now, with a reference for the caller. */
struct settings *service_settings(struct engine *e, struct service *s);
void settings_release(struct settings *s);
/* The service's own page for a status, NULL: none. */
const struct slice *settings_page(const struct settings *s, uint16_t status);
void stocks_free(struct engine *e);

/* handshake.c: a step takes hundreds of microseconds, so one is taken a round, when everybody else
 * has been served: nobody waits for more than one. */
void handshake_later(struct session *s);
/* Takes the step whose turn it is. */
void handshake_round(struct engine *e);
/* The client's, from SESSION_HANDSHAKE to session_next. */
void handshake_begin(struct session *s);
void handshake_client(struct session *s);
void handshake_late(struct session *s);
/* The real's, in SESSION_CONNECT. Returns 0 when done, -EAGAIN, or another -errno, which is logged.
 */
int handshake_server(struct session *s);

/* hello.c: routes of l7-tcp, by the name that the client's TLS asks for. */
bool hello_is_wanted(const struct session *s);
void hello_begin(struct session *s);
void hello_read(struct session *s);
/* The pool of the first route for name (NULL: none was said); no route: the service itself. */
void hello_route(struct session *s, const char *name);

/* listener.c */
int listener_put(struct engine *e, uint32_t service, const struct proxy_endpoint *at, int fd);
void listener_gone(struct engine *e, const struct proxy_endpoint *at);
void listeners_free(struct engine *e);
/* Serves who came already, and leaves everybody else to the other processes. */
void listeners_leave(struct engine *e);
/* Accept no more until sessions end; out_of_descriptors: or a moment has passed. */
void listeners_pause(struct engine *e, bool out_of_descriptors);
void listeners_resume(struct engine *e);
/* A session of the service ended: listeners that wait for it are watched again. */
void listeners_freed(struct engine *e, const struct service *s);
/* If asked for since: watches those again that have no more reason to wait. */
void listeners_recheck(struct engine *e);

/* session.c */
struct session *session_new(struct engine *e, struct service *s, int fd);
void session_begin(struct session *s);
void session_ready(struct watch *w, unsigned int events); /* of each end */
/* The kernel did not take these bytes, which counted as sent: they wait. False without memory. */
bool session_unsent(struct end *e, const void *bytes, size_t len);
/* reset: both peers get a RST, not a FIN. */
void session_end(struct session *s, bool reset);
void session_free(struct session *s);
/* What its row says of the client is true now. */
void session_show_peer(struct session *s);
/* Another request begins its own way to a real. */
void session_forget_tries(struct session *s);
void session_drop_server(struct session *s, bool reset);
/* Has a client that owes us something before it is served (timeouts.request, ms). */
uint32_t session_patience(const struct session *s);
/* Calls come at the deadline of the state. */
void session_arm(struct session *s, uint64_t msec);
void session_again(struct session *s);
void session_turn(struct session *s); /* it has come */
void session_step(struct session *s); /* of the handshake that it is in */
/* member of struct proxy_counts, of the service and of the real if there is one. */
#define session_count(s, member, n) session_add(s, offsetof(struct proxy_counts, member), n)
void session_add(struct session *s, size_t offset, uint64_t n);
/* member of struct proxy_counts, a histogram: one more, that took so long. */
#define session_time(s, member, msec) session_took(s, offsetof(struct proxy_counts, member), msec)
void session_took(struct session *s, size_t offset, uint64_t msec);
/* Ends it by reset, because that side broke off. */
void session_broken(struct session *s, enum side side);
/* The client has said what it owed: PROXY header, TLS handshake. Goes on to the next of these, or
 * to a real. */
void session_next(struct session *s);

/* seen.c: sessions as `report sessions` shows them. */
struct proxy_session *seen_take(struct engine *e, uint32_t service);
void seen_give(struct engine *e, struct proxy_session *row);
void seen_fini(struct engine *e);

/* log.c */
void log_fill(const struct session *s, struct session_log *l); /* all but the times of HTTP */
void log_put(struct engine *e, const struct session_log *l);
void log_session(const struct session *s); /* TCP mode, before it is ended */
void log_flush(struct engine *e);

/* end.c: one connection, plain or TLS, edge-triggered. */
struct end *end_new(struct engine *e); /* NULL without memory */
void end_init(struct end *e, struct engine *engine, struct session *s);
void end_close(struct end *e, bool reset);
/* A closed one that end_new made: it is freed when the round is over. */
void end_drop(struct end *e);
/* As recv() and send(): bytes, or -1 and errno; EAGAIN has cleared readable or writable. */
ssize_t end_recv(struct end *e, void *to, size_t room);
ssize_t end_send(struct end *e, const void *from, size_t len, int flags);
/* The same, not before the end of the round if it is little. The caller has nothing more to do for
 * the session now, and does not end it: what is left over becomes its way's then. */
ssize_t end_send_soon(struct end *e, const void *from, size_t len);
/* What became of the connection: 0 or -errno. Clears what the kernel knows of it. */
int end_error(const struct end *e);
/* After fewer bytes than there was room for: is what comes next a new event? */
bool end_drained(const struct end *e);
/* No more will be sent. TLS says so when there is room for it (parting): call again then. */
void end_shutdown(struct end *e);

/* outbox.c: what end_send_soon has. */
struct outbox *outbox_new(struct engine *e); /* NULL without memory */
void outbox_free(struct outbox *o);
bool outbox_put(struct end *e, const void *bytes, size_t len); /* false: no room for so much */
void outbox_send(struct end *e);                               /* at once, if it has any */
void outbox_forget(struct end *e);

/* upstream.c: from a session without a server's connection to one that has it, which is then
 * relay_start's or http_upstream_open's; if there is none to be had, http_upstream_none's. */
void upstream_start(struct session *s);
void upstream_ready(struct session *s, unsigned int events);
void upstream_secure(struct session *s); /* a step of the handshake with the real */
void upstream_failed(struct session *s, int err);
/* To s->real, where s has a place. */
void upstream_connect(struct session *s);
/* There is no connection to be had: the client is told, if it speaks HTTP, or closed. */
void upstream_none(struct session *s, uint16_t status);

/* source.c */
/* The address to come from, or NULL for the kernel's choice, as when the families differ. */
const struct addr *source_of(const struct session *s, const struct addr *to);
/* Binds fd, not yet bound, as the service says, and begins to connect it. Returns 0 or -errno. */
int source_connect(struct session *s, int fd, const struct addr *to, uint16_t port);
/* Does its connection to the real come from the client's own address? */
bool source_is_client(const struct session *s);

/* http.c: sessions of l7-http. */
void http_begin(struct session *s); /* the client may send its first request */
void http_ready(struct session *s, enum side side, unsigned int events); /* in SESSION_HTTP */
void http_again(struct session *s);
void http_timeout(struct session *s); /* the deadline that session_arm set has passed */
/* What upstream_start led to. */
void http_upstream_open(struct session *s);
void http_upstream_none(struct session *s, uint16_t status); /* 502, 503, 504 */
void http_fini(struct session *s);
struct http_desk *http_desk_new(void); /* NULL without memory */
void http_desk_free(struct http_desk *d);
/* reuse.c: connections to reals that wait for the next request. */
/* One that came from there (NULL: anywhere) and went to that port, if the session may have it. */
struct end *reuse_take(struct session *s, struct real *r, const struct addr *from, uint16_t port);
void reuse_give(struct engine *e, struct real *r, struct end *server);
/* All of them, and those that are in use now will not wait. */
void reuse_close(struct real *r);
/* One more is made to r, which may have so many only. */
void reuse_make_room(struct engine *e, struct real *r);
/* Other processes use more by now: to be called with each pulse. */
void reuse_trim(struct engine *e);
void reuse_init(struct engine *e);

/* greeting.c */
void greeting_read(struct session *s);
/* Gives a real that has just been connected the header that it is to get before all else. Returns
 * 0 or -errno. */
int greeting_put(struct session *s);

/* relay.c */
enum step { STEP_MORE, STEP_WAIT, STEP_OVER, STEP_READ_FAILED, STEP_WRITE_FAILED };
/* What waits, in held or in the pipe, goes to the other end; the other end is writable. */
enum step way_flush(struct session *s, enum side side);
static inline bool way_waits(const struct way *w)
{
	return w->held_len || w->piped;
}
/* These bytes wait, behind those that do already. STEP_WAIT, or STEP_WRITE_FAILED without memory.
 */
enum step way_hold(struct session *s, enum side side, const void *bytes, size_t len);
/* After a recv of n bytes, more than 0. */
void way_note_read(struct session *s, enum side side, size_t n);
void way_note_copied(struct session *s, enum side side, size_t n);
/* Whether it is time for way_splice, whose pipe is there then. */
bool way_by_splice(struct session *s, enum side side);
/* At most max bytes into the pipe: how many, 0 at the end, -1 and errno. */
ssize_t way_splice(struct session *s, enum side side, size_t max);
/* An empty pipe goes back: what is idle holds none. */
void way_rest(struct session *s, enum side side);
void relay_start(struct session *s);
void relay_ready(struct session *s, enum side side, unsigned int events);
void relay_again(struct session *s);
void way_fini(struct engine *e, struct way *w);

/* pipe.c */
struct pipe *pipe_take(struct engine *e); /* NULL: no more */
void pipe_give(struct engine *e, struct pipe *p, bool empty);
void pipes_free(struct engine *e);

/* May this be said again? Then *last is now. */
static inline bool warning_is_due(const struct engine *e, uint64_t *last)
{
	uint64_t now = loop_now(e->loop);

	if (*last && now - *last < WARN_EVERY)
		return false;
	*last = now;
	return true;
}

/* Where a route leads; NULL: its pool is not there (any more), and the next one is asked. */
static inline struct service *route_pool(const struct engine *e, const struct proxy_rule *route)
{
	struct service *pool = e->services[route->pool];

	return pool && !pool->gone ? pool : NULL;
}

static inline void count(struct proxy_counts *c, size_t offset, uint64_t n)
{
	uint64_t *at = (uint64_t *)((char *)c + offset);

	(void)__atomic_fetch_add(at, n, __ATOMIC_RELAXED);
}

#endif
