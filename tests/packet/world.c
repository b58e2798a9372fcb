/* SPDX-License-Identifier: GPL-2.0-only */
#include "world.h"

#include <assert.h>
#include <linux/bpf.h>
#include <string.h>

#include "lbxdp/vip_filter.h"

static const char *const verdict_names[] = {
#define NAME(name, action, help) #name,
	LB_VERDICTS(NAME)
#undef NAME
};

static const int verdict_actions[] = {
#define ACTION(name, action, help) action,
	LB_VERDICTS(ACTION)
#undef ACTION
};

static const char *const event_names[] = {
#define NAME(name, help) #name,
	LB_EVENTS(NAME)
#undef NAME
};

static const char *const hashes[] = {
	"lbx_vips",   "lbx_endpoints", "lbx_flows4",   "lbx_flows6",    "lbx_half4",   "lbx_half6",
	"lbx_ifaces", "lbx_tx",        "lbx_acl",      "lbx_fragments", "lbx_persist", "lbx_vias",
	"lbx_nat",    "lbx_pools",     "lbx_nat_half", "lbx_claims",
};

enum { ROWS_USED = 8, SLOTS_USED = 64, KEYS_MAX = 1024 };

/* Array maps, and how many of their first rows the cases use. */
static const struct {
	const char *map;
	uint32_t rows;
} arrays[] = {
	{"lbx_services",      ROWS_USED       },
	{"lbx_slots",         SLOTS_USED / 2  },
	{"lbx_reals",         ROWS_USED       },
	{"lbx_real_conns",    ROWS_USED       },
	{"lbx_real_stats",    ROWS_USED       },
	{"lbx_settings",      1               },
	{"lbx_verdicts",      LB_VERDICT_COUNT},
	{"lbx_events",        LB_EVENT_COUNT  },
	{"lbx_floods",        ROWS_USED       },
	{"lbx_trace_filters", LB_TRACE_VIEWERS},
	{"lbx_icmp",          ROWS_USED       },
	{"lbx_via_ports",     ROWS_USED       },
};

static void put(const char *map, const void *key, const void *value)
{
	int err = runner_put(map, key, value);

	if (err)
		tap_fail("%s: put: %s", map, strerror(-err));
}

/* Words of lbx_vip_filter that are not zero: to clear all of them each time takes longest of all.
 */
static uint32_t filter_words[32];
static size_t filter_count;

static void world_clear(void)
{
	static const uint8_t zero[4096];
	uint8_t key[64];

	while (filter_count)
		put("lbx_vip_filter", &filter_words[--filter_count], zero);

	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
		while (!runner_next(hashes[i], NULL, key))
			assert(!runner_del(hashes[i], key));
	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++)
		for (uint32_t row = 0; row < arrays[i].rows; row++)
			put(arrays[i].map, &row, zero);
}

void world_filter(const char *address)
{
	uint32_t word[4], bit, index;
	uint64_t bits = 0;

	frame_mapped((uint8_t *)word, address);
	bit = lb_vip_filter_bit(word);
	index = bit / 64;
	(void)runner_get("lbx_vip_filter", &index, &bits);
	bits |= 1ULL << bit % 64;
	put("lbx_vip_filter", &index, &bits);
	assert(filter_count < sizeof(filter_words) / sizeof(*filter_words));
	filter_words[filter_count++] = index;
}

void world_vip(const char *address, bool active)
{
	struct lb_vip vip = {.active = active};
	struct lb_addr key;

	frame_mapped(key.byte, address);
	put("lbx_vips", &key, &vip);
	world_filter(address);
}

static void world_endpoint(const char *address, uint8_t proto, uint16_t port)
{
	struct lb_endpoint key = {.port = port, .proto = proto};
	uint32_t service = VIP_SERVICE;

	frame_mapped(key.vip.byte, address);
	put("lbx_endpoints", &key, &service);
}

void world_real(uint32_t id, uint16_t flags, uint32_t ifindex)
{
	struct lb_real real = {
		.mac = {2, 0, 0, 0, 0,    0xa0 + id},
		.flags = flags,
		.source_mac = {2, 0, 0, 0, 0x50, ifindex  },
		.ifindex = ifindex,
		.service = VIP_SERVICE,
		.weight = 1,
	};

	put("lbx_reals", &id, &real);
}

void world_nat_real(uint32_t id, const char *ip, uint16_t port, bool snat)
{
	struct lb_settings settings = world_settings();
	struct lb_real real;

	world_real(id, REAL_GOOD | LB_REAL_NAT | (snat ? LB_REAL_SNAT : 0), IFINDEX);
	(void)runner_get("lbx_reals", &id, &real);
	frame_mapped(real.ip.byte, ip);
	real.port = port;
	put("lbx_reals", &id, &real);
	if (!snat)
		world_filter(ip);
	settings.nat = 1;
	world_set_settings(&settings);
}

void world_pool(const char *const *addresses, uint32_t count)
{
	uint32_t service = VIP_SERVICE;
	struct lb_pool pool = {.count = count};

	for (uint32_t i = 0; i < count; i++) {
		frame_mapped(pool.addr[i].byte, addresses[i]);
		world_vip(addresses[i], true);
	}
	put("lbx_pools", &service, &pool);
}

struct lb_service world_service(void)
{
	uint32_t service = VIP_SERVICE;
	struct lb_service row = {};

	(void)runner_get("lbx_services", &service, &row);
	return row;
}

void world_set_service(const struct lb_service *row)
{
	uint32_t service = VIP_SERVICE;

	put("lbx_services", &service, row);
}

void world_slot(uint32_t slot, uint32_t real)
{
	uint32_t row = slot / 2;
	struct lb_slots pair = {};

	(void)runner_get("lbx_slots", &row, &pair);
	pair.real[slot % 2] = real;
	put("lbx_slots", &row, &pair);
}

void world_ring(const uint32_t *reals, uint32_t count)
{
	struct lb_service row = world_service();

	row.ring = (struct lb_ring){.count = count};
	for (uint32_t i = 0; i < count; i++)
		world_slot(i, reals[i]);
	world_set_service(&row);
}

void world_table(const uint32_t *reals, uint32_t count)
{
	struct lb_service row = world_service();

	row.hash = (struct lb_ring){.first = SLOTS_USED / 2, .count = count};
	for (uint32_t i = 0; i < count; i++)
		world_slot(row.hash.first + i, reals[i]);
	world_set_service(&row);
}

void world_policy(struct lb_policy policy)
{
	struct lb_service row = world_service();

	row.policy = policy;
	world_set_service(&row);
}

void world_limits(uint32_t real, uint32_t weight, uint32_t most, uint32_t least)
{
	struct lb_real row = {};

	(void)runner_get("lbx_reals", &real, &row);
	row.weight = weight;
	row.max_connections = most;
	row.min_connections = least;
	put("lbx_reals", &real, &row);
}

void world_own(uint32_t real, uint32_t service)
{
	struct lb_real row = {};

	(void)runner_get("lbx_reals", &real, &row);
	row.service = service;
	put("lbx_reals", &real, &row);
}

void world_set_conns(uint32_t real, const struct lb_real_conns *c)
{
	put("lbx_real_conns", &real, c);
}

void world_acl(uint32_t list, const char *address, uint32_t len, enum lb_acl_verdict verdict)
{
	struct lb_acl_key key = {.list = list};
	uint32_t value = verdict;

	frame_mapped(key.addr.byte, address);
	key.prefix = LB_ACL_LIST_BITS + len + (strchr(address, ':') ? 0 : 96);
	put("lbx_acl", &key, &value);
}

void world_gate(uint32_t list, bool host)
{
	struct lb_service row = world_service();

	row.gate = (struct lb_gate){.list = list, .host = host};
	world_set_service(&row);
}

uint64_t world_denied(void)
{
	return world_service().denied;
}

uint64_t world_denied_connections(void)
{
	uint32_t service = VIP_SERVICE;
	struct lb_service row = {};

	(void)runner_get("lbx_services", &service, &row);
	return row.denied_connections;
}

void world_via(uint32_t port, uint32_t check, const char *rip, const char *vip)
{
	struct lb_via_port row = {.check = check};
	struct lb_via via = {.real = REAL_A, .port = 443};
	uint32_t index = port - LB_VIA_PORT_FIRST;

	frame_mapped(via.rip.byte, rip);
	frame_mapped(via.vip.byte, vip);
	put("lbx_via_ports", &index, &row);
	put("lbx_vias", &check, &via);
}

void world_set_settings(const struct lb_settings *s)
{
	uint32_t zero = 0;

	put("lbx_settings", &zero, s);
}

struct lb_settings world_settings(void)
{
	struct lb_settings s = {};
	uint32_t zero = 0;

	(void)runner_get("lbx_settings", &zero, &s);
	return s;
}

void world_forget_hashes(void)
{
	static uint64_t key;
	struct lb_settings s = world_settings();

	s.hash_key[0] = ++key;
	world_set_settings(&s);
}

bool world_traced;

/* Every packet makes a record; the ring is soon full of them. */
static void world_trace(void)
{
	struct lb_trace_filter all = {.on = 1, .verdicts = ~0ULL, .left = INT64_MAX};
	struct lb_settings s = world_settings();
	uint32_t viewer = 0;

	s.trace = runner_tick() + 1000000;
	world_set_settings(&s);
	put("lbx_trace_filters", &viewer, &all);
}

void world_reset(void)
{
	static const struct lb_settings settings = {
		.abi = LB_ABI_VERSION,
		.flows_high = FLOWS_MAX,
		.flows_low = FLOWS_MAX,
		.timeout = {TICKS_HALF_OPEN, TICKS_NEW, TICKS_ESTABLISHED, TICKS_CLOSING, TICKS_UDP,
			    TICKS_CLOSING},
	};
	struct lb_iface iface = {};
	uint32_t ifindex = IFINDEX;

	world_clear();
	world_set_settings(&settings);
	if (world_traced)
		world_trace();
	memcpy(iface.mac, mac_ours, 6);
	put("lbx_ifaces", &ifindex, &iface);
	world_real(REAL_A, REAL_GOOD, IFINDEX);
	world_real(REAL_B, REAL_GOOD, IFINDEX);
	world_ring((uint32_t[]){REAL_A, REAL_B}, 2);
	world_vip("10.77.0.100", true);
	world_vip("fd77::100", true);
	for (int i = 0; i < 4; i++)
		world_endpoint(i & 1 ? "fd77::100" : "10.77.0.100", i & 2 ? PROTO_UDP : PROTO_TCP,
			       443);
}

void world_establish(bool six)
{
	static struct frame f;

	for (int i = 0; i < 3; i++) {
		frame_build(&f, &(struct spec){.six = six, .flags = i ? ACK : SYN});
		(void)runner_run(&f);
	}
}

/* The keys of a hash. All of them come before the first write, because one that is written may be
 * met again further on. */
static size_t world_keys(const char *map, uint8_t keys[][64], size_t max)
{
	const uint8_t *last = NULL;
	size_t count = 0;

	while (count < max && !runner_next(map, last, keys[count]))
		last = keys[count++];
	assert(count < max);
	return count;
}

static void world_age_map(const char *map, uint32_t ticks)
{
	static uint8_t keys[KEYS_MAX][64];
	size_t count = world_keys(map, keys, KEYS_MAX);
	struct lb_flow f;

	for (size_t i = 0; i < count; i++) {
		if (runner_get(map, keys[i], &f))
			continue;
		f.seen -= ticks;
		put(map, keys[i], &f);
	}
}

static void world_age_persist(uint32_t ticks)
{
	static uint8_t keys[KEYS_MAX][64];
	size_t count = world_keys("lbx_persist", keys, KEYS_MAX);
	struct lb_persist e;

	for (size_t i = 0; i < count; i++) {
		if (runner_get("lbx_persist", keys[i], &e))
			continue;
		e.seen -= ticks;
		put("lbx_persist", keys[i], &e);
	}
}

void world_age(uint32_t ticks)
{
	if (!ticks)
		return;
	world_age_map("lbx_flows4", ticks);
	world_age_map("lbx_flows6", ticks);
	world_age_map("lbx_half4", ticks);
	world_age_map("lbx_half6", ticks);
	world_age_persist(ticks);
}

unsigned world_entries(const char *map)
{
	uint8_t key[64];
	unsigned count = 0;

	for (int err = runner_next(map, NULL, key); !err; err = runner_next(map, key, key))
		count++;
	return count;
}

struct lb_real_conns world_conns(uint32_t real)
{
	struct lb_real_conns c = {};

	(void)runner_get("lbx_real_conns", &real, &c);
	return c;
}

struct lb_vip world_vip_row(const char *address)
{
	struct lb_vip vip = {};
	struct lb_addr key;

	frame_mapped(key.byte, address);
	(void)runner_get("lbx_vips", &key, &vip);
	return vip;
}

static uint64_t counter(const char *map, uint32_t row)
{
	uint64_t value = 0;

	(void)runner_get(map, &row, &value);
	return value;
}

/* Every counter a packet may move. */
struct counters {
	uint64_t verdict[LB_VERDICT_COUNT], event[LB_EVENT_COUNT];
	struct lb_real_stats stats[ROWS_USED];
};

static void counters_read(struct counters *c)
{
	for (uint32_t i = 0; i < LB_VERDICT_COUNT; i++)
		c->verdict[i] = counter("lbx_verdicts", i);
	for (uint32_t i = 0; i < LB_EVENT_COUNT; i++)
		c->event[i] = counter("lbx_events", i);
	for (uint32_t i = 0; i < ROWS_USED; i++)
		(void)runner_get("lbx_real_stats", &i, &c->stats[i]);
}

static void counters_compare(const struct counters *was, const struct counters *is, struct expect e)
{
	for (uint32_t i = 0; i < LB_VERDICT_COUNT; i++) {
		uint64_t want = (int)i == (int)e.verdict && i != LB_FORWARDED;

		if (is->verdict[i] - was->verdict[i] != want)
			tap_fail("verdict %s counted %d times, not %d", verdict_names[i],
				 (int)(is->verdict[i] - was->verdict[i]), (int)want);
	}
	for (uint32_t i = 0; i < LB_EVENT_COUNT; i++) {
		uint64_t want = (int)i + 1 == e.event;

		if (is->event[i] - was->event[i] != want)
			tap_fail("event %s counted %d times, not %d", event_names[i],
				 (int)(is->event[i] - was->event[i]), (int)want);
	}
}

/* The one real whose counters moved; 0: none. */
static uint32_t counters_real(const struct counters *was, const struct counters *is, size_t len)
{
	uint32_t took = 0;

	for (uint32_t i = 0; i < ROWS_USED; i++) {
		uint64_t packets = is->stats[i].packets - was->stats[i].packets;

		if (!packets)
			continue;
		if (took || packets != 1)
			tap_fail("more than one packet counted");
		tap_equal(is->stats[i].bytes - was->stats[i].bytes, len, "bytes counted");
		took = i;
	}
	return took;
}

/* A forwarded frame differs in its MACs, which are those of the real's row. */
static void rewrite(struct frame *f, uint32_t real)
{
	struct lb_real row = {};

	(void)runner_get("lbx_reals", &real, &row);
	memcpy(f->byte, row.mac, 6);
	memcpy(f->byte + 6, row.source_mac, 6);
}

static void compare_frames(const struct frame *is, const struct frame *want)
{
	size_t i = 0;

	if (is->len != want->len)
		tap_fail("the frame has %zu bytes, not %zu", is->len, want->len);
	while (i < is->len && i < want->len && is->byte[i] == want->byte[i])
		i++;
	if (i < is->len && i < want->len)
		tap_fail("byte %zu is %02x, not %02x", i, is->byte[i], want->byte[i]);
}

static int expected_action(struct expect e, uint32_t took)
{
	struct lb_real row = {};

	if (e.verdict != LB_FORWARDED)
		return verdict_actions[e.verdict];
	(void)runner_get("lbx_reals", &took, &row);
	return row.ifindex == IFINDEX ? XDP_TX : XDP_REDIRECT;
}

void world_run(struct frame *f, struct expect e, uint32_t *took)
{
	static struct counters was, is;
	static struct frame want;
	uint32_t real;
	int action;

	want = *f;
	counters_read(&was);
	action = runner_run(f);
	if (action < 0) {
		tap_fail("run: %s", strerror(-action));
		return;
	}
	counters_read(&is);
	real = counters_real(&was, &is, want.len);
	counters_compare(&was, &is, e);
	tap_equal(action, expected_action(e, real), "XDP action");
	if (e.verdict == LB_FORWARDED) {
		if (!real || (e.real && real != e.real))
			tap_fail("sent to real %u, not %u", real, e.real);
		rewrite(&want, real);
	} else if (real) {
		tap_fail("counted as sent to real %u", real);
	}
	compare_frames(f, e.sent ? e.sent : &want);
	if (took)
		*took = real;
}
