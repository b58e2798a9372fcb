/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "health/recipe.h"
#include "health/run.h"
#include "health/table.h"
#include "health/trust.h"

enum {
	FIRST_WITHIN = 1000,       /* ms; `lbxdp up` waits for the first results */
	FULL_HANDSHAKE = 300000,   /* ms; how old a view of the server's certificate may be */
	FULL_HANDSHAKE_EARLY = 60, /* s; spread, so that they do not come all at once */
	PAUSE_MIN = 10,            /* ms between two runs of a check that fills its interval */
	BEAT_MSEC = 20,            /* runs begin on a beat: many share a wake-up and its answers */
};

struct check {
	uint32_t id;
	struct runner *runner;
	struct recipe *recipe;
	struct trust *trust; /* TLS */
	const char *trouble; /* why it cannot run at all, or NULL */
	struct check_state state;
	struct timer timer;
	struct run *run;
	struct tls_memory memory;
	uint64_t started, full_due; /* ms */
	bool spread;                /* over its interval */
	bool queued;
	bool unsaid;        /* a change of health that main was not told */
	struct check *next; /* in the queue */
};

struct runner {
	struct runner_setup setup;
	struct table checks;
	struct trust_store trusts;
	struct check *first, **last; /* wait for a free place */
	size_t running;
	uint64_t random;
};

/* 0 .. below - 1. Only to spread things: xorshift is random enough. */
static uint64_t draw(struct runner *r, uint64_t below)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return below ? r->random % below : 0;
}

struct runner *runner_new(const struct runner_setup *setup)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->setup = *setup;
	r->last = &r->first;
	(void)getrandom(&r->random, sizeof(r->random), 0); /* cannot fail for so few bytes */
	r->random |= 1;
	return r;
}

/* A result of our own side's trouble says nothing about the server and changes nothing. */
static void conclude(struct check *c, const struct check_outcome *o)
{
	struct check_report report = {.id = c->id, .outcome = *o};

	if (o->code != CHECK_CODE_SOCKERR &&
	    check_state_count(&c->state, check_code_passed(o->code), c->recipe->rise,
			      c->recipe->fall))
		c->unsaid = true;
	report.health = c->state.health;
	report.changed = c->unsaid;
	if (!c->runner->setup.report(c->runner->setup.arg, &report))
		c->unsaid = false;
}

/* Runs start an interval after each other, give or take a twentieth, so that checks that were made
 * together drift apart. The first that is not urgent falls anywhere in the interval. */
static void schedule(struct check *c)
{
	struct runner *r = c->runner;
	bool fast = check_state_changing(&c->state);
	uint64_t period = fast ? c->recipe->fast_interval : c->recipe->interval;
	uint64_t due, now = loop_now(r->setup.loop);

	if (!fast && !c->spread) {
		c->spread = true;
		due = c->started + draw(r, period);
	} else {
		due = c->started + period - period / 20 + draw(r, period / 10 + 1);
	}
	due = (due + BEAT_MSEC - 1) / BEAT_MSEC * BEAT_MSEC;
	timer_start(r->setup.loop, &c->timer, due > now + PAUSE_MIN ? due - now : PAUSE_MIN);
}

static void trouble(struct check *c, const char *why)
{
	struct check_outcome o = {.code = CHECK_CODE_SOCKERR};

	snprintf(o.detail, sizeof(o.detail), "%s", why);
	conclude(c, &o);
	schedule(c);
}

static void start_queued(struct runner *r);

static void run_done(void *arg, const struct check_outcome *o)
{
	struct check *c = arg;
	struct runner *r = c->runner;

	c->run = NULL;
	r->running--;
	conclude(c, o);
	schedule(c);
	start_queued(r);
}

/* A session that is resumed does not show the certificate. */
static void forget_in_time(struct check *c)
{
	if (c->started < c->full_due)
		return;
	tls_memory_forget(&c->memory);
	c->full_due = c->started + FULL_HANDSHAKE - draw(c->runner, FULL_HANDSHAKE_EARLY * 1000);
}

static void start(struct check *c)
{
	struct runner *r = c->runner;
	struct run_order order = {
		.loop = r->setup.loop,
		.pinger = r->setup.pinger,
		.ports = r->setup.ports,
		.check = c->id,
		.context = c->trust ? c->trust->context : NULL,
		.memory = &c->memory,
		.recipe = c->recipe,
		.done = run_done,
		.arg = c,
	};

	c->started = loop_now(r->setup.loop);
	if (c->trouble) {
		trouble(c, c->trouble);
		return;
	}
	forget_in_time(c);
	c->run = run_start(&order);
	if (c->run)
		r->running++;
	else
		trouble(c, "out of memory");
}

static void enqueue(struct runner *r, struct check *c)
{
	c->queued = true;
	c->next = NULL;
	*r->last = c;
	r->last = &c->next;
}

static void dequeue(struct runner *r, struct check *c)
{
	struct check **at = &r->first;

	if (!c->queued)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (!*at)
		r->last = at;
	c->queued = false;
}

static void start_queued(struct runner *r)
{
	while (r->first && r->running < r->setup.at_once) {
		struct check *c = r->first;

		dequeue(r, c);
		start(c);
	}
}

static void check_due(struct timer *t)
{
	struct check *c = container_of(t, struct check, timer);

	enqueue(c->runner, c);
	start_queued(c->runner);
}

/* Ends what is going on, and lets go of what the order said. */
static void check_stop(struct check *c)
{
	struct runner *r = c->runner;

	timer_stop(&c->timer);
	dequeue(r, c);
	if (c->run) {
		run_cancel(c->run);
		c->run = NULL;
		r->running--;
	}
	tls_memory_forget(&c->memory);
	trust_drop(&r->trusts, c->trust);
	recipe_free(c->recipe);
	c->trust = NULL;
	c->recipe = NULL;
}

static void check_free(struct check *c)
{
	check_stop(c);
	free(c);
}

void runner_free(struct runner *r)
{
	for (size_t i = 0; i < r->checks.room; i++)
		if (r->checks.entry[i].what)
			check_free(r->checks.entry[i].what);
	table_fini(&r->checks);
	free(r);
}

static void trust_for(struct check *c, const char *ca, size_t ca_len)
{
	int err = 0;

	c->trouble = NULL;
	if (!c->recipe->tls)
		return;
	if (c->recipe->verify && !ca)
		c->trouble = "the CA bundle did not arrive";
	else
		c->trust =
			trust_take(&c->runner->trusts, c->recipe->verify ? ca : NULL, ca_len, &err);
	if (err)
		c->trouble = err == -EINVAL ? "no certificate in the CA bundle" : "out of memory";
}

static void obey_put(struct runner *r, const struct check_order *o, const char *ca, size_t ca_len)
{
	static const struct check_outcome off = {.code = CHECK_CODE_OFF, .detail = "not checked"};
	struct check *c = table_find(&r->checks, o->id);
	uint32_t within;

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->id = o->id;
		c->runner = r;
		c->timer.fn = check_due;
		c->state.health = o->health;
		table_put(&r->checks, o->id, c);
	} else {
		check_stop(c);
		c->state.streak = 0;
	}
	c->recipe = recipe_new(&o->spec);
	c->full_due = 0;
	c->spread = false;
	if (o->spec.type == CHECK_ON || o->spec.type == CHECK_OFF) {
		if (c->state.health == HEALTH_DOWN)
			c->state.health = HEALTH_UNKNOWN; /* so that it is up at once */
		conclude(c, &off);
		return;
	}
	trust_for(c, ca, ca_len);
	within = c->recipe->fast_interval < FIRST_WITHIN ? c->recipe->fast_interval : FIRST_WITHIN;
	timer_start(r->setup.loop, &c->timer, draw(r, within));
}

static void obey_delete(struct runner *r, uint32_t id)
{
	struct check *c = table_find(&r->checks, id);

	if (!c)
		return;
	table_delete(&r->checks, id);
	check_free(c);
}

void runner_obey(struct runner *r, const struct check_order *o, const char *ca, size_t ca_len)
{
	if (o->kind == CHECK_ORDER_PUT)
		obey_put(r, o, ca, ca_len);
	else
		obey_delete(r, o->id);
	start_queued(r);
}
