/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/handover.h"
#include "proxy/internal.h"

static int say(struct handover_peer *p, uint32_t kind, int fd)
{
	const struct engine *e = p->handover->engine;
	const struct handover_message m = {
		.magic = HANDOVER_MAGIC,
		.version = HANDOVER_VERSION,
		.kind = kind,
		.flags = e->finishing ? HANDOVER_FINISHING : 0,
		.sessions = e->sessions,
		.memory_size = sizeof(struct proxy_shared),
		.memory_version = PROXY_SHARED_VERSION,
		.column = e->index,
	};

	return channel_send(&p->channel, &m, sizeof(m), fd);
}

static int give(struct handover_peer *p)
{
	const struct engine *e = p->handover->engine;
	int err = say(p, HANDOVER_STATE, e->memory);

	for (const struct link *l = e->listening.next; !err && l != &e->listening; l = l->next)
		err = say(p, HANDOVER_LISTENER,
			  container_of(l, struct listener, of_engine)->watch.fd);
	return err ? err : say(p, HANDOVER_DONE, -1);
}

static int count_sessions(struct handover_peer *p)
{
	return say(p, HANDOVER_STATE, -1);
}

static int finish(struct handover_peer *p)
{
	struct engine *e = p->handover->engine;

	if (!e->finishing)
		log_info("proxy: others accept now; sessions that go on here: %zu", e->sessions);
	engine_finish(e);
	return say(p, HANDOVER_STATE, -1);
}

static int (*const answers[])(struct handover_peer *p) = {
	[HANDOVER_TAKE] = give,
	[HANDOVER_COUNT] = count_sessions,
	[HANDOVER_FINISH] = finish,
};

static void leave(struct handover_peer *p)
{
	p->open = false;
	channel_fini(&p->channel);
}

static void answer(struct handover_peer *p)
{
	uint32_t asked = p->asked;

	p->asked = 0;
	for (size_t kind = 0; p->open && kind < ARRAY_COUNT(answers); kind++)
		if (asked >> kind & 1 && answers[kind](p))
			leave(p); /* it asks again, or is gone */
}

/* Of another version only the word to finish is understood. */
static bool is_known(const struct handover_message *m)
{
	return m->kind < ARRAY_COUNT(answers) && answers[m->kind] &&
	       (m->version == HANDOVER_VERSION || m->kind == HANDOVER_FINISH);
}

static void take_message(struct channel *c, const void *bytes, size_t len, int fd)
{
	struct handover_peer *p = container_of(c, struct handover_peer, channel);
	struct handover_message m;

	if (fd >= 0)
		close(fd);
	if (len < sizeof(m))
		return;
	memcpy(&m, bytes, sizeof(m));
	if (m.magic != HANDOVER_MAGIC)
		return;
	if (is_known(&m))
		p->asked |= 1u << m.kind;
	else
		p->asked |= 1u << HANDOVER_COUNT; /* which tells our version */
	if (p->handover->alone)
		answer(p);
}

static void peer_is_gone(struct channel *c)
{
	leave(container_of(c, struct handover_peer, channel));
}

static bool is_root(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) && who.uid == 0;
}

static void welcome(struct handover *h, int fd)
{
	struct handover_peer *p = &h->peer[h->newest++ % HANDOVER_PEERS];

	if (p->open)
		leave(p);
	*p = (struct handover_peer){
		.handover = h,
		.open = true,
		.channel = {.message = take_message, .closed = peer_is_gone}
        };
	if (channel_init(&p->channel, h->loop, fd))
		leave(p);
}

static void somebody_knocks(struct watch *w, unsigned int events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (is_root(fd))
		welcome(container_of(w, struct handover, door), fd);
	else
		close(fd);
}

int handover_open(struct handover *h, int fd)
{
	int err;

	if (h->is_open || fd < 0)
		return -EINVAL;
	h->door = (struct watch){.fn = somebody_knocks};
	err = loop_watch(h->loop, &h->door, fd, LOOP_READ);
	h->is_open = !err;
	return err;
}

bool handover_alone(struct handover *h)
{
	if (!h->is_open)
		return false;
	h->alone = true;
	for (size_t i = 0; i < HANDOVER_PEERS; i++)
		answer(&h->peer[i]);
	return true;
}

void handover_fini(struct handover *h)
{
	for (size_t i = 0; i < HANDOVER_PEERS; i++)
		if (h->peer[i].open)
			leave(&h->peer[i]);
	if (!h->is_open)
		return;
	loop_unwatch(&h->door);
	close(h->door.fd);
	h->is_open = false;
}
