/* SPDX-License-Identifier: GPL-2.0-only */
/* What an operator is shown of packets and flows, read from the kernel's own tables. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "dataplane/internal.h"
#include "kernel/lab.h"

#define PIN_DIR "/sys/fs/bpf/lbxdp"

enum { FLOWS = 300000, SERVICE = 3, REAL = 5, PART = 10000 };

static const struct dataplane_options options = {.pin_dir = PIN_DIR, .flows = 1 << 19};

static int open_one(void **state)
{
	struct dataplane *d = NULL;
	struct buf why = {};

	if (dataplane_open(&d, &options, &why))
		fail_msg("dataplane_open: %s", buf_text(&why));
	buf_free(&why);
	*state = d;
	return 0;
}

static int close_one(void **state)
{
	int err = dataplane_destroy(*state);

	dataplane_close(*state);
	return err;
}

static int pinned(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), PIN_DIR "/%s", name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

static void put(struct dataplane *d, enum plan_table t, const void *key, const void *value)
{
	const struct plan_sink *s = dataplane_sink(d);

	assert_int_equal(s->put(s->to, t, key, value, NULL), 0);
}

static void set_timeouts(struct dataplane *d)
{
	struct row_settings row = {
		.timeout = {100, 100, 1000, 100, 100, 100}
        };
	uint32_t zero = 0;

	put(d, PLAN_SETTINGS, &zero, &row);
}

static uint32_t tick_now(void)
{
	return (uint32_t)(clock_nsec_coarse() >> LB_TICK_SHIFT);
}

static struct lb_flow4 key_of(uint32_t n)
{
	struct lb_flow4 key = {
		.dst = {192, 168, 30, 10},
                  .dport = 443, .sport = (uint16_t)n, .proto = 6
        };
	uint32_t client = 0x0a000000 + (n >> 16);

	for (int i = 0; i < 4; i++)
		key.src[i] = (uint8_t)(client >> (24 - 8 * i));
	return key;
}

/* Numbered flows, all established. */
static void fill(const char *map, uint32_t count)
{
	struct lb_flow4 *keys = calloc(PART, sizeof(*keys));
	struct lb_flow *flows = calloc(PART, sizeof(*flows));
	int fd = pinned(map);

	for (uint32_t done = 0; done < count; done += PART) {
		__u32 part = PART;

		for (uint32_t i = 0; i < PART; i++) {
			keys[i] = key_of(done + i);
			flows[i] = (struct lb_flow){.real = REAL,
						    .service = SERVICE,
						    .seen = tick_now() - 10,
						    .state = LB_FLOW_ESTABLISHED};
		}
		assert_int_equal(bpf_map_update_batch(fd, keys, flows, &part, NULL), 0);
	}
	close(fd);
	free(keys);
	free(flows);
}

static void set_count4(uint64_t count)
{
	int fd = pinned("lbx_settings");
	struct lb_settings s;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &s), 0);
	s.count4 = count;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &s, 0), 0);
	close(fd);
}

struct met {
	uint8_t *times; /* by number */
	size_t count;
};

static void meet(void *arg, const struct dataplane_seen *s)
{
	struct met *m = arg;
	uint32_t number = (uint32_t)s->flow.src.byte[15] << 16 | s->flow.sport;

	assert_true(number < FLOWS);
	m->times[number]++;
	m->count++;
	assert_int_equal(s->service, SERVICE);
	assert_int_equal(s->flow.real, REAL);
	assert_int_equal(s->state, LB_FLOW_ESTABLISHED);
	assert_true(s->idle_msec >= 10 * 134 && s->left_msec <= 990ULL * 135);
}

/* Says how long the longest slice took; nothing hangs on that here. */
static void a_big_table_is_walked_in_slices_and_each_flow_met_once(void **state)
{
	struct dataplane *d = *state;
	struct met m = {.times = calloc(FLOWS, 1)};
	struct dataplane_walk *w;
	uint64_t longest = 0, begun, before = 0, slices = 0;
	bool more = true;

	set_timeouts(d);
	fill("lbx_flows4", FLOWS);
	set_count4(FLOWS);
	w = dataplane_walk_new(d);
	begun = clock_usec();
	while (more) {
		uint64_t from = clock_usec(), took;

		more = dataplane_walk_next(w, meet, &m);
		assert_true(m.count - before <= DATAPLANE_WALK_SLICE);
		before = m.count;
		took = clock_usec() - from;
		longest = took > longest ? took : longest;
		slices++;
	}
	print_message("%d flows in %lu slices, %lu us, the longest %lu us\n", FLOWS, slices,
		      clock_usec() - begun, longest);
	dataplane_walk_free(w);
	assert_int_equal(m.count, FLOWS);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_equal(m.times[i], 1);
	free(m.times);
}

/* As packets do while a list is made: flows that stay are seen, others come and go. */
struct churn {
	bool over;
	unsigned long rounds;
};

enum { PASSING = 100000, PASSING_PART = 1000 };

static void come_and_go(int fd, uint32_t first)
{
	struct lb_flow flow = {.real = REAL, .service = SERVICE, .state = LB_FLOW_NEW};

	flow.seen = tick_now();
	for (uint32_t i = 0; i < PASSING_PART; i++) {
		struct lb_flow4 key = key_of(FLOWS + (first + i) % PASSING);
		struct lb_flow4 gone = key_of(FLOWS + (first + PASSING / 2 + i) % PASSING);

		(void)bpf_map_update_elem(fd, &key, &flow, BPF_ANY);
		(void)bpf_map_delete_elem(fd, &gone);
	}
}

static void *churn(void *arg)
{
	struct churn *c = arg;
	int fd = pinned("lbx_flows4");

	while (!__atomic_load_n(&c->over, __ATOMIC_RELAXED))
		come_and_go(fd, (uint32_t)(PASSING_PART *
					   __atomic_fetch_add(&c->rounds, 1, __ATOMIC_RELAXED)));
	close(fd);
	return NULL;
}

static void meet_if_it_stays(void *arg, const struct dataplane_seen *s)
{
	struct met *m = arg;
	uint32_t number = (uint32_t)s->flow.src.byte[15] << 16 | s->flow.sport;

	if (number < FLOWS)
		m->times[number]++;
}

static unsigned long rounds_of(const struct churn *c)
{
	return __atomic_load_n(&c->rounds, __ATOMIC_RELAXED);
}

/* Others have come and gone since then. */
static unsigned long wait_for_a_round(const struct churn *c, unsigned long since)
{
	while (rounds_of(c) <= since)
		sched_yield();
	return rounds_of(c);
}

static void each_flow_that_stays_is_met_once_while_others_come_and_go(void **state)
{
	struct dataplane *d = *state;
	struct met m = {.times = calloc(FLOWS, 1)};
	struct dataplane_walk *w;
	struct churn c = {};
	unsigned long rounds, slices = 0;
	pthread_t thread;

	set_timeouts(d);
	fill("lbx_flows4", FLOWS);
	set_count4(FLOWS);
	assert_int_equal(pthread_create(&thread, NULL, churn, &c), 0);
	rounds = wait_for_a_round(&c, 0);
	w = dataplane_walk_new(d);
	while (dataplane_walk_next(w, meet_if_it_stays, &m))
		if (++slices % 64 == 0)
			rounds = wait_for_a_round(&c, rounds);
	assert_int_equal(dataplane_walk_error(w), 0);
	assert_true(slices > 64);
	__atomic_store_n(&c.over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	dataplane_walk_free(w);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_equal(m.times[i], 1);
	free(m.times);
}

static void forget_flow(void *arg, const struct dataplane_seen *s)
{
}

/* It begins with a table that is not there. */
static void a_walk_that_the_kernel_refuses_for_good_ends_with_an_error(void **state)
{
	struct dataplane *d = *state;
	struct dataplane_walk *w;
	int fd = d->fd[MAP_HALF4], slices = 0;

	d->fd[MAP_HALF4] = -1;
	w = dataplane_walk_new(d);
	d->fd[MAP_HALF4] = fd;
	while (dataplane_walk_next(w, forget_flow, NULL))
		slices++;
	assert_int_equal(slices, 2); /* it was tried again */
	assert_int_equal(dataplane_walk_error(w), -EBADF);
	assert_false(dataplane_walk_next(w, forget_flow, NULL));
	dataplane_walk_free(w);
}

static void note(void *arg, const struct dataplane_seen *s)
{
	(*(unsigned int *)arg) |= 1U << s->state;
}

static void half_open_flows_are_met_and_those_that_are_over_are_not(void **state)
{
	struct dataplane *d = *state;
	struct dataplane_walk *w = dataplane_walk_new(d);
	struct lb_flow half = {.real = REAL, .seen = tick_now(), .state = LB_FLOW_HALF_OPEN};
	struct lb_flow over = {.real = REAL, .seen = tick_now() - 200, .state = LB_FLOW_UDP};
	struct lb_flow4 key = key_of(1), other = key_of(2);
	int half_fd = pinned("lbx_half4"), flows_fd = pinned("lbx_flows4");
	unsigned int states = 0;

	set_timeouts(d);
	assert_int_equal(bpf_map_update_elem(half_fd, &key, &half, 0), 0);
	assert_int_equal(bpf_map_update_elem(flows_fd, &other, &over, 0), 0);
	while (dataplane_walk_next(w, note, &states))
		;
	assert_int_equal(states, 1U << LB_FLOW_HALF_OPEN);
	dataplane_walk_free(w);
	close(half_fd);
	close(flows_fd);
}

/* --- trace */

/* A SYN from 10.0.0.1 to a VIP without real servers: dropped as NO_REAL. */
static void offer(struct dataplane *d)
{
	struct lb_endpoint e = {
		.vip = {.byte = {[10] = 0xff, 0xff, 192, 168, 30, 10}}, .port = 443, .proto = 6};
	struct lb_service_info info;
	uint32_t service = SERVICE, active = 1;

	memset(&info, 0, sizeof(info));
	strcpy(info.name, "owa");
	put(d, PLAN_SERVICES, &service, &info);
	put(d, PLAN_VIPS, &e.vip, &active);
	put(d, PLAN_ENDPOINTS, &e, &service);
}

static void send_syn(unsigned int times)
{
	static const uint8_t syn[60] = {
		2,    0,    0, 0,   0, 1,  2, 0, 0, 0,  0, 2, 8,    0,   0x45, 0,  0,
		40,   0,    0, 0,   0, 64, 6, 0, 0, 10, 0, 0, 1,    192, 168,  30, 10,
		0x9c, 0x40, 1, 187, 0, 0,  0, 0, 0, 0,  0, 0, 0x50, 2,   4,    0,
	};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = syn, .data_size_in = sizeof(syn),
		    .repeat = times);
	int fd = pinned("prog");

	assert_int_equal(bpf_prog_test_run_opts(fd, &o), 0);
	assert_int_equal(o.retval, XDP_DROP);
	close(fd);
}

struct shown {
	unsigned int count, viewers;
};

static void show(void *arg, const struct lb_trace *t)
{
	struct shown *s = arg;

	assert_int_equal(t->verdict, LB_NO_REAL);
	assert_int_equal(t->service, SERVICE);
	assert_int_equal(t->length, 60);
	s->count++;
	s->viewers |= t->viewers;
}

static const struct dataplane_trace everything = {.verdicts = ~0ULL, .rate = 1000};

static void nobody_is_shown_what_came_before_they_looked(void **state)
{
	struct dataplane *d = *state;
	struct shown s = {};
	int viewer;

	offer(d);
	send_syn(3);
	viewer = dataplane_trace_begin(d, &everything);
	send_syn(2);
	dataplane_trace_read(d, show, &s);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.viewers, 1U << viewer);
	dataplane_trace_end(d, viewer);
	send_syn(3);
	dataplane_trace_read(d, show, &s);
	assert_int_equal(s.count, 2);
}

static void what_is_above_the_rate_is_missed_and_counted(void **state)
{
	struct dataplane *d = *state;
	struct shown s = {};
	int viewer;

	offer(d);
	viewer = dataplane_trace_begin(d, &everything);
	send_syn(5000);
	dataplane_trace_read(d, show, &s);
	assert_in_range(s.count, 1, 1000);
	assert_int_equal(dataplane_trace_missed(d, viewer), 5000 - s.count);
	dataplane_trace_end(d, viewer);
}

static void each_viewer_gets_what_it_asked_for(void **state)
{
	struct dataplane *d = *state;
	struct dataplane_trace other = everything, client = everything;
	struct shown s = {};
	int viewers[3];

	offer(d);
	other.service = SERVICE + 1;
	client.client = (struct prefix){{{[10] = 0xff, 0xff, 10, 0, 0, 0}}, 96 + 24};
	viewers[0] = dataplane_trace_begin(d, &everything);
	viewers[1] = dataplane_trace_begin(d, &other);
	viewers[2] = dataplane_trace_begin(d, &client);
	send_syn(1);
	dataplane_trace_read(d, show, &s);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.viewers, 1U << viewers[0] | 1U << viewers[2]);
	for (size_t i = 0; i < 3; i++)
		dataplane_trace_end(d, viewers[i]);
}

static void one_more_viewer_than_there_is_room_for_is_refused(void **state)
{
	struct dataplane *d = *state;

	for (int i = 0; i < LB_TRACE_VIEWERS; i++)
		assert_int_equal(dataplane_trace_begin(d, &everything), i);
	assert_int_equal(dataplane_trace_begin(d, &everything), -EBUSY);
	dataplane_trace_end(d, 2);
	assert_int_equal(dataplane_trace_begin(d, &everything), 2);
	for (int i = 0; i < LB_TRACE_VIEWERS; i++)
		dataplane_trace_end(d, i);
}

static uint32_t traced_until(void)
{
	int fd = pinned("lbx_settings");
	struct lb_settings s;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &s), 0);
	close(fd);
	return s.trace;
}

/* As a killed one leaves it: nothing has ended its viewer. */
static void the_next_daemon_begins_without_viewers(void **state)
{
	struct dataplane *d = *state;

	assert_int_equal(dataplane_trace_begin(d, &everything), 0);
	assert_int_not_equal(traced_until(), 0);
	assert_int_equal(open_one(state), 0); /* beside the other, which knows nothing of it */
	assert_int_equal(traced_until(), 0);
	assert_int_equal(dataplane_trace_begin(*state, &everything), 0);
	dataplane_trace_end(*state, 0);
	assert_int_equal(traced_until(), 0);
	dataplane_close(d);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_big_table_is_walked_in_slices_and_each_flow_met_once),
		CASE(each_flow_that_stays_is_met_once_while_others_come_and_go),
		CASE(a_walk_that_the_kernel_refuses_for_good_ends_with_an_error),
		CASE(half_open_flows_are_met_and_those_that_are_over_are_not),
		CASE(nobody_is_shown_what_came_before_they_looked),
		CASE(what_is_above_the_rate_is_missed_and_counted),
		CASE(each_viewer_gets_what_it_asked_for),
		CASE(one_more_viewer_than_there_is_room_for_is_refused),
		CASE(the_next_daemon_begins_without_viewers),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
