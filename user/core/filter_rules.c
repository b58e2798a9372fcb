/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/filter_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"

enum { WORD_MAX = 96, LINE_MAX_SHOWN = 160, PORTS_MAX = 32 };

struct target {
	struct addr vip;
	const struct service_config *service;
};

/* What the lines read so far say of the next one. */
struct scan {
	struct target *targets; /* sorted by vip */
	size_t target_count;
	struct findings *out;
	const char *tool;
	struct slice table, chain; /* at NULL: none is open */
};

/* What one rule says: addresses and ports. */
struct rule {
	struct slice text;
	struct addr first, last; /* of the address that is looked at */
	struct port_range ports[PORTS_MAX];
	size_t port_count; /* 0: any */
	bool any_port;     /* it names ports in a way that is not followed */
};

static int compare_targets(const void *a, const void *b)
{
	return memcmp(((const struct target *)a)->vip.byte, ((const struct target *)b)->vip.byte,
		      sizeof(struct addr));
}

static void collect_targets(struct scan *s, const struct model *m)
{
	for (size_t i = 0; i < m->service_count; i++) {
		const struct service_config *service = &m->services[i];

		if (service_is_l7(service))
			continue;
		s->targets = xrealloc(s->targets, s->target_count + service->vip_count + 1,
				      sizeof(*s->targets));
		for (size_t v = 0; v < service->vip_count; v++)
			s->targets[s->target_count++] =
				(struct target){.vip = service->vips[v], .service = service};
	}
	if (s->target_count)
		qsort(s->targets, s->target_count, sizeof(*s->targets), compare_targets);
}

static struct slice next_word(struct slice *rest)
{
	static const char separators[] = " \t,{}=\"()[]";
	struct slice word = {};

	while (rest->len && memchr(separators, *rest->at, sizeof(separators) - 1))
		rest->at++, rest->len--;
	word.at = rest->at;
	while (rest->len && !memchr(separators, *rest->at, sizeof(separators) - 1))
		rest->at++, rest->len--, word.len++;
	return word;
}

static bool parse_number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoul(text, &end, 10);
	return !*end && *value <= most;
}

/* The last byte of a network of 120 bits or more (IPv4: 24) is all that its addresses differ in. */
static bool parse_network(const char *address, const char *len, struct rule *r)
{
	unsigned long bits;
	uint8_t mask;

	if (addr_parse(&r->first, address) || !parse_number(len, 128, &bits))
		return false;
	bits += addr_is_v4(&r->first) ? 96 : 0;
	if (bits < 120 || bits > 128)
		return false;
	mask = (uint8_t)(0xff >> (bits - 120));
	r->last = r->first;
	r->first.byte[15] &= (uint8_t)~mask;
	r->last.byte[15] |= mask;
	return true;
}

/* "a", "a/len", "a-b": fills first and last. */
static bool parse_addresses(struct slice word, struct rule *r)
{
	char text[WORD_MAX], *second;

	if (!word.len || word.len >= sizeof(text))
		return false;
	memcpy(text, word.at, word.len);
	text[word.len] = '\0';
	second = strpbrk(text, "/-");
	if (!second) {
		if (addr_parse(&r->first, text))
			return false;
		r->last = r->first;
		return true;
	}
	if (*second == '/') {
		*second = '\0';
		return parse_network(text, second + 1, r);
	}
	*second = '\0';
	return !addr_parse(&r->first, text) && !addr_parse(&r->last, second + 1) &&
	       !memcmp(r->first.byte, r->last.byte, 15);
}

/* "25", "1000-1010", "1000:1010" */
static bool parse_ports(struct slice word, struct port_range *p)
{
	char text[WORD_MAX], *second;
	unsigned long first, last;

	if (!word.len || word.len >= sizeof(text))
		return false;
	memcpy(text, word.at, word.len);
	text[word.len] = '\0';
	second = strpbrk(text, "-:");
	if (second)
		*second++ = '\0';
	if (!parse_number(text, 65535, &first) ||
	    !parse_number(second ? second : text, 65535, &last))
		return false;
	p->first = (uint16_t)first;
	p->last = (uint16_t)last;
	return true;
}

/* The destination ports of a rule. Other words than numbers end their list. */
static void read_ports(struct rule *r)
{
	struct slice rest = r->text, word;
	bool listing = false, negated = false;

	while ((word = next_word(&rest)).len) {
		struct port_range p;

		if (slice_is(word, "dport") || slice_is(word, "--dport") ||
		    slice_is(word, "--dports")) {
			listing = true;
			r->any_port |= negated;
		} else if (listing && parse_ports(word, &p) && r->port_count < PORTS_MAX) {
			r->ports[r->port_count++] = p;
		} else if (listing) { /* "!=", "@set", a name, or too many */
			r->any_port |= !r->port_count || r->port_count == PORTS_MAX;
			listing = false;
		}
		negated = slice_is(word, "!");
	}
}

static bool concerns(const struct rule *r, const struct service_config *s)
{
	if (r->any_port || !r->port_count)
		return true;
	for (size_t i = 0; i < r->port_count; i++)
		for (size_t j = 0; j < s->port_range_count; j++)
			if (r->ports[i].first <= s->ports[j].last &&
			    r->ports[i].last >= s->ports[j].first)
				return true;
	return false;
}

static const struct target *find_target(const struct scan *s, const struct rule *r)
{
	size_t low = 0, high = s->target_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (memcmp(s->targets[middle].vip.byte, r->first.byte, 16) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < s->target_count && memcmp(s->targets[low].vip.byte, r->last.byte, 16) <= 0;
	     low++)
		if (concerns(r, s->targets[low].service))
			return &s->targets[low];
	return NULL;
}

static void report(const struct scan *s, const struct rule *r, const struct target *t)
{
	char about[256], seen[512], type[256], vip[ADDR_TEXT_LEN];
	bool cut = r->text.len > LINE_MAX_SHOWN;

	snprintf(about, sizeof(about), "%s table %.*s, %.*s", s->tool,
		 (int)(s->table.len < 64 ? s->table.len : 64), s->table.at,
		 (int)(s->chain.len < 64 ? s->chain.len : 64), s->chain.at);
	snprintf(seen, sizeof(seen), "\"%.*s%s\" names VIP %s of service %s",
		 (int)(cut ? LINE_MAX_SHOWN : r->text.len), r->text.at, cut ? "..." : "",
		 addr_format(&t->vip, vip), t->service->name);
	snprintf(type, sizeof(type), "allow_from and deny_from of service %s in lbxdp.yaml do it",
		 t->service->name);
	findings_add(s->out, &(struct finding){
				     .severity = FINDING_WARNING,
				     .examination = "filter-rule",
				     .about = about,
				     .seen = seen,
				     .why = "XDP takes packets for Direct Routing before netfilter "
					    "sees them: the rule does nothing to them",
				     .type = type,
			     });
}

/* A rule of a chain, or elements of a set. */
static void judge(const struct scan *s, struct slice text)
{
	struct rule r = {.text = text};
	struct slice rest = text, word;

	read_ports(&r);
	while ((word = next_word(&rest)).len) {
		const struct target *t = parse_addresses(word, &r) ? find_target(s, &r) : NULL;

		if (t) {
			report(s, &r, t);
			return;
		}
	}
}

/* "table ip filter { # handle 1": the words between the first and the brace. */
static struct slice name_in(struct slice line, size_t skip)
{
	const char *brace = memchr(line.at, '{', line.len);

	line.len = brace ? (size_t)(brace - line.at) : line.len;
	line.at += skip;
	line.len -= skip;
	return slice_trim(line);
}

static void nft_line(struct scan *s, struct slice line)
{
	static const char *const blocks[] = {"chain ", "set ", "map "};

	if (slice_begins(line, "table ") && memchr(line.at, '{', line.len)) {
		s->tool = "nftables";
		s->table = name_in(line, strlen("table "));
		s->chain = (struct slice){};
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
		if (slice_begins(line, blocks[i]) && memchr(line.at, '{', line.len)) {
			s->chain = name_in(line, 0);
			return;
		}
	if (s->chain.at && slice_is(line, "}"))
		s->chain = (struct slice){};
	else if (s->chain.at)
		judge(s, line);
}

/* "-A INPUT -d 192.168.30.10/32 -j DROP" */
static void iptables_line(struct scan *s, struct slice line)
{
	struct slice rest = line;

	if (*line.at == '*') {
		s->tool = "iptables";
		s->table = (struct slice){line.at + 1, line.len - 1};
	} else if (s->table.at && slice_begins(line, "-A ")) {
		(void)next_word(&rest);
		s->chain = next_word(&rest);
		if (!s->chain.len)
			return;
		judge(s, line);
		s->chain = (struct slice){};
	}
}

void filter_rules_examine(const char *text, const struct model *m, struct findings *out)
{
	struct scan s = {.out = out};

	collect_targets(&s, m);
	while (s.target_count && *text) {
		size_t len = strcspn(text, "\n");
		struct slice line = slice_trim((struct slice){text, len});

		if (line.len && (*line.at == '*' || slice_begins(line, "-A ")))
			iptables_line(&s, line);
		else if (line.len && *line.at != '#')
			nft_line(&s, line);
		text += len + (text[len] == '\n');
	}
	free(s.targets);
}
