/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/predecessors.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/handover.h"
#include "io/channel.h"
#include "proxy/doors.h"
#include "proxy/list.h"
#include "proxy/sockets.h"

enum {
	ANSWER_MSEC = 2000, /* of one */
	ALL_MSEC = 5000,    /* of all, when some are stopped */
};

struct predecessor {
	struct link link;
	struct predecessors *all;
	struct channel channel;
	pid_t pid;
	int pidfd, memory;
	int column; /* in the memory that was taken */
	bool known; /* it has answered, and speaks our version */
	struct handover_message state;
};

struct predecessors {
	struct loop *loop;
	char *dir;
	predecessor_ended_fn *ended;
	void *arg;
	uint64_t deadline;      /* clock_msec() */
	struct link list, over; /* over: freed at the end of the round */
	struct hook after;
	struct sockets sockets;
	bool finished; /* told to */
};

static int ask(struct predecessor *p, enum handover_kind kind)
{
	const struct handover_message m = {
		.magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION, .kind = kind};

	return channel_send(&p->channel, &m, sizeof(m), -1);
}

static void predecessor_free(struct predecessor *p)
{
	list_remove(&p->link);
	channel_fini(&p->channel);
	if (p->memory >= 0)
		close(p->memory);
	close(p->pidfd);
	free(p);
}

static void free_all(struct link *list)
{
	while (!list_empty(list))
		predecessor_free(container_of(list->next, struct predecessor, link));
}

static void free_over(struct hook *h)
{
	free_all(&container_of(h, struct predecessors, after)->over);
}

static bool is_finishing(const struct predecessor *p)
{
	return p->state.flags & HANDOVER_FINISHING;
}

/* One that came when another had brought it already is not needed. What it is bound to it says
 * itself: the process holds no power and is not believed. */
static void take_listener(struct predecessors *all, int fd)
{
	int is_listening = 0, protocol = 0;
	socklen_t len = sizeof(int), sa_len = sizeof(struct sockaddr_storage);
	struct sockaddr_storage sa;
	struct proxy_endpoint at = {};

	if (all->finished || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) ||
	    !is_listening || getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) ||
	    protocol != IPPROTO_TCP || getsockname(fd, (struct sockaddr *)&sa, &sa_len) ||
	    addr_from_sockaddr(&at.vip, &at.port, (struct sockaddr *)&sa) ||
	    !sockets_add(&all->sockets, &at, fd))
		close(fd);
}

/* Returns whether more is to come. fd is taken. */
static bool take_answer(struct predecessor *p, const struct handover_message *m, int fd)
{
	switch (m->kind) {
	case HANDOVER_STATE:
		p->state = *m;
		p->known = m->version == HANDOVER_VERSION;
		if (p->known && p->memory < 0) {
			p->memory = fd;
			fd = -1;
		}
		break;
	case HANDOVER_LISTENER:
		if (fd >= 0)
			take_listener(p->all, fd);
		fd = -1;
		break;
	}
	if (fd >= 0)
		close(fd);
	return p->known && m->kind != HANDOVER_DONE;
}

/* Returns 0, -EAGAIN when it is late, or -errno. */
static int wait_for(const struct predecessor *p, uint64_t until)
{
	struct pollfd ready = {.fd = p->channel.watch.fd, .events = POLLIN};
	uint64_t now = clock_msec();
	int n = now < until ? poll(&ready, 1, (int)(until - now)) : 0;

	if (n < 0)
		return -errno;
	return n ? 0 : -EAGAIN;
}

/* Returns 1 when there is more to hear, 0 or -errno. */
static int hear_one(struct predecessor *p, uint64_t until)
{
	struct handover_message m;
	int fd = -1, err = wait_for(p, until);
	ssize_t len = err ? err : channel_receive(p->channel.watch.fd, &m, sizeof(m), &fd);

	if (len == sizeof(m) && m.magic == HANDOVER_MAGIC)
		return take_answer(p, &m, fd);
	if (fd >= 0)
		close(fd);
	return len < 0 ? (int)len : -EPROTO;
}

/* Returns 0 or -errno. */
static int hear_out(struct predecessor *p)
{
	uint64_t until = clock_msec() + ANSWER_MSEC;
	int more;

	if (until > p->all->deadline)
		until = p->all->deadline;
	do
		more = hear_one(p, until);
	while (more > 0);
	return more;
}

static void say_state(const struct predecessor *p, int err)
{
	if (err)
		log_warning("proxy process %d of an earlier main does not hand over: %s; it is "
			    "told to finish",
			    p->pid, err == -EAGAIN ? "no answer" : strerror(-err));
	else if (!p->known)
		log_warning("proxy process %d of an earlier main speaks version %u of the "
			    "hand-over, not %d: its listeners are bound anew",
			    p->pid, p->state.version, HANDOVER_VERSION);
	else
		log_info("proxy process %d of an earlier main hands over; sessions: %llu", p->pid,
			 (unsigned long long)p->state.sessions);
}

static void take_message(struct channel *c, const void *bytes, size_t len, int fd)
{
	struct predecessor *p = container_of(c, struct predecessor, channel);
	struct handover_message m;

	if (len != sizeof(m)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	memcpy(&m, bytes, sizeof(m));
	if (m.magic == HANDOVER_MAGIC)
		(void)take_answer(p, &m, fd);
	else if (fd >= 0)
		close(fd);
}

static void has_ended(struct channel *c)
{
	struct predecessor *p = container_of(c, struct predecessor, channel);
	struct predecessors *all = p->all;
	int column = p->column;

	log_info("proxy process %d of an earlier main has ended", p->pid);
	door_remove(all->dir, p->pid);
	list_remove(&p->link);
	list_add(&all->over, &p->link);
	loop_defer(all->loop, &all->after);
	all->ended(all->arg, column);
}

static void meet(void *arg, pid_t pid)
{
	struct predecessors *all = arg;
	int pidfd, err, fd = door_knock(all->dir, pid, &pidfd);
	struct predecessor *p;

	if (fd < 0)
		return; /* it has ended */
	p = xcalloc(1, sizeof(*p));
	*p = (struct predecessor){.all = all, .pid = pid, .pidfd = pidfd, .memory = -1};
	p->column = NO_COLUMN;
	p->channel.message = take_message;
	p->channel.closed = has_ended;
	list_add(&all->list, &p->link);
	err = channel_init(&p->channel, all->loop, fd);
	if (!err)
		err = ask(p, HANDOVER_TAKE);
	if (!err)
		err = hear_out(p);
	say_state(p, err);
	if (!p->known)
		(void)ask(p, HANDOVER_FINISH); /* it is gone, or reads it when it can */
}

struct predecessors *predecessors_find(struct loop *l, const char *dir, predecessor_ended_fn *ended,
				       void *arg)
{
	struct predecessors *p = xcalloc(1, sizeof(*p));

	*p = (struct predecessors){.loop = l, .ended = ended, .arg = arg};
	list_init(&p->list);
	list_init(&p->over);
	p->after.fn = free_over;
	p->deadline = clock_msec() + ALL_MSEC;
	if (dir) {
		p->dir = xstrdup(dir);
		doors_each(dir, meet, p);
	}
	return p;
}

void predecessors_free(struct predecessors *all)
{
	free_all(&all->list);
	free_all(&all->over);
	sockets_fini(&all->sockets);
	free(all->dir);
	free(all);
}

static bool fits(const struct predecessor *p)
{
	return p->known && p->memory >= 0 && p->state.memory_size == sizeof(struct proxy_shared) &&
	       p->state.memory_version == PROXY_SHARED_VERSION &&
	       p->state.column < PROXY_PROCESSES_MAX;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* That of one that accepts, if there is one: the others may be of a time before. */
static struct predecessor *best(const struct predecessors *all)
{
	struct predecessor *found = NULL;

	for (struct link *l = all->list.next; l != &all->list; l = l->next) {
		struct predecessor *p = container_of(l, struct predecessor, link);

		if (fits(p) && (!found || (is_finishing(found) && !is_finishing(p))))
			found = p;
	}
	return found;
}

static void note_columns(struct predecessors *all, int memory)
{
	for (struct link *l = all->list.next; l != &all->list; l = l->next) {
		struct predecessor *p = container_of(l, struct predecessor, link);

		if (fits(p) && same_file(p->memory, memory))
			p->column = (int)p->state.column;
	}
}

static void forget_memory(struct predecessors *all, bool columns)
{
	for (struct link *l = all->list.next; l != &all->list; l = l->next) {
		struct predecessor *p = container_of(l, struct predecessor, link);

		if (columns)
			p->column = NO_COLUMN;
		if (p->memory >= 0)
			close(p->memory);
		p->memory = -1;
	}
}

int predecessors_take_memory(struct predecessors *all, unsigned int columns)
{
	struct predecessor *p = best(all);
	int memory = -1;

	if (p) {
		note_columns(all, p->memory);
		if (__builtin_popcountll(predecessors_columns(all)) + columns <=
		    PROXY_PROCESSES_MAX)
			memory = fcntl(p->memory, F_DUPFD_CLOEXEC, 0);
	}
	forget_memory(all, memory < 0);
	return memory;
}

void predecessors_lose_memory(struct predecessors *all)
{
	forget_memory(all, true);
}

uint64_t predecessors_columns(const struct predecessors *all)
{
	uint64_t bits = 0;

	for (const struct link *l = all->list.next; l != &all->list; l = l->next) {
		int column = container_of(l, const struct predecessor, link)->column;

		if (column != NO_COLUMN)
			bits |= 1ull << column;
	}
	return bits;
}

int predecessors_take_listener(struct predecessors *all, const struct proxy_endpoint *at)
{
	return sockets_take(&all->sockets, at);
}

bool predecessors_accept(const struct predecessors *all)
{
	for (const struct link *l = all->list.next; l != &all->list; l = l->next) {
		const struct predecessor *p = container_of(l, const struct predecessor, link);

		if (p->known && !is_finishing(p))
			return true;
	}
	return false;
}

void predecessors_finish(struct predecessors *all)
{
	sockets_fini(&all->sockets);
	all->finished = true;
	for (struct link *l = all->list.next; l != &all->list; l = l->next) {
		struct predecessor *p = container_of(l, struct predecessor, link);

		if (!is_finishing(p) && ask(p, HANDOVER_FINISH))
			log_error("proxy process %d of an earlier main cannot be told to finish",
				  p->pid);
	}
}

void predecessors_count(struct predecessors *all)
{
	for (struct link *l = all->list.next; l != &all->list; l = l->next)
		(void)ask(container_of(l, struct predecessor, link),
			  HANDOVER_COUNT); /* gone is told by its channel */
}

size_t predecessors_room(const struct predecessors *all)
{
	size_t count = 0;

	for (const struct link *l = all->list.next; l != &all->list; l = l->next)
		count++;
	return count;
}

size_t predecessors_view(const struct predecessors *all, struct predecessor_view *out, size_t room)
{
	size_t count = 0;

	for (const struct link *l = all->list.next; l != &all->list && count < room; l = l->next) {
		const struct predecessor *p = container_of(l, const struct predecessor, link);

		out[count++] = (struct predecessor_view){
			.pid = p->pid,
			.column = p->column,
			.finishing = is_finishing(p),
			.sessions = p->state.sessions,
		};
	}
	return count;
}

void predecessors_kill(struct predecessors *all)
{
	for (struct link *l = all->list.next; l != &all->list; l = l->next) {
		struct predecessor *p = container_of(l, struct predecessor, link);

		door_kill(p->pidfd);
		door_remove(all->dir, p->pid);
	}
}
