/* SPDX-License-Identifier: GPL-2.0-only */
#include "frame.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

const uint8_t mac_client[6] = {2, 0, 0, 0, 0, 0xc};
const uint8_t mac_ours[6] = {2, 0, 0, 0, 0, 1};
const uint8_t mac_other[6] = {2, 0, 0, 0, 0, 0xee};
const uint8_t mac_broadcast[6] = {255, 255, 255, 255, 255, 255};

void frame_put(struct frame *f, const void *bytes, size_t len)
{
	assert(f->len + len <= sizeof(f->byte));
	memcpy(f->byte + f->len, bytes, len);
	f->len += len;
}

void frame_put16(struct frame *f, uint16_t value)
{
	uint16_t wire = htons(value);

	frame_put(f, &wire, sizeof(wire));
}

void frame_put32(struct frame *f, uint32_t value)
{
	uint32_t wire = htonl(value);

	frame_put(f, &wire, sizeof(wire));
}

static void frame_put8(struct frame *f, uint8_t value)
{
	frame_put(f, &value, 1);
}

static void frame_fill(struct frame *f, uint8_t value, size_t len)
{
	while (len--)
		frame_put8(f, value);
}

void frame_zero(struct frame *f, size_t len)
{
	frame_fill(f, 0, len);
}

void frame_set16(struct frame *f, size_t at, uint16_t value)
{
	f->byte[at] = value >> 8;
	f->byte[at + 1] = value & 0xff;
}

void frame_address(struct frame *f, const char *text)
{
	uint8_t raw[16];
	bool six = strchr(text, ':');
	int ok = inet_pton(six ? AF_INET6 : AF_INET, text, raw);

	assert(ok == 1);
	(void)ok;
	frame_put(f, raw, six ? 16 : 4);
}

void frame_mapped(uint8_t to[16], const char *text)
{
	struct frame f = {};

	if (!strchr(text, ':')) {
		frame_zero(&f, 10);
		frame_put16(&f, 0xffff);
	}
	frame_address(&f, text);
	memcpy(to, f.byte, 16);
}

void frame_ethernet(struct frame *f, const uint8_t *dst, const uint8_t *src, unsigned tags,
		    uint16_t type)
{
	frame_put(f, dst, 6);
	frame_put(f, src, 6);
	for (unsigned i = 0; i < tags; i++) {
		frame_put16(f, i + 1 < tags ? 0x88a8 : 0x8100);
		frame_put16(f, 100 + i);
	}
	frame_put16(f, type);
	f->l3 = f->len;
}

static uint32_t sum_bytes(uint32_t sum, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? from[i] : from[i] << 8;
	return sum;
}

static uint16_t sum_finish(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void checksum(struct frame *f, size_t at, uint8_t proto, size_t addresses, size_t len)
{
	uint32_t sum = proto + (f->len - f->l4);

	frame_set16(f, at, 0);
	sum = sum_bytes(sum, f->byte + addresses, len);
	frame_set16(f, at, sum_finish(sum_bytes(sum, f->byte + f->l4, f->len - f->l4)));
}

void frame_checksum6(struct frame *f, size_t at, uint8_t proto)
{
	checksum(f, at, proto, f->l3 + 8, 32);
}

static void put_ip4(struct frame *f, const struct spec *s, uint8_t proto)
{
	unsigned header = 20 + s->options;

	frame_put8(f, 0x40 | header / 4);
	frame_put8(f, s->tos);
	frame_put16(f, 0); /* length, once known */
	frame_put16(f, s->id);
	frame_put16(f, 0x4000);
	frame_put8(f, s->ttl ? s->ttl : 64);
	frame_put8(f, proto);
	frame_put16(f, 0);
	frame_address(f, s->src ? s->src : "10.77.0.2");
	frame_address(f, s->dst ? s->dst : "10.77.0.100");
	frame_fill(f, 1, s->options);
}

static void put_ip6(struct frame *f, const struct spec *s, uint8_t proto)
{
	frame_put32(f, 0x60000000 | s->tos << 20);
	frame_put16(f, 0);
	frame_put8(f, s->chain_len ? s->first : proto);
	frame_put8(f, s->ttl ? s->ttl : 64);
	frame_address(f, s->src ? s->src : "fd77::2");
	frame_address(f, s->dst ? s->dst : "fd77::100");
	frame_put(f, s->chain ? s->chain : (const uint8_t *)"", s->chain_len);
}

/* Returns where the checksum stands. */
static size_t put_transport(struct frame *f, const struct spec *s, uint8_t proto)
{
	size_t start = f->len;

	if (proto == PROTO_ICMP4 || proto == PROTO_ICMP6) {
		frame_put8(f, s->type);
		frame_put8(f, s->code);
		frame_zero(f, 2);
		frame_put32(f, 0x12340001);
		return start + 2;
	}
	frame_put16(f, s->sport ? s->sport : 40000);
	frame_put16(f, s->dport ? s->dport : 443);
	if (proto == PROTO_UDP) {
		frame_put16(f, 8 + s->payload);
		frame_zero(f, 2);
		return start + 6;
	}
	frame_put32(f, s->seq);
	frame_put32(f, s->ack);
	frame_put8(f, (5 + s->tcp_options / 4) << 4);
	frame_put8(f, s->flags);
	frame_put16(f, s->window);
	frame_zero(f, 4);
	frame_fill(f, 1, s->tcp_options);
	return start + 16;
}

void frame_build(struct frame *f, const struct spec *s)
{
	uint8_t proto = s->proto ? s->proto : PROTO_TCP;
	size_t at;

	f->len = 0;
	frame_ethernet(f, s->dst_mac ? s->dst_mac : mac_ours, s->src_mac ? s->src_mac : mac_client,
		       s->tags, s->six ? 0x86dd : 0x0800);
	if (s->six)
		put_ip6(f, s, proto);
	else
		put_ip4(f, s, proto);
	f->l4 = f->len;
	at = put_transport(f, s, proto);
	for (size_t i = 0; i < s->payload; i++)
		frame_put8(f, s->data ? s->data[i] : i * 7);
	if (s->six) {
		frame_set16(f, f->l3 + 4, f->len - f->l3 - 40);
		frame_checksum6(f, at, proto);
		return;
	}
	frame_set16(f, f->l3 + 2, f->len - f->l3);
	frame_set16(f, f->l3 + 10, sum_finish(sum_bytes(0, f->byte + f->l3, 20 + s->options)));
	if (proto == PROTO_ICMP4)
		frame_set16(f, at, sum_finish(sum_bytes(0, f->byte + f->l4, f->len - f->l4)));
	else
		checksum(f, at, proto, f->l3 + 12, 8);
}
