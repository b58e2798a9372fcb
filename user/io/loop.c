/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { BATCH = 128 };

struct loop {
	int epoll;
	bool stop;
	uint64_t now, asleep;
	struct timer **heap; /* heap[1] is due first */
	size_t timers, room;
	struct hook *hooks;
	struct epoll_event ready[BATCH];
	int ready_at, ready_count; /* ready_at: whose turn it is */
	unsigned int news;         /* that the round began with */
	size_t watches;
	struct watch signal_watch;
	void (*signal_fn)(void *arg, int signal);
	void *signal_arg;
};

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return NULL;
	}
	l->now = clock_msec();
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_watch.active) {
		loop_unwatch(&l->signal_watch);
		close(l->signal_watch.fd);
	}
	close(l->epoll);
	free(l->heap);
	free(l);
}

uint64_t loop_now(const struct loop *l)
{
	return l->now;
}

struct loop_usage loop_usage(const struct loop *l)
{
	return (struct loop_usage){.asleep = l->asleep, .watches = l->watches, .news = l->news};
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

/* The kernel does not take EPOLLRDHUP with EPOLLEXCLUSIVE. */
static uint32_t wanted(unsigned int events)
{
	uint32_t read = events & LOOP_EXCLUSIVE ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN | EPOLLRDHUP;

	return (events & LOOP_READ ? read : 0) | (events & LOOP_WRITE ? EPOLLOUT : 0) |
	       (events & LOOP_EDGE ? EPOLLET : 0);
}

int loop_watch(struct loop *l, struct watch *w, int fd, unsigned int events)
{
	struct epoll_event e = {.events = wanted(events), .data.ptr = w};

	if (w->active && w->fd == fd && w->events == events)
		return 0;
	if (epoll_ctl(l->epoll, w->active ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e))
		return -errno;
	l->watches += !w->active;
	w->loop = l;
	w->fd = fd;
	w->events = events;
	w->active = true;
	return 0;
}

void loop_forget(struct watch *w)
{
	struct loop *l = w->loop;

	if (!w->active)
		return;
	for (int i = 0; i < l->ready_count; i++)
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
	w->active = false;
	l->watches--;
}

void loop_unwatch(struct watch *w)
{
	if (!w->active)
		return;
	/* The fd is open, so it is there. */
	(void)epoll_ctl(w->loop->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	loop_forget(w);
}

bool loop_has_news(const struct watch *w)
{
	const struct loop *l = w->loop;

	if (!w->active)
		return false;
	for (int i = l->ready_at + 1; i < l->ready_count; i++)
		if (l->ready[i].data.ptr == w)
			return true;
	return false;
}

/* The heap: each timer knows its place, so that stopping one costs a sift and not a search. */
static void heap_set(struct loop *l, size_t place, struct timer *t)
{
	l->heap[place] = t;
	t->place = place;
}

static void heap_up(struct loop *l, size_t place, struct timer *t)
{
	for (; place > 1 && l->heap[place / 2]->due > t->due; place /= 2)
		heap_set(l, place, l->heap[place / 2]);
	heap_set(l, place, t);
}

static void heap_down(struct loop *l, size_t place, struct timer *t)
{
	for (size_t child; (child = 2 * place) <= l->timers; place = child) {
		if (child < l->timers && l->heap[child + 1]->due < l->heap[child]->due)
			child++;
		if (l->heap[child]->due >= t->due)
			break;
		heap_set(l, place, l->heap[child]);
	}
	heap_set(l, place, t);
}

static void heap_remove(struct loop *l, struct timer *t)
{
	size_t place = t->place;
	struct timer *last = l->heap[l->timers--];

	t->place = 0;
	if (last == t)
		return;
	if (place > 1 && l->heap[place / 2]->due > last->due)
		heap_up(l, place, last);
	else
		heap_down(l, place, last);
}

int loop_reserve(struct loop *l, size_t timers)
{
	size_t room = l->room ? l->room : 64;
	void *heap;

	if (timers > SIZE_MAX / sizeof(*l->heap) / 4)
		return -ENOMEM;
	while (room <= timers + 1)
		room *= 2;
	if (room == l->room)
		return 0;
	heap = reallocarray(l->heap, room, sizeof(*l->heap));
	if (!heap)
		return -ENOMEM;
	l->heap = heap;
	l->room = room;
	return 0;
}

void timer_start(struct loop *l, struct timer *t, uint64_t msec)
{
	timer_stop(t);
	t->loop = l;
	t->due = clock_msec() + msec;
	if (l->timers + 1 >= l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->heap = xrealloc(l->heap, l->room, sizeof(*l->heap));
	}
	heap_up(l, ++l->timers, t);
}

void timer_stop(struct timer *t)
{
	if (t->place)
		heap_remove(t->loop, t);
}

bool timer_running(const struct timer *t)
{
	return t->place != 0;
}

void loop_defer(struct loop *l, struct hook *h)
{
	if (h->queued)
		return;
	h->queued = true;
	h->next = l->hooks;
	l->hooks = h;
}

static int wait_msec(const struct loop *l, uint64_t now)
{
	uint64_t left;

	if (l->hooks)
		return 0;
	if (!l->timers)
		return -1;
	left = l->heap[1]->due > now ? l->heap[1]->due - now : 0;
	return left > 60000 ? 60000 : left;
}

static void call_ready(struct loop *l)
{
	for (l->ready_at = 0; l->ready_at < l->ready_count; l->ready_at++) {
		struct watch *w = l->ready[l->ready_at].data.ptr;
		unsigned int e = l->ready[l->ready_at].events;

		if (w)
			w->fn(w, (e & (EPOLLIN | EPOLLRDHUP) ? LOOP_READ : 0) |
					 (e & EPOLLOUT ? LOOP_WRITE : 0) |
					 (e & EPOLLRDHUP ? LOOP_END : 0) |
					 (e & (EPOLLERR | EPOLLHUP) ? LOOP_ERROR : 0));
	}
	l->ready_count = 0;
}

/* Timers that a callback starts for now wait for the next round, so that a round ends. */
static void fire_due(struct loop *l)
{
	for (size_t budget = l->timers; budget && l->timers && l->heap[1]->due <= l->now;
	     budget--) {
		struct timer *t = l->heap[1];

		heap_remove(l, t);
		t->fn(t);
	}
}

static void run_hooks(struct loop *l)
{
	struct hook *h = l->hooks, *next;

	for (l->hooks = NULL; h; h = next) {
		next = h->next;
		h->queued = false;
		h->fn(h);
	}
}

int loop_run(struct loop *l)
{
	for (l->stop = false; !l->stop;) {
		uint64_t before = clock_msec();
		int count = epoll_wait(l->epoll, l->ready, BATCH, wait_msec(l, before));

		if (count < 0 && errno != EINTR)
			return -errno;
		l->now = clock_msec();
		l->asleep += l->now - before;
		l->news = l->ready_count = count > 0 ? count : 0;
		call_ready(l);
		fire_due(l);
		run_hooks(l);
	}
	return 0;
}

static void signal_ready(struct watch *w, unsigned int events)
{
	struct loop *l = container_of(w, struct loop, signal_watch);
	struct signalfd_siginfo info;

	while (read(w->fd, &info, sizeof(info)) == sizeof(info))
		l->signal_fn(l->signal_arg, info.ssi_signo);
}

int loop_signals(struct loop *l, const sigset_t *set, void (*fn)(void *arg, int signal), void *arg)
{
	int fd, err;

	if (sigprocmask(SIG_BLOCK, set, NULL))
		return -errno;
	fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	l->signal_fn = fn;
	l->signal_arg = arg;
	l->signal_watch.fn = signal_ready;
	err = loop_watch(l, &l->signal_watch, fd, LOOP_READ);
	if (err)
		close(fd);
	return err;
}
