/* SPDX-License-Identifier: GPL-2.0-only */
/* A line of `lbxdp trace`. */
#include <net/ethernet.h>
#include <stdio.h>
#include <time.h>

#include "admin/admin.h"
#include "admin/json.h"
#include "base/alloc.h"
#include "base/clock.h"

enum { TIME_TEXT_LEN = 40, FLAGS_LEN = 9, WORD_LEN = 16 };

/* RFC 3339 with microseconds, or without the date. */
static const char *format_time(uint64_t usec, bool date, char *text)
{
	time_t seconds = (time_t)(usec / 1000000);
	char whole[24];
	struct tm tm;

	(void)gmtime_r(&seconds, &tm); /* fails in years that no clock shows */
	(void)strftime(whole, sizeof(whole), date ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	snprintf(text, TIME_TEXT_LEN, "%s.%06uZ", whole, (unsigned int)(usec % 1000000));
	return text;
}

/* "SA"; the letters of tcpdump, low bits first. */
static const char *format_flags(uint8_t flags, char *text)
{
	static const char letters[] = "FSRPAUEC";
	char *at = text;

	for (int i = 0; i < 8; i++)
		if (flags >> i & 1)
			*at++ = letters[i];
	*at = '\0';
	return text;
}

/* Numbers that have no name here stay numbers. */
static const char *format_protocol(const struct view_packet *p, char *text)
{
	static const struct {
		uint16_t type;
		uint8_t proto;
		const char *name;
	} names[] = {
		{ETHERTYPE_IP,   IPPROTO_TCP,    "TCP"   },
		{ETHERTYPE_IP,   IPPROTO_UDP,    "UDP"   },
		{ETHERTYPE_IP,   IPPROTO_ICMP,   "ICMP"  },
		{ETHERTYPE_IPV6, IPPROTO_TCP,    "TCP"   },
		{ETHERTYPE_IPV6, IPPROTO_UDP,    "UDP"   },
		{ETHERTYPE_IPV6, IPPROTO_ICMPV6, "ICMPv6"},
		{ETHERTYPE_ARP,  0,              "ARP"   },
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (names[i].type == p->type && names[i].proto == p->proto)
			return names[i].name;
	if (p->type == ETHERTYPE_IP || p->type == ETHERTYPE_IPV6)
		snprintf(text, WORD_LEN, "IP/%u", p->proto);
	else
		snprintf(text, WORD_LEN, "0x%04x", p->type);
	return text;
}

static const char *format_end(const struct addr *a, uint16_t port, char *text)
{
	return port ? addr_format_port(a, port, text) : addr_format(a, text);
}

void render_packet_text(const struct view_packet *p, struct buf *out)
{
	char at[TIME_TEXT_LEN], src[ENDPOINT_TEXT_LEN], dst[ENDPOINT_TEXT_LEN], protocol[WORD_LEN];
	char flags[FLAGS_LEN];

	buf_printf(out, "%s %-14s %s > %s %s%s%s %u bytes", format_time(p->time, false, at),
		   verdict_name(p->verdict), format_end(&p->src, p->sport, src),
		   format_end(&p->dst, p->dport, dst), format_protocol(p, protocol),
		   p->flags ? " " : "", format_flags(p->flags, flags), p->length);
	if (*p->iface)
		buf_printf(out, " %s", p->iface);
	if (*p->service)
		buf_printf(out, " %s%s%s", p->service, *p->real ? "/" : "", p->real);
	buf_puts(out, "\n");
}

static void put_text(struct json *j, const char *key, const char *value)
{
	if (*value)
		json_text(j, key, value);
	else
		json_null(j, key);
}

static void put_end(struct json *j, const char *key, const char *port_key, const struct addr *a,
		    uint16_t port)
{
	char text[ADDR_TEXT_LEN];

	put_text(j, key, addr_is_unspecified(a) ? "" : addr_format(a, text));
	if (port)
		json_number(j, port_key, port);
	else
		json_null(j, port_key);
}

void render_packet_json(const struct view_packet *p, struct buf *out)
{
	char at[TIME_TEXT_LEN], protocol[WORD_LEN], flags[FLAGS_LEN];
	struct json j = {.out = out};

	json_open(&j, NULL, '{');
	json_text(&j, "time", format_time(p->time, true, at));
	json_text(&j, "verdict", verdict_name(p->verdict));
	put_end(&j, "source", "source_port", &p->src, p->sport);
	put_end(&j, "destination", "destination_port", &p->dst, p->dport);
	json_text(&j, "protocol", format_protocol(p, protocol));
	put_text(&j, "flags", format_flags(p->flags, flags));
	json_number(&j, "bytes", p->length);
	put_text(&j, "interface", p->iface);
	put_text(&j, "service", p->service);
	put_text(&j, "real", p->real);
	json_close(&j, '}');
	buf_puts(out, "\n");
}

void render_missed(bool json, uint64_t missed, struct buf *out)
{
	buf_printf(out, json ? "{\"not_shown\":%llu}\n" : "(%llu more packets were not shown)\n",
		   (unsigned long long)missed);
}

void render_traced(bool json, uint64_t shown, uint64_t missed, struct buf *out)
{
	buf_printf(out,
		   json ? "{\"total_shown\":%llu,\"total_not_shown\":%llu}\n"
			: "%llu packets shown, %llu not shown\n",
		   (unsigned long long)shown, (unsigned long long)missed);
}
