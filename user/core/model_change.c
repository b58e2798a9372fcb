/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/model_change.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "core/config_print.h"
#include "core/config_value.h"
#include "core/schema.h"

static bool same_addresses(const struct addr *a, size_t a_count, const struct addr *b,
			   size_t b_count)
{
	return a_count == b_count && !memcmp(a, b, a_count * sizeof(*a));
}

static bool same_ports(const struct service_config *a, const struct service_config *b)
{
	return a->port_range_count == b->port_range_count &&
	       !memcmp(a->ports, b->ports, a->port_range_count * sizeof(*a->ports));
}

/* One real of a service before and after, at one address: are its checks the same? That is so for
 * all such reals of its kind. */
static bool same_checks(const struct service_config *a, const struct service_config *b,
			const struct real_config *ra, const struct real_config *rb)
{
	struct check_spec x, y;
	bool has_x, has_y;

	for (size_t i = 0;; i++) {
		has_x = service_check_spec(a, ra, i, &x);
		has_y = service_check_spec(b, rb, i, &y);
		if (!has_x || !has_y)
			return has_x == has_y;
		if (memcmp(&x, &y, sizeof(x)))
			return false;
	}
}

/* One service before and after. */
struct comparison {
	const struct service_config *from, *to;
	bool judged[2], same[2]; /* the checks, by real_config.backup */
	struct buf *out;
};

/* A key that says something else now, as it would be printed. */
static bool key_changed(const struct schema_row *rows, const char *key, const void *from,
			const void *to, enum service_mode mode)
{
	struct buf before = {0}, now = {0};
	bool changed;

	config_print_one(rows, key, from, mode, &before);
	config_print_one(rows, key, to, mode, &now);
	changed = strcmp(buf_text(&before), buf_text(&now)) != 0;
	buf_free(&before);
	buf_free(&now);
	return changed;
}

static const struct schema_row *service_rows(void)
{
	return schema_find(schema_root, "services")->sub;
}

static const char *port_text(uint16_t port, char *text, size_t room)
{
	if (!port)
		return "the client's";
	snprintf(text, room, "%u", port);
	return text;
}

static void describe_port(const struct comparison *c, const struct real_config *from,
			  const struct real_config *to)
{
	char x[8], y[8];

	buf_printf(c->out, "%s/%s: port %s -> %s\n", c->to->name, to->name,
		   port_text(from->port, x, sizeof(x)), port_text(to->port, y, sizeof(y)));
}

static bool check_changed(struct comparison *c, const struct real_config *from,
			  const struct real_config *to)
{
	bool kind = to->backup;

	if (!c->judged[kind])
		c->same[kind] = same_checks(c->from, c->to, from, to);
	c->judged[kind] = true;
	return !c->same[kind];
}

static void describe_real_keys(const struct comparison *c, const struct real_config *from,
			       const struct real_config *to)
{
	static const char *const keys[] = {
		"max_connections", "min_connections", "reencrypt", "verify", "ca", "sni"};
	const struct schema_row *rows = schema_find(service_rows(), "reals")->sub;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (key_changed(rows, keys[i], from, to, c->to->mode))
			buf_printf(c->out, "%s/%s: %s changed\n", c->to->name, to->name, keys[i]);
}

static void describe_real(struct comparison *c, const struct real_config *from,
			  const struct real_config *to)
{
	const char *service = c->to->name;
	char x[ADDR_TEXT_LEN], y[ADDR_TEXT_LEN];
	bool moved = !addr_equal(&from->ip, &to->ip) || from->port != to->port;

	if (!addr_equal(&from->ip, &to->ip))
		buf_printf(c->out, "%s/%s: ip %s -> %s; %s to the old one run to their end\n",
			   service, to->name, addr_format(&from->ip, x), addr_format(&to->ip, y),
			   service_is_l7(c->to) ? "sessions" : "flows");
	if (from->port != to->port)
		describe_port(c, from, to);
	if (!moved && check_changed(c, from, to))
		buf_printf(c->out, "%s/%s: check changed\n", service, to->name);
	if (from->weight != to->weight)
		buf_printf(c->out, "%s/%s: weight %u -> %u\n", service, to->name, from->weight,
			   to->weight);
	if (service_is_l7(c->from) == service_is_l7(c->to))
		describe_real_keys(c, from, to);
}

static struct map *reals_by_name(const struct service_config *s)
{
	struct map *m = map_new();

	for (size_t i = 0; i < s->real_count; i++)
		map_put(m, s->reals[i].name, (void *)&s->reals[i]);
	return m;
}

static struct map *services_by_name(const struct model *m)
{
	struct map *all = map_new();

	for (size_t i = 0; i < m->service_count; i++)
		map_put(all, m->services[i].name, (void *)&m->services[i]);
	return all;
}

static void describe_reals(struct comparison *c)
{
	struct map *before = reals_by_name(c->from), *after = reals_by_name(c->to);
	char ip[ADDR_TEXT_LEN];

	for (size_t i = 0; i < c->to->real_count; i++) {
		const struct real_config *r = &c->to->reals[i], *old = map_find(before, r->name);

		if (old)
			describe_real(c, old, r);
		else
			buf_printf(c->out, "%s/%s: added, %s weight %u\n", c->to->name, r->name,
				   addr_format(&r->ip, ip), r->weight);
	}
	for (size_t i = 0; i < c->from->real_count; i++)
		if (!map_find(after, c->from->reals[i].name))
			buf_printf(c->out, "%s/%s: removed; its %s run to their end\n", c->to->name,
				   c->from->reals[i].name,
				   service_is_l7(c->to) ? "sessions" : "flows");
	map_free(before);
	map_free(after);
}

static void describe_timeout(const char *service, const char *key, uint32_t from, uint32_t to,
			     struct buf *out)
{
	if (from == to)
		return;
	buf_printf(out, "%s: timeouts.%s ", service, key);
	value_print_duration(from, out);
	buf_puts(out, " -> ");
	value_print_duration(to, out);
	buf_puts(out, "\n");
}

static void describe_header(const char *service, const char *key, enum proxy_header from,
			    enum proxy_header to, struct buf *out)
{
	if (from != to)
		buf_printf(out, "%s: proxy_protocol.%s %s -> %s\n", service, key,
			   proxy_header_name(from), proxy_header_name(to));
}

/* Keys that either layer has, or layer 4. */
static void describe_order_keys(const struct service_config *from, const struct service_config *to,
				struct buf *out)
{
	static const char *const keys[] = {"persistence", "slow_start", "one_packet"};

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (key_changed(service_rows(), keys[i], from, to, to->mode))
			buf_printf(out, "%s: %s changed\n", to->name, keys[i]);
}

static void describe_l7_keys(const struct service_config *from, const struct service_config *to,
			     struct buf *out)
{
	static const char *const keys[] = {"maxconn",         "tls",
					   "routes",          "request_buffer",
					   "forwarded_for",   "trust_forwarded_from",
					   "request_headers", "response_headers",
					   "rewrite",         "redirect",
					   "redirect_root",   "error_pages",
					   "max_body"};

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (key_changed(service_rows(), keys[i], from, to, to->mode))
			buf_printf(out, "%s: %s changed\n", to->name, keys[i]);
}

/* Sessions keep what they began with: these are for new ones. */
static void describe_l7(const struct service_config *from, const struct service_config *to,
			struct buf *out)
{
	char x[SOURCE_TEXT_LEN], y[SOURCE_TEXT_LEN];
	const char *before = service_source_format(from, x), *now = service_source_format(to, y);

	if (strcmp(before, now))
		buf_printf(out, "%s: source %s -> %s\n", to->name, before, now);
	describe_timeout(to->name, "connect", from->l7.connect, to->l7.connect, out);
	describe_timeout(to->name, "client", from->l7.client, to->l7.client, out);
	describe_timeout(to->name, "server", from->l7.server, to->l7.server, out);
	describe_timeout(to->name, "request", from->l7.request, to->l7.request, out);
	describe_timeout(to->name, "queue", from->l7.queue, to->l7.queue, out);
	describe_timeout(to->name, "tunnel", from->l7.tunnel, to->l7.tunnel, out);
	describe_header(to->name, "accept", from->l7.accept_header, to->l7.accept_header, out);
	describe_header(to->name, "send", from->l7.send_header, to->l7.send_header, out);
	describe_l7_keys(from, to, out);
}

static bool same_prefixes(const struct acl_prefixes *a, const struct acl_prefixes *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->at, b->at, a->count * sizeof(*a->at)));
}

static void describe_prefixes(const char *service, const char *key, const struct acl_prefixes *from,
			      const struct acl_prefixes *to, struct buf *out)
{
	if (!same_prefixes(from, to))
		buf_printf(out, "%s: %s changed, %zu -> %zu prefixes\n", service, key, from->count,
			   to->count);
}

static void describe_acl(const struct service_config *from, const struct service_config *to,
			 struct buf *out)
{
	describe_prefixes(to->name, "allow_from", &from->allow_from, &to->allow_from, out);
	describe_prefixes(to->name, "deny_from", &from->deny_from, &to->deny_from, out);
	describe_prefixes(to->name, "source_pool", &from->source_pool, &to->source_pool, out);
}

static void put_rate(uint32_t rate, struct buf *out)
{
	if (rate)
		buf_printf(out, "%u", rate);
	else
		buf_puts(out, "off");
}

static void describe_flood(const struct service_config *from, const struct service_config *to,
			   struct buf *out)
{
	if (from->flood_rate != to->flood_rate) {
		buf_printf(out, "%s: flood_rate ", to->name);
		put_rate(from->flood_rate, out);
		buf_puts(out, " -> ");
		put_rate(to->flood_rate, out);
		buf_puts(out, "\n");
	}
	if (from->on_miss != to->on_miss)
		buf_printf(out, "%s: on_miss %s -> %s\n", to->name, on_miss_name(from->on_miss),
			   on_miss_name(to->on_miss));
}

/* What a pool has from its parent is said there. */
static void describe_front(const struct service_config *from, const struct service_config *to,
			   struct buf *out)
{
	if (from->mode != to->mode)
		buf_printf(out, "%s: mode %s -> %s\n", to->name, mode_name(from->mode),
			   mode_name(to->mode));
	if (!same_addresses(from->vips, from->vip_count, to->vips, to->vip_count))
		buf_printf(out, "%s: vip changed\n", to->name);
	if (!same_ports(from, to))
		buf_printf(out, "%s: ports changed\n", to->name);
	if (from->protocol != to->protocol)
		buf_printf(out, "%s: protocol %s -> %s\n", to->name, protocol_name(from->protocol),
			   protocol_name(to->protocol));
}

static void describe_service(const struct service_config *from, const struct service_config *to,
			     struct buf *out)
{
	if (!to->parent)
		describe_front(from, to, out);
	if (from->scheduler != to->scheduler)
		buf_printf(out, "%s: scheduler %s -> %s\n", to->name,
			   scheduler_name(from->scheduler), scheduler_name(to->scheduler));
	if (from->on_down != to->on_down)
		buf_printf(out, "%s: on_down %s -> %s\n", to->name, on_down_name(from->on_down),
			   on_down_name(to->on_down));
	if (!service_is_l7(to))
		describe_flood(from, to, out);
	if (from->require != to->require)
		buf_printf(out, "%s: require %s\n", to->name,
			   to->require == REQUIRE_ALL ? "any -> all" : "all -> any");
	if (!to->parent)
		describe_acl(from, to, out);
	if (!to->parent)
		describe_order_keys(from, to, out);
	if (service_is_l7(from) && service_is_l7(to) && !to->parent)
		describe_l7(from, to, out);
	describe_reals(&(struct comparison){.from = from, .to = to, .out = out});
}

static bool differ(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

static void describe_node(const struct model *from, const struct model *to, struct buf *out)
{
	if (strcmp(from->node.name, to->node.name))
		buf_printf(out, "node.name: %s -> %s\n", from->node.name, to->node.name);
	if (from->node.on_stop != to->node.on_stop)
		buf_printf(out, "node.on_stop: %s\n",
			   to->node.on_stop == ON_STOP_LEAVE ? "leave" : "detach");
	if (from->node.orphan_timeout != to->node.orphan_timeout)
		buf_puts(out, "node.orphan_timeout changed\n");
	if (from->admin.off != to->admin.off || from->admin.port != to->admin.port ||
	    !addr_equal(&from->admin.addr, &to->admin.addr))
		buf_puts(out, "admin.listen changed\n");
	if (memcmp(&from->timeouts, &to->timeouts, sizeof(from->timeouts)))
		buf_puts(out, "defaults.timeouts changed\n");
	if (from->l7.maxconn != to->l7.maxconn)
		buf_printf(out, "l7.maxconn: %u -> %u\n", from->l7.maxconn, to->l7.maxconn);
	if (from->l7.splice != to->l7.splice)
		buf_printf(out, "l7.splice: %s\n", to->l7.splice ? "on" : "off");
	if (from->l7.logging != to->l7.logging || differ(from->l7.log_file, to->l7.log_file))
		buf_puts(out, "l7.logging changed\n");
}

void model_describe_changes(const struct model *from, const struct model *to, struct buf *out)
{
	struct map *before = services_by_name(from), *after = services_by_name(to);

	describe_node(from, to, out);
	for (size_t i = 0; i < to->service_count; i++) {
		const struct service_config *s = &to->services[i], *old = map_find(before, s->name);

		if (old)
			describe_service(old, s, out);
		else
			buf_printf(out, "%s: added, %zu real%s\n", s->name, s->real_count,
				   s->real_count == 1 ? "" : "s");
	}
	for (size_t i = 0; i < from->service_count; i++)
		if (!map_find(after, from->services[i].name))
			buf_printf(out, "%s: removed; its %s\n", from->services[i].name,
				   service_is_l7(&from->services[i]) ? "sessions run to their end"
								     : "flows are reset");
	map_free(before);
	map_free(after);
}

static bool same_interfaces(const struct model *a, const struct model *b)
{
	if (a->node.interface_count != b->node.interface_count)
		return false;
	for (size_t i = 0; i < a->node.interface_count; i++)
		if (strcmp(a->node.interfaces[i], b->node.interfaces[i]))
			return false;
	return true;
}

bool model_needs_restart(const struct model *from, const struct model *to, struct buf *out)
{
	const struct {
		bool differs;
		const char *key;
	} keys[] = {
		{!same_interfaces(from, to),                 "node.interfaces"},
		{from->node.xdp_mode != to->node.xdp_mode,                     "node.xdp_mode"},
		{from->node.flows != to->node.flows,                     "node.flows"      },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!keys[i].differs)
			continue;
		buf_printf(out, "%s%s", any ? ", " : "", keys[i].key);
		any = true;
	}
	return any;
}
