/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What size costs main: 10,000 services with 100,000 reals from the file into the maps, one real's
 * change from fact to map, a list of 100,000 prefixes, the sweep of a million flows.
 * Usage: scale [ROUNDS [CHANGES [SECONDS]]]. Prints rows for report.py.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/alloc.h"
#include "base/log.h"
#include "scale/host.h"

enum {
	SERVICES = 10000,
	REALS = 10, /* of each */
	PREFIXES = 100000,
	FLOWS = 1000000,
	TABLE = 1 << 20,
	ROUNDS_MAX = 100,
	CHANGES_MAX = 100000,
};

static const char head[] = "version: 1\nnode: {interfaces: [eth0]}\nservices:\n";
static const char one[] = "  S:\n    vip: 10.200.0.1\n    ports: [443]\n"
			  "    check: {type: connect}\n    reals: {R: {ip: 10.0.0.1}}\n";

static void write_services(struct buf *text)
{
	buf_puts(text, head);
	for (unsigned int i = 0; i < SERVICES; i++) {
		buf_printf(text,
			   "  S%u:\n    vip: 10.200.%u.%u\n    ports: [443]\n"
			   "    check: {type: connect}\n    reals:\n",
			   i, i / 250, 1 + i % 250);
		for (unsigned int r = 0; r < REALS; r++)
			buf_printf(text, "      R%u: {ip: 10.%u.%u.%u, weight: %u}\n", r,
				   i * REALS / 62500, i * REALS / 250 % 250,
				   1 + (i * REALS + r) % 250, 50 * (1 + r % 3));
	}
}

static void write_list(struct buf *text, unsigned int round)
{
	buf_puts(text, head);
	buf_puts(text, one);
	buf_puts(text, "    deny_from:\n");
	for (unsigned int i = 0; i < PREFIXES; i++)
		buf_printf(text, "      - %u.%u.%u.0/24\n", 11 + i / 65536 + 2 * (round % 100),
			   i / 256 % 256, i % 256);
}

static void say(struct daemon *d, uint32_t id, bool up)
{
	const struct check_report r = {
		.id = id,
		.health = up ? HEALTH_UP : HEALTH_DOWN,
		.outcome = {.code = up ? CHECK_CODE_L4OK : CHECK_CODE_L4CON},
	};

	checks_report(d, &r);
}

static void all_pass(struct daemon *d)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_CHECKS); i++)
		say(d, *(const __u32 *)plan_key(d->actual, PLAN_CHECKS, i), true);
	reconcile_marked_now(d);
}

static void must_stand(const struct daemon *d, size_t services, size_t reals)
{
	host_must(!d->refused, d->refusal);
	host_must(plan_count(d->actual, PLAN_SERVICES) == services &&
			  plan_count(d->actual, PLAN_REALS) == reals,
		  "rows are missing");
}

static struct host_took sum(struct host_took a, struct host_took b)
{
	return (struct host_took){a.wall + b.wall, a.cpu + b.cpu};
}

/* Leaves the last one open. */
static struct daemon *measure_load(size_t rounds)
{
	struct host_took read[ROUNDS_MAX], plan[ROUNDS_MAX], both[ROUNDS_MAX], ready[ROUNDS_MAX];
	struct daemon *d = NULL;
	struct buf text = {};

	write_services(&text);
	for (size_t i = 0; i < rounds; i++) {
		struct host_took began = host_began();
		struct model *m = host_read(&text);

		read[i] = host_since(began);
		if (d)
			host_close(d);
		d = host_open(m, TABLE);
		began = host_began();
		reconcile_now(d);
		plan[i] = host_since(began);
		both[i] = sum(read[i], plan[i]);
		must_stand(d, SERVICES, SERVICES * REALS);
		began = host_began();
		all_pass(d);
		ready[i] = host_since(began);
		must_stand(d, SERVICES, SERVICES * REALS);
	}
	buf_free(&text);
	host_row("read 10,000 services with 100,000 reals", "s", 1, read, rounds, NAN);
	host_row("their first plan into the maps", "s", 1, plan, rounds, NAN);
	host_row("**load**: both", "s", 1, both, rounds, 2);
	host_row("every check's first result, and the plan of it", "s", 1, ready, rounds, NAN);
	return d;
}

/* Does the kernel's row say so? */
static bool is_usable(uint32_t real)
{
	int fd = bpf_obj_get("/sys/fs/bpf/lbxdp/lbx_reals");
	struct lb_real row = {};

	host_must(fd >= 0 && !bpf_map_lookup_elem(fd, &real, &row), "lbx_reals");
	close(fd);
	return row.flags & LB_REAL_USABLE;
}

/* A check's row by chance, and the id of its real. */
static uint32_t some_check(const struct daemon *d, uint32_t *real)
{
	size_t service = (size_t)rand() % SERVICES;
	const struct real_fact *f = &d->facts->services[service].reals[(size_t)rand() % REALS];

	*real = f->id;
	return f->check_ids[0];
}

static void measure_checks(struct daemon *d, size_t changes)
{
	struct host_took *took = xcalloc(changes, sizeof(*took));

	for (size_t i = 0; i < changes; i++) {
		uint32_t real, check = some_check(d, &real);
		bool up = !is_usable(real);
		struct host_took began = host_began();

		say(d, check, up);
		reconcile_marked_now(d);
		took[i] = host_since(began);
		host_must(is_usable(real) == up, "the change is not in the map");
	}
	host_row("**one real**: a check's outcome, from report to map", "ms", 1e3, took, changes,
		 10);
	free(took);
}

static void order(struct daemon *d, const char *name, enum admin_order admin)
{
	const struct admin_ops ops = operations_of(d);
	struct buf out = {};

	host_must(!ops.order(d, "", name, admin, &out), name);
	buf_free(&out);
}

/* Drained in one call, online again in the next. */
static void measure_orders(struct daemon *d, size_t changes)
{
	struct host_took *took = xcalloc(changes, sizeof(*took));
	char name[64];

	for (size_t i = 0; i < changes; i++) {
		struct host_took began;

		if (i % 2 == 0)
			snprintf(name, sizeof(name), "S%u/R%u", (unsigned int)rand() % SERVICES,
				 (unsigned int)rand() % REALS);
		began = host_began();
		order(d, name, i % 2 ? ADMIN_ONLINE : ADMIN_DRAIN);
		took[i] = host_since(began);
	}
	must_stand(d, SERVICES, SERVICES * REALS);
	host_row("**one real**: drain, online, until the order is saved", "ms", 1e3, took, changes,
		 10);
	free(took);
}

static void measure_whole(struct daemon *d, size_t rounds)
{
	struct host_took took[ROUNDS_MAX];

	for (size_t i = 0; i < rounds; i++) {
		struct host_took began = host_began();

		reconcile_now(d);
		took[i] = host_since(began);
	}
	host_row("a whole plan that changes nothing", "ms", 1e3, took, rounds, NAN);
}

static struct daemon *open_one(void)
{
	struct buf text = {};
	struct daemon *d;

	buf_puts(&text, head);
	buf_puts(&text, one);
	d = host_open(host_read(&text), 4096);
	buf_free(&text);
	reconcile_now(d);
	return d;
}

/* Another list each time, in place of the one before. */
static void measure_list(size_t rounds)
{
	struct host_took read[ROUNDS_MAX], plan[ROUNDS_MAX], both[ROUNDS_MAX];
	struct daemon *d = open_one();
	struct buf text = {};

	for (size_t i = 0; i < rounds; i++) {
		struct host_took began;

		text.len = 0;
		write_list(&text, (unsigned int)i);
		began = host_began();
		model_free(d->model);
		d->model = host_read(&text);
		read[i] = host_since(began);
		began = host_began();
		reconcile_now(d);
		plan[i] = host_since(began);
		both[i] = sum(read[i], plan[i]);
		must_stand(d, 1, 1);
		host_must(plan_count(d->actual, PLAN_ACLS) == 1, "the list is missing");
	}
	buf_free(&text);
	host_close(d);
	host_row("read a list of 100,000 prefixes", "s", 1, read, rounds, NAN);
	host_row("its plan: into the map, and switched to", "s", 1, plan, rounds, NAN);
	host_row("**ACL**: both", "s", 1, both, rounds, 1);
}

static size_t number(const char *text, size_t otherwise, size_t most)
{
	size_t n = text ? strtoul(text, NULL, 10) : otherwise;

	return n < 1 ? 1 : n > most ? most : n;
}

int main(int argc, char **argv)
{
	size_t rounds = number(argc > 1 ? argv[1] : NULL, 5, ROUNDS_MAX);
	size_t changes = number(argc > 2 ? argv[2] : NULL, 1000, CHANGES_MAX);
	size_t seconds = number(argc > 3 ? argv[3] : NULL, 30, 3600);
	struct daemon *d;

	log_open("bench", LOG_STYLE_PLAIN, -1); /* a line a change would be measured too */
	host_enter();
	measure_list(rounds);
	d = measure_load(rounds);
	measure_checks(d, changes);
	measure_orders(d, changes);
	measure_whole(d, rounds);
	sweep_measure(d, FLOWS, (double)seconds);
	host_close(d);
	return 0;
}
