/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's side of bpf/trace.h. A viewer is a row of lbx_trace_filters. Who is shown how much
 * is decided there, by what is left to each: it is filled up whenever the ring was emptied, and so
 * small that the ring never overflows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dataplane/expiry.h"
#include "dataplane/internal.h"

enum {
	RENEW_TICKS = 30,  /* four seconds */
	LEFT_MAX = 400,    /* of each viewer, at a time */
	RECORD_HEADER = 8, /* of the kernel, before each record */
};

_Static_assert((sizeof(struct lb_trace) + RECORD_HEADER) * LEFT_MAX * LB_TRACE_VIEWERS <=
		       LB_TRACE_BYTES,
	       "what is left to all viewers fits the ring");
_Static_assert(DATAPLANE_TRACE_RATE_MAX *DATAPLANE_TRACE_MSEC / 1000 <= LEFT_MAX,
	       "a viewer gets its rate");

struct viewer {
	uint32_t rate; /* 0: nobody */
	uint64_t owed; /* thousandths of packets, since they were last given */
};

struct trace {
	struct ring_buffer *ring;
	uint64_t given; /* clock_msec() */
	struct viewer viewers[LB_TRACE_VIEWERS];
	void (*fn)(void *arg, const struct lb_trace *t); /* during a read */
	void *arg;
};

static int take(void *dataplane, void *record, size_t size)
{
	const struct trace *t = ((struct dataplane *)dataplane)->trace;

	if (size >= sizeof(struct lb_trace) && t->fn)
		t->fn(t->arg, record);
	return 0;
}

static void drain(struct dataplane *d, void (*fn)(void *arg, const struct lb_trace *t), void *arg)
{
	d->trace->fn = fn;
	d->trace->arg = arg;
	(void)ring_buffer__consume(d->trace->ring); /* it only passes on what take() returns */
	d->trace->fn = NULL;
}

/* Nobody looks yet, whatever a killed daemon left. */
int trace_open(struct dataplane *d)
{
	d->trace = calloc(1, sizeof(*d->trace));
	if (!d->trace)
		return -ENOMEM;
	d->trace->ring = ring_buffer__new(d->fd[MAP_TRACE], take, d, NULL);
	if (!d->trace->ring)
		return -errno;
	__atomic_store_n(&d->settings->trace, 0, __ATOMIC_RELAXED);
	memset(d->trace_filters, 0, LB_TRACE_VIEWERS * sizeof(*d->trace_filters));
	return 0;
}

static bool somebody(const struct trace *t)
{
	for (size_t i = 0; i < LB_TRACE_VIEWERS; i++)
		if (t->viewers[i].rate)
			return true;
	return false;
}

/* Never 0, which is nobody. */
static void renew(struct dataplane *d)
{
	uint32_t until = somebody(d->trace) ? (expiry_now() + RENEW_TICKS) | 1 : 0;

	__atomic_store_n(&d->settings->trace, until, __ATOMIC_RELAXED);
}

void trace_close(struct dataplane *d)
{
	if (!d->trace)
		return;
	if (somebody(d->trace))
		__atomic_store_n(&d->settings->trace, 0, __ATOMIC_RELAXED);
	ring_buffer__free(d->trace->ring);
	free(d->trace);
}

static void set_mask(struct lb_trace_filter *f, const struct prefix *p)
{
	memcpy(f->client.byte, p->addr.byte, sizeof(f->client.byte));
	memset(f->mask.byte, 0, sizeof(f->mask.byte));
	for (unsigned int bit = 0; bit < p->len; bit++)
		f->mask.byte[bit / 8] |= 0x80 >> bit % 8;
}

/* Adds what is owed for the time that passed: who was shown nothing for a second may be shown a
 * second's packets at once, as far as the ring has room. A packet takes from the same number
 * meanwhile. */
static void give(struct dataplane *d, size_t i, uint64_t msec)
{
	struct viewer *v = &d->trace->viewers[i];
	__s64 *left = &d->trace_filters[i].left;
	__s64 has = __atomic_load_n(left, __ATOMIC_RELAXED), more;
	__s64 most = v->rate < LEFT_MAX ? v->rate : LEFT_MAX;

	v->owed += msec * v->rate;
	more = (__s64)(v->owed / 1000);
	v->owed %= 1000;
	has = has < 0 ? 0 : has;
	if (has + more > most)
		more = most - has;
	(void)__atomic_fetch_add(left, more, __ATOMIC_RELAXED);
}

int dataplane_trace_begin(struct dataplane *d, const struct dataplane_trace *t)
{
	int i = 0;

	while (i < LB_TRACE_VIEWERS && d->trace->viewers[i].rate)
		i++;
	if (i == LB_TRACE_VIEWERS)
		return -EBUSY;
	if (!somebody(d->trace)) {
		drain(d, NULL, NULL); /* a killed daemon's */
		d->trace->given = clock_msec();
	}
	d->trace_filters[i] =
		(struct lb_trace_filter){.service = t->service, .verdicts = t->verdicts};
	set_mask(&d->trace_filters[i], &t->client);
	d->trace->viewers[i] = (struct viewer){.rate = t->rate};
	give(d, i, 1000);
	__atomic_store_n(&d->trace_filters[i].on, 1, __ATOMIC_RELEASE);
	renew(d);
	return i;
}

void dataplane_trace_end(struct dataplane *d, int viewer)
{
	__atomic_store_n(&d->trace_filters[viewer].on, 0, __ATOMIC_RELAXED);
	d->trace->viewers[viewer] = (struct viewer){};
	renew(d);
}

void dataplane_trace_read(struct dataplane *d, void (*fn)(void *arg, const struct lb_trace *t),
			  void *arg)
{
	uint64_t now = clock_msec(), passed = now - d->trace->given;

	drain(d, fn, arg);
	for (size_t i = 0; i < LB_TRACE_VIEWERS; i++)
		if (d->trace->viewers[i].rate)
			give(d, i, passed);
	d->trace->given = now;
	renew(d);
}

uint64_t dataplane_trace_missed(const struct dataplane *d, int viewer)
{
	return __atomic_load_n(&d->trace_filters[viewer].missed, __ATOMIC_RELAXED);
}
