/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands whose reply goes on: what is to be shown, from words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/command_parts.h"
#include "base/alloc.h"

enum { TRACE_RATE_MAX = 5000 };

/* Decimal digits only, or -1. */
static int64_t parse_count(const char *text)
{
	char *end;
	long long value;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	return *end || errno ? -1 : value;
}

/* An address or a network; empty is all of them. */
static bool parse_client(const char *text, struct prefix *p)
{
	char address[ADDR_TEXT_LEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int64_t bits;

	*p = (struct prefix){};
	if (!*text)
		return true;
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (addr_parse(&p->addr, address))
		return false;
	bits = slash ? parse_count(slash + 1) : PREFIX_BITS;
	if (bits < 0 || bits > PREFIX_BITS)
		return false;
	if (slash && addr_is_v4(&p->addr))
		bits += PREFIX_V4;
	if (bits > PREFIX_BITS)
		return false;
	p->len = (uint8_t)bits;
	*p = prefix_network(p);
	return true;
}

/* The bit of the verdict that the first len bytes of text name; 0: none. */
static uint64_t verdict_bit(const char *text, size_t len)
{
	for (int v = 0; v < LB_VERDICT_COUNT; v++)
		if (strlen(verdict_name(v)) == len && !strncasecmp(verdict_name(v), text, len))
			return 1ULL << v;
	return 0;
}

/* "ACL,NO_REAL"; empty is all of them, 0 that one is unknown. */
static uint64_t parse_verdicts(const char *text, struct buf *out)
{
	uint64_t all = *text ? 0 : ~0ULL;

	while (*text) {
		size_t len = strcspn(text, ",");
		uint64_t bit = verdict_bit(text, len);

		if (!bit) {
			buf_printf(out, "%.*s is no verdict; they are", (int)len, text);
			for (int v = 0; v < LB_VERDICT_COUNT; v++)
				buf_printf(out, " %s", verdict_name(v));
			buf_puts(out, "\n");
			return 0;
		}
		all |= bit;
		text += len + (text[len] == ',');
	}
	return all;
}

static int bad_client(struct command_request *r, const char *text)
{
	buf_printf(&r->out, "%s is neither an address nor a network (192.168.30.0/24)\n", text);
	return USAGE;
}

int command_trace(struct command_request *r)
{
	int64_t rate = parse_count(command_argument(r, 2)),
		count = parse_count(command_argument(r, 3));
	struct trace_request t = {.json = !strcmp(command_argument(r, 1), "json"),
				  .service = command_argument(r, 4)};
	int code;

	if ((!t.json && strcmp(command_argument(r, 1), "text")) || rate < 1 ||
	    rate > TRACE_RATE_MAX || count < 0)
		return USAGE;
	if (!parse_client(command_argument(r, 5), &t.client))
		return bad_client(r, command_argument(r, 5));
	t.verdicts = parse_verdicts(command_argument(r, 6), &r->out);
	if (!t.verdicts)
		return USAGE;
	t.rate = (uint32_t)rate;
	t.count = (uint64_t)count;
	code = command_outcome(r, r->ops->trace(r->ops->arg, &t, r->token, &r->out));
	if (code == DONE)
		r->then = COMMAND_FOLLOW;
	return code;
}

static int parse_state(const char *text)
{
	for (int s = 0; s < LB_FLOW_STATE_COUNT; s++)
		if (!strcmp(flow_state_name(s), text))
			return s;
	return -1;
}

static int bad_state(struct command_request *r)
{
	buf_printf(&r->out, "%s is no state; they are", command_argument(r, 5));
	for (int s = 0; s < LB_FLOW_STATE_COUNT; s++)
		buf_printf(&r->out, " %s", flow_state_name(s));
	buf_puts(&r->out, "\n");
	return USAGE;
}

static int parse_form(const char *text)
{
	static const char *const forms[] = {
		[FLOWS_TEXT] = "text", [FLOWS_CSV] = "csv", [FLOWS_JSON] = "json"};

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
		if (!strcmp(text, forms[i]))
			return (int)i;
	return -1;
}

int command_flows(struct command_request *r)
{
	char target[2 * LB_NAME_LEN], *slash;
	int form = parse_form(command_argument(r, 1)), code;
	int64_t limit = parse_count(command_argument(r, 2));
	struct flows_request f = {.form = form, .service = target, .real = "", .state = -1};

	if (form < 0 || limit < 0 || strlen(command_argument(r, 3)) >= sizeof(target))
		return USAGE;
	strcpy(target, command_argument(r, 3));
	slash = strchr(target, '/');
	if (slash) {
		*slash = '\0';
		f.real = slash + 1;
	}
	if (!parse_client(command_argument(r, 4), &f.client))
		return bad_client(r, command_argument(r, 4));
	if (*command_argument(r, 5))
		f.state = parse_state(command_argument(r, 5));
	if (*command_argument(r, 5) && f.state < 0)
		return bad_state(r);
	f.limit = (uint64_t)limit;
	code = command_outcome(r, r->ops->flows(r->ops->arg, &f, r->token, &r->out));
	if (code == DONE)
		r->then = COMMAND_STREAM;
	return code;
}

void admin_stream_seal(struct admin *a, const void *token, int code, const char *why)
{
	struct buf seal = {};

	buf_append(&seal, "", 1);
	buf_printf(&seal, "%d\n%s", code, why);
	admin_stream_add(a, token, &seal);
	admin_stream_end(a, token);
	buf_free(&seal);
}
