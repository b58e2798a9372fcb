/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames through the whole data plane, natively. An input is a byte for the service's policy and a
 * series of records: a kind, the time
 * that passes before, two bytes more. A kind below KINDS is a good packet with TCP flags and tags
 * from those two and up to three bytes changed; any other is a raw frame of that length. All is
 * run three times, with and without the fast path, and traced; all must do the same, nothing may
 * end in XDP_ABORTED, and the counters must agree with the tables.
 */
#include "fast.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "frame.h"

#include "lbxdp/vip_filter.h"

enum {
	RAW_MAX = 4096,
	RECORD = 4,
	IFINDEX = 1,
	SERVICE = 1,
	LIST = 9,
	REALS = 5,
	TIMEOUT = 200,
	TRACED = 5000,
	FLOODED = 30
};

enum { FRAGMENT_ID = 7, FRAGMENT_MORE = 0x80 };

/* As bytes of the input, to be cut off its front. */
struct input {
	const uint8_t *at;
	size_t left;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t vips[2][16] = {
	{[10] = 0xff, 0xff, 10, 77, 0, 100},
	{0xfd,        0x77,            [14] = 1,           0 },
};

static void add_vip(const uint8_t vip[16])
{
	struct lb_endpoint endpoint = {.port = 443, .proto = WIRE_TCP};
	struct lb_vip row = {.active = 1};
	uint32_t word[4], bit, service = SERVICE;

	memcpy(word, vip, sizeof(word));
	memcpy(endpoint.vip.byte, vip, 16);
	bpf_map_update_elem(&lbx_vips, vip, &row, BPF_ANY);
	bpf_map_update_elem(&lbx_endpoints, &endpoint, &service, BPF_ANY);
	endpoint.proto = WIRE_UDP;
	bpf_map_update_elem(&lbx_endpoints, &endpoint, &service, BPF_ANY);
	bit = lb_vip_filter_bit(word);
	((uint64_t *)lbx_vip_filter.values)[bit / 64] |= 1ULL << bit % 64;
}

static const uint8_t pool[16] = {[10] = 0xff, 0xff, 10, 88, 0, 9};

static void set_filter(const uint8_t address[16])
{
	uint32_t word[4], bit;

	memcpy(word, address, sizeof(word));
	bit = lb_vip_filter_bit(word);
	((uint64_t *)lbx_vip_filter.values)[bit / 64] |= 1ULL << bit % 64;
}

/* Real 1 is good, 2 is halted, 3 is behind another interface that is not there; what goes to 4 and
 * 5 is translated, of 4 with a source of the pool. */
static void add_reals(void)
{
	for (uint32_t id = 1; id <= REALS; id++) {
		struct lb_real real = {
			.mac = {2,  0, 0, 0, 0, id},
			.flags = LB_REAL_HAS_MAC | LB_REAL_USABLE | (id == 2 ? LB_REAL_RESET : 0) |
				 (id >= 4 ? LB_REAL_NAT : 0) | (id == 4 ? LB_REAL_SNAT : 0),
			.ifindex = id == 3 ? 9 : IFINDEX,
			.service = SERVICE,
			.weight = id,
			.max_connections = id == 1,
			.min_connections = id == 1,
			.ip = {{[10] = 0xff, 0xff, 10, 88, 0, id}},
			.port = id == 4 ? 8080 : 0,
		};

		bpf_map_update_elem(&lbx_reals, &id, &real, BPF_ANY);
		((uint32_t *)lbx_slots.values)[id - 1] = id;
		set_filter(real.ip.byte);
	}
}

static void add_pool(void)
{
	struct lb_pool row = {.count = 1};
	uint32_t service = SERVICE;

	memcpy(row.addr[0].byte, pool, 16);
	bpf_map_update_elem(&lbx_pools, &service, &row, BPF_ANY);
	set_filter(pool);
}

/* The clients that frames come from by default may use the service; their neighbours may not. */
static void add_list(void)
{
	static const struct {
		uint8_t address[16];
		uint32_t len, verdict;
	} rows[] = {
		{{0},			       0,   LB_ACL_ALLOW},
		{{[10] = 0xff, 0xff},               96,  LB_ACL_DENY },
		{{[10] = 0xff, 0xff, 10, 77, 0, 0}, 126, LB_ACL_ALLOW},
		{{0xfd, 0x77, [15] = 0x80},         121, LB_ACL_DENY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct lb_acl_key key = {.prefix = LB_ACL_LIST_BITS + rows[i].len, .list = LIST};

		memcpy(key.addr.byte, rows[i].address, 16);
		bpf_map_update_elem(&lbx_acl, &key, &rows[i].verdict, BPF_ANY);
	}
}

/* Checks of real 1 through both VIPs. */
static void add_vias(void)
{
	static const uint8_t rips[2][16] = {
		{[10] = 0xff, 0xff, 10, 77, 0, 11},
		{0xfd,          0x77,            [15] = 0x11             },
	};

	for (uint32_t i = 0; i < 2; i++) {
		struct lb_via_port port = {.check = i + 1};
		struct lb_via via = {.real = 1, .port = 443};

		memcpy(via.rip.byte, rips[i], 16);
		memcpy(via.vip.byte, vips[i], 16);
		bpf_map_update_elem(&lbx_via_ports, &i, &port, BPF_ANY);
		bpf_map_update_elem(&lbx_vias, &port.check, &via, BPF_ANY);
	}
}

static void trace_all(void)
{
	struct lb_trace_filter all = {.on = 1, .verdicts = ~0ULL, .left = INT64_MAX};
	uint32_t viewer = 0;

	bpf_map_update_elem(&lbx_trace_filters, &viewer, &all, BPF_ANY);
	lbx_trace.count = 0;
}

/* How new flows are placed: two bits of scheduler, two of flags, then persistence; the last two
 * bits are for a flood that has lasted, of a service that everybody may use, and for what a miss
 * comes to. */
static struct lb_policy policy_of(uint8_t says)
{
	return (struct lb_policy){
		.scheduler = says & 3,
		.flags = says >> 2 & 3,
		.mask4 = says & 32 ? 32 : 24,
		.mask6 = says & 32 ? 128 : 70,
		.persist_timeout = says & 16 ? TIMEOUT / 2 : 0,
	};
}

static void flood(struct lb_service *s)
{
	uint32_t now = bpf_ktime_get_coarse_ns() >> LB_TICK_SHIFT;

	s->gate.list = 0;
	s->flood_until = now + FLOODED;
	s->flood_since = now - TIMEOUT - 1;
}

/* It is large, and few of its pages were written. */
static void forget_brief(void)
{
	const size_t page = 4096, bytes = sizeof(struct lb_nat_brief) << LB_NAT_BRIEF_SHIFT;
	uintptr_t at = (uintptr_t)lbx_nat_brief.values, first = (at + page - 1) & -page;
	size_t whole = (at + bytes - first) & -page;

	memset(lbx_nat_brief.values, 0, first - at);
	memset((uint8_t *)first + whole, 0, at + bytes - first - whole);
	if (madvise((void *)first, whole, MADV_DONTNEED))
		abort();
}

static void start(uint8_t says, bool traced)
{
	struct lb_settings settings = {
		.flows_high = 2, .flows_low = 1, .nat = 2, .hash_key = {0x1234567890abcdef, 42}
        };
	struct lb_service service = {
		.ring = {.count = REALS},
		.gate = {         .list = LIST             },
		.flood = { .high = 4,              .low = 2},
		.on_miss = says >> 7 ? LB_ON_MISS_DROP : LB_ON_MISS_HASH
        };
	struct lb_iface iface = {
		.mac = {2, 0, 0, 0, 0, 1}
        };
	uint32_t zero = 0, id = SERVICE, ifindex = IFINDEX;

	for (int i = 0; i < LB_FLOW_STATE_COUNT; i++)
		settings.timeout[i] = TIMEOUT;
	host_map_clear(&lbx_flows4);
	host_map_clear(&lbx_flows6);
	host_map_clear(&lbx_half4);
	host_map_clear(&lbx_half6);
	host_map_clear(&lbx_fragments);
	host_map_clear(&lbx_vips);
	settings.trace = traced ? (bpf_ktime_get_coarse_ns() >> LB_TICK_SHIFT) + TRACED : 0;
	trace_all();
	memset(lbx_icmp.values, 0, (SERVICE + 1) * sizeof(uint64_t));
	host_map_clear(&lbx_persist);
	host_map_clear(&lbx_nat);
	host_map_clear(&lbx_nat_half);
	forget_brief();
	memset(lbx_verdicts.values, 0, LB_VERDICT_COUNT * sizeof(uint64_t));
	memset(lbx_events.values, 0, LB_EVENT_COUNT * sizeof(uint64_t));
	memset(lbx_real_conns.values, 0, (REALS + 1) * sizeof(struct lb_real_conns));
	memset(lbx_real_stats.values, 0, (REALS + 1) * sizeof(struct lb_real_stats));
	bpf_map_update_elem(&lbx_settings, &zero, &settings, BPF_ANY);
	service.policy = policy_of(says);
	if (says & 64)
		flood(&service);
	bpf_map_update_elem(&lbx_services, &id, &service, BPF_ANY);
	bpf_map_update_elem(&lbx_ifaces, &ifindex, &iface, BPF_ANY);
	add_reals();
	add_pool();
	add_list();
	add_vip(vips[0]);
	add_vip(vips[1]);
	add_vias();
	lbx_flows4.max = lbx_flows6.max = 2;
	lbx_half4.max = lbx_half6.max = lbx_fragments.max = 3;
	lbx_persist.max = 2;
	lbx_nat.max = lbx_nat_half.max = 5; /* odd: the second row of a flow may not fit */
}

static uint64_t digest(uint64_t sum, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ULL;
	return sum;
}

static const uint8_t *cut(struct input *in, size_t len)
{
	const uint8_t *bytes = in->at;

	in->at += len;
	in->left -= len;
	return bytes;
}

static void raw_frame(struct input *in, struct frame *f, const uint8_t *record)
{
	size_t len = (record[2] | record[3] << 8) % RAW_MAX;

	len = len < in->left ? len : in->left;
	f->len = 0;
	frame_put(f, cut(in, len), len);
}

static const uint8_t mac_real[6] = {2, 0, 0, 0, 0, 1};

/* Of a reply as the client gets it, and of a request as real 5 does. */
static const uint8_t quoted_reply[28] = {0x45, 0,  0, 40,  0,  0,  0, 0, 63, WIRE_TCP, 0,    0,
					 10,   77, 0, 100, 10, 77, 0, 2, 1,  187,      0x9c, 0x40};
static const uint8_t quoted_request[28] = {0x45, 0,  0, 40, 0,  0,  0, 0, 63,   WIRE_TCP, 0, 0,
					   10,   77, 0, 2,  10, 88, 0, 5, 0x9c, 0x40,     1, 187};

/* clang-format off */
static const struct spec kinds[] = {
	{.payload = 10}, {.six = true, .payload = 10},
	{.proto = PROTO_UDP, .payload = 10}, {.six = true, .proto = PROTO_UDP, .payload = 10},
	{.options = 8}, {.sport = 41000}, {.six = true, .sport = 41000}, {.sport = 42000},
	{.proto = PROTO_ICMP4, .type = 8, .payload = 40},
	{.six = true, .proto = PROTO_ICMP6, .type = 128, .payload = 40},
	{.six = true, .proto = PROTO_ICMP6, .type = 135, .ttl = 255, .payload = 24},
	{.src = "10.77.0.100", .dst = "10.77.0.1", .src_mac = mac_real, .sport = 443,
	 .dport = LB_VIA_PORT_FIRST, .payload = 10},
	{.six = true, .src = "fd77::100", .dst = "fd77::1", .src_mac = mac_real, .sport = 443,
	 .dport = LB_VIA_PORT_FIRST + 1, .payload = 10},
	{.six = true, .first = 60, .chain = (const uint8_t[8]){PROTO_TCP}, .chain_len = 8},
	{.proto = PROTO_ICMP4, .type = 3, .payload = 28},
	{.six = true, .proto = PROTO_ICMP6, .type = 2, .payload = 48},
	{.six = true, .proto = PROTO_ICMP6, .type = 1, .payload = 56},
	{.proto = PROTO_UDP, .id = FRAGMENT_ID, .payload = 16},
	{.proto = PROTO_TCP, .id = FRAGMENT_ID, .payload = 12},
	{.six = true, .proto = PROTO_UDP, .id = FRAGMENT_ID, .first = 44,
	 .chain = (const uint8_t[8]){PROTO_UDP}, .chain_len = 8, .payload = 16},
	{.six = true, .proto = PROTO_TCP, .id = FRAGMENT_ID, .first = 44,
	 .chain = (const uint8_t[8]){PROTO_TCP}, .chain_len = 8, .payload = 12},
	{.src = "10.88.0.4", .dst = "10.88.0.9", .sport = 8080, .dport = 40000, .payload = 5},
	{.src = "10.88.0.5", .dst = "10.77.0.2", .sport = 443, .dport = 40000, .payload = 5},
	{.src = "10.88.0.5", .dst = "10.77.0.2", .sport = 443, .dport = 40000, .proto = PROTO_UDP},
	{.src = "::ffff:10.88.0.4", .dst = "::ffff:10.88.0.9", .sport = 8080, .dport = 40000,
	 .six = true, .payload = 5},
	{.proto = PROTO_ICMP4, .type = 3, .code = 4, .data = quoted_reply, .payload = 28},
	{.src = "10.88.0.5", .dst = "10.77.0.2", .proto = PROTO_ICMP4, .type = 3,
	 .data = quoted_request, .payload = 28},
};
/* clang-format on */

enum { ARP_KIND = sizeof(kinds) / sizeof(*kinds), KINDS };

/* What the error is about: a packet of the VIP to the client, with an extension header or not. */
static void quote(struct frame *f, const struct spec *error)
{
	static struct frame quoted;
	struct spec s = {.six = error->six,
			 .proto = error->code ? PROTO_UDP : PROTO_TCP,
			 .src = error->six ? "fd77::100" : "10.77.0.100",
			 .dst = error->six ? "fd77::2" : "10.77.0.2",
			 .sport = 443,
			 .dport = 40000,
			 .first = 60,
			 .chain = (const uint8_t[8]){PROTO_TCP},
			 .chain_len = error->type == 1 ? 8 : 0};

	frame_build(&quoted, &s);
	memcpy(f->byte + f->l4 + 8, quoted.byte + quoted.l3, error->payload);
}

/* In bits 0 to 6 how many units of 8 bytes came before, in bit 7 whether more come. */
static void cut_piece(struct frame *f, bool six, uint8_t place)
{
	uint8_t units = place & ~FRAGMENT_MORE, more = place / FRAGMENT_MORE;

	if (six)
		frame_set16(f, f->l3 + 42, units << 3 | more);
	else
		frame_set16(f, f->l3 + 6, units | more << 13);
}

static void ip_frame(struct frame *f, const uint8_t *record)
{
	struct spec s = kinds[record[0]];

	s.flags = record[2];
	s.tags = record[3] % 4;
	if (s.proto == PROTO_ICMP4 && s.type == 3)
		s.code = record[2]; /* 0: about TCP, else about UDP */
	frame_build(f, &s);
	if (s.id == FRAGMENT_ID)
		cut_piece(f, s.six, record[2]);
	if (s.type && s.type <= 3)
		quote(f, &s);
	if (s.type != 135)
		return;
	memcpy(f->byte + f->l4 + 8, vips[1], 16); /* the target, and the checksum over it */
	frame_checksum6(f, f->l4 + 2, PROTO_ICMP6);
}

/* A request, or with two tags a claim. */
static void arp_frame(struct frame *f, unsigned tags)
{
	f->len = 0;
	frame_ethernet(f, mac_broadcast, mac_client, tags, 0x0806);
	frame_put32(f, 0x00010800);
	frame_put32(f, 0x06040001);
	frame_put(f, mac_client, 6);
	frame_address(f, tags == 2 ? "10.77.0.100" : "10.77.0.2");
	frame_zero(f, 6);
	frame_address(f, "10.77.0.100");
}

static void good_frame(struct input *in, struct frame *f, const uint8_t *record)
{
	if (record[0] == ARP_KIND)
		arp_frame(f, record[3] % 4);
	else
		ip_frame(f, record);
	for (int i = record[3] >> 6; i && in->left >= 2; i--) {
		const uint8_t *change = cut(in, 2);

		f->byte[change[0] % f->len] ^= change[1];
	}
}

static uint64_t run_frame(uint64_t sum, const struct frame *f, bool fast)
{
	static uint8_t out[FRAME_MAX + 512];
	struct xdp_md ctx = {.ingress_ifindex = IFINDEX};
	int action;
	size_t len;

	host_frame_set(f->byte, f->len);
	action = fast ? fast_then_pipeline(&ctx) : pipeline_run(&ctx);
	if (action <= XDP_ABORTED || action > XDP_REDIRECT)
		abort();
	len = host_frame_get(out);
	return digest(digest(sum, &action, sizeof(action)), out, len);
}

/* Everything that the frames left behind, in one number. */
static uint64_t run_all(struct input in, bool fast, bool traced)
{
	struct lb_settings *settings = (void *)lbx_settings.values;
	uint64_t sum = 0xcbf29ce484222325ULL, passed = 0;
	static struct frame f;

	start(in.left ? *cut(&in, 1) : 0, traced);
	while (in.left >= RECORD) {
		const uint8_t *record = cut(&in, RECORD);
		uint64_t step = (uint64_t)record[1] << LB_TICK_SHIFT;

		if (record[0] < KINDS)
			good_frame(&in, &f, record);
		else
			raw_frame(&in, &f, record);
		host_clock_add(step);
		passed += step;
		sum = run_frame(sum, &f, fast);
	}
	host_clock_add(-passed);
	settings->trace = 0;
	settings->clock = 0; /* kept of the time, by whichever way asked for it */
	sum = digest(sum, &lbx_nat.count, sizeof(lbx_nat.count));
	sum = digest(sum, &lbx_nat_half.count, sizeof(lbx_nat_half.count));
	sum = digest(sum, lbx_verdicts.values, LB_VERDICT_COUNT * sizeof(uint64_t));
	sum = digest(sum, lbx_events.values, LB_EVENT_COUNT * sizeof(uint64_t));
	sum = digest(sum, lbx_real_conns.values, (REALS + 1) * sizeof(struct lb_real_conns));
	sum = digest(sum, lbx_real_stats.values, (REALS + 1) * sizeof(struct lb_real_stats));
	sum = digest(sum, lbx_services.values, (SERVICE + 1) * sizeof(struct lb_service));
	return digest(sum, settings, sizeof(*settings));
}

/* Active and kept flows as the counters tell it must be those in the table. */
static void check_counts(void)
{
	struct lb_settings *s = (void *)lbx_settings.values;
	struct lb_real_conns *c = (void *)lbx_real_conns.values;
	uint64_t kept = 0;

	for (uint32_t id = 1; id <= REALS; id++)
		kept += c[id].opened - c[id].closed + c[id].closing_begun - c[id].closing_ended;
	if (s->count4 != lbx_flows4.count || s->count6 != lbx_flows6.count ||
	    kept != s->count4 + s->count6)
		abort();
}

/* Of each flow that is translated there are both rows, each the other's mirror. */
static void check_mirrors(void)
{
	struct lb_flow6 key, other, back;
	const struct lb_nat *row, *mirrored;

	for (int err = host_map_next(&lbx_nat, NULL, &key); !err;
	     err = host_map_next(&lbx_nat, &key, &key)) {
		memset(&other, 0, sizeof(other));
		memset(&back, 0, sizeof(back));
		row = nat_find(&key);
		nat_key_mirrored(&other, row, (uint8_t)key.proto);
		mirrored = nat_find(&other);
		if (!mirrored || mirrored->back == row->back || mirrored->real != row->real)
			abort();
		nat_key_mirrored(&back, mirrored, (uint8_t)key.proto);
		if (memcmp(&key, &back, sizeof(key)))
			abort();
	}
}

/* No source is taken in both tables. */
static void check_nat_sources(void)
{
	struct lb_flow6 key;

	for (int err = host_map_next(&lbx_nat_half, NULL, &key); !err;
	     err = host_map_next(&lbx_nat_half, &key, &key)) {
		const struct lb_nat_half *half = bpf_map_lookup_elem(&lbx_nat_half, &key);

		if (half->row.back && nat_find(&key))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint64_t sum = run_all(in, true, false);

	check_counts();
	check_mirrors();
	check_nat_sources();
	if (run_all(in, false, false) != sum || run_all(in, true, true) != sum)
		abort();
	return 0;
}
