/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop: file descriptors by epoll (its only home), timers in a heap, signals. One loop a
 * process, one thread. Watches and timers are embedded in their owners; nothing is allocated for
 * them. A round is: wait, call what is ready, fire due timers, then the end-of-round hooks; objects
 * that end inside their own callback are freed in such a hook.
 */
#ifndef LBXDP_IO_LOOP_H
#define LBXDP_IO_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum loop_events {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_ERROR = 4, /* reported, not asked */
	LOOP_END = 8,   /* reported, not asked: the peer has sent its last byte */
	LOOP_EDGE = 16, /* asked: tell of changes only, so that a watch never needs another call */
	LOOP_EXCLUSIVE = 32, /* asked: of the loops that watch a shared fd, wake one; such a watch
			      * cannot be changed, only taken away and made anew */
};

struct loop;
struct watch;
struct timer;

typedef void watch_fn(struct watch *w, unsigned int events);
typedef void timer_fn(struct timer *t);

/* Set fn before the first use, leave the rest zero. */
struct watch {
	watch_fn *fn;
	struct loop *loop;
	int fd;
	unsigned int events;
	bool active;
};

struct timer {
	timer_fn *fn;
	struct loop *loop;
	uint64_t due; /* clock_msec() */
	size_t place; /* in the heap, 1-based; 0: not running */
};

/* A function at the end of each round in which it was asked for. Set fn, leave the rest zero. */
struct hook {
	void (*fn)(struct hook *h);
	struct hook *next;
	bool queued;
};

struct loop *loop_new(void); /* NULL and errno */
void loop_free(struct loop *l);

/* Runs until loop_stop. Returns 0 or -errno of epoll. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Monotonic milliseconds, read once a round. */
uint64_t loop_now(const struct loop *l);

/* How busy it is, for people. */
struct loop_usage {
	uint64_t asleep; /* ms that it has waited for something to do, ever */
	size_t watches;
	size_t news; /* of them, that this round began with */
};
struct loop_usage loop_usage(const struct loop *l);

/* Watch fd for events (LOOP_READ | LOOP_WRITE; 0 waits for errors only). Again: changes events. The
 * fd stays the caller's. Returns 0 or -errno. */
int loop_watch(struct loop *l, struct watch *w, int fd, unsigned int events);
/* Call before the fd is closed. No callback of w comes after it, not even in this round. */
void loop_unwatch(struct watch *w);
/* The same, a system call cheaper, when fd is closed right after and has no duplicate. */
void loop_forget(struct watch *w);
/* In a callback: has the kernel told something of w that its callback will hear later in this
 * round? */
bool loop_has_news(const struct watch *w);

/* Makes room for so many timers at a time, so that starting them asks for no memory. Returns 0 or
 * -ENOMEM. */
int loop_reserve(struct loop *l, size_t timers);
/* Fires once, msec from now; again: moves it. */
void timer_start(struct loop *l, struct timer *t, uint64_t msec);
void timer_stop(struct timer *t);
bool timer_running(const struct timer *t);

void loop_defer(struct loop *l, struct hook *h);

/* Signals in set are blocked and reported to fn through a signalfd. One set a loop. */
int loop_signals(struct loop *l, const sigset_t *set, void (*fn)(void *arg, int signal), void *arg);

#endif
