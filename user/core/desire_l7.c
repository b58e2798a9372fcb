/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/desire_l7.h"

#include <string.h>
#include <sys/socket.h>

#include "core/desire.h"

/* One service and where its rows go. */
struct putting {
	struct plan *plan;
	const struct model *model;
	const struct facts *facts;
	const struct service_config *service;
	const struct service_fact *fact;
};

static uint32_t id_of(const struct putting *to, const struct service_config *s)
{
	return to->facts->services[s - to->model->services].id;
}

/* Texts stand in zeroed rows, which are compared whole. */
static void copy_text(char *to, size_t room, const char *text)
{
	strncpy(to, text ? text : "", room - 1);
}

static uint32_t flags_of(const struct putting *to)
{
	const struct service_config *s = to->service;
	bool tls =
		s->l7.tls.certificate_count && !s->parent; /* a pool's clients are its parent's */
	bool cookie = s->persist.cookie && *s->persist.cookie;

	return (service_is_http(s) ? PROXY_SERVICE_HTTP : 0) | (tls ? PROXY_SERVICE_TLS : 0) |
	       (tls && s->l7.tls.min_version == TLS_OLDEST_1_3 ? PROXY_SERVICE_TLS13 : 0) |
	       (tls && *s->l7.tls.client_ca.path ? PROXY_SERVICE_CLIENT_CA : 0) |
	       (to->model->l7.logging ? PROXY_SERVICE_LOG : 0) |
	       (to->model->l7.splice ? 0 : PROXY_SERVICE_COPY) |
	       (cookie && s->persist.secure ? PROXY_SERVICE_COOKIE_SECURE : 0) |
	       (cookie && s->persist.http_only ? PROXY_SERVICE_COOKIE_HTTP_ONLY : 0);
}

static void fill_persistence(const struct service_config *s, struct proxy_service *row)
{
	copy_text(row->cookie, sizeof(row->cookie), s->persist.cookie);
	if (row->cookie[0])
		row->same_site = s->persist.same_site;
	if (!s->persist.source)
		return;
	row->persist = s->persist.timeout;
	row->persist_bits = (uint8_t)s->persist.source;
	row->persist6_bits = (uint8_t)s->persist.source6;
}

static void fill_http(const struct service_config *s, struct proxy_service *row)
{
	row->request_buffer = s->l7.request_buffer;
	row->max_body = s->l7.max_body;
	row->forwarded_for = s->l7.forwarded_for;
	copy_text(row->redirect_root, sizeof(row->redirect_root), s->l7.redirect_root);
	if (service_is_redirect(s))
		row->redirect_code = s->l7.redirect.code;
}

static int put_service(const struct putting *to)
{
	const struct service_config *s = to->service;
	struct proxy_service row = {
		.connect = s->l7.connect,
		.client = s->l7.client,
		.server = s->l7.server,
		.request = s->l7.request,
		.queue = s->l7.queue,
		.tunnel = s->l7.tunnel,
		.maxconn = s->parent ? 0 : s->l7.maxconn,
		.slow_start = s->slow_start,
		.parent = s->parent ? id_of(to, s->parent) : 0,
		.flags = flags_of(to),
		.source_kind = s->l7.source,
		.accept_header = s->l7.accept_header,
		.send_header = s->l7.send_header,
		.scheduler = s->scheduler,
	};

	copy_text(row.name, sizeof(row.name), s->name);
	if (s->l7.source == PROXY_SOURCE_ADDRESS)
		memcpy(row.source, s->l7.source_address, sizeof(row.source));
	fill_persistence(s, &row);
	if (service_is_http(s))
		fill_http(s, &row);
	return plan_put(to->plan, PLAN_PROXY_SERVICES, &to->fact->id, &row);
}

static bool is_awaited(const struct real_config *c, const struct real_fact *f)
{
	return !c->backup && f->health == HEALTH_UNKNOWN && f->admin == ADMIN_ONLINE &&
	       real_weight(c, f) > 0;
}

/* Who has logged in there is to log in elsewhere. */
static bool ends_logins(const struct service_config *s, const struct real_fact *f)
{
	return f->health == HEALTH_DOWN && s->on_down != ON_DOWN_KEEP;
}

static uint16_t flags_of_real(const struct service_config *s, const struct real_config *c,
			      const struct real_fact *f)
{
	return (real_usable(s, c, f) ? PROXY_REAL_USABLE : 0) |
	       (real_resets(s, f) ? PROXY_REAL_RESET : 0) | (c->backup ? PROXY_REAL_BACKUP : 0) |
	       (c->reencrypt ? PROXY_REAL_TLS : 0) |
	       (c->reencrypt && c->verify ? PROXY_REAL_VERIFY : 0) |
	       (is_awaited(c, f) ? PROXY_REAL_CHECKING : 0) |
	       (ends_logins(s, f) ? PROXY_REAL_DOWN : 0);
}

static int put_real(const struct putting *to, const struct real_config *c,
		    const struct real_fact *f)
{
	bool usable = real_usable(to->service, c, f);
	struct proxy_real row = {
		.since = usable ? f->usable_since : 0,
		.ip = c->ip,
		.service = to->fact->id,
		.weight = usable ? real_weight(c, f) : 0,
		.min_connections = c->min_connections,
		.max_connections = c->max_connections,
		.port = c->port,
		.flags = flags_of_real(to->service, c, f),
	};

	copy_text(row.name, sizeof(row.name), c->name);
	if (c->reencrypt)
		copy_text(row.sni, sizeof(row.sni), c->sni);
	return plan_put(to->plan, PLAN_PROXY_REALS, &f->id, &row);
}

static int put_rule(const struct putting *to, enum proxy_rule_kind kind, size_t index,
		    const struct proxy_rule *row)
{
	struct proxy_rule_key key = {
		.service = to->fact->id, .kind = kind, .index = (uint16_t)index};

	return plan_put(to->plan, PLAN_PROXY_RULES, &key, row);
}

static int put_texts(const struct putting *to, enum proxy_rule_kind kind, size_t index,
		     const char *name, const char *value)
{
	struct proxy_rule row = {};

	copy_text(row.name, sizeof(row.name), name);
	copy_text(row.value, sizeof(row.value), value);
	return put_rule(to, kind, index, &row);
}

static int put_routes(const struct putting *to)
{
	const struct service_config *s = to->service;
	int err = 0;

	for (size_t i = 0; !err && i < s->l7.route_count; i++) {
		const struct route_config *r = &s->l7.routes[i];
		struct proxy_rule row = {.pool = id_of(to, r->pool), .bits = r->deny};

		copy_text(row.name, sizeof(row.name), r->path);
		copy_text(row.value, sizeof(row.value), r->host);
		err = put_rule(to, PROXY_RULE_ROUTE, i, &row);
	}
	return err;
}

static int put_trust(const struct putting *to)
{
	const struct service_config *s = to->service;
	int err = 0;

	for (size_t i = 0; !err && i < s->l7.trust.count; i++) {
		struct proxy_rule row = {.from = s->l7.trust.at[i].addr,
					 .bits = s->l7.trust.at[i].len};

		err = put_rule(to, PROXY_RULE_TRUST, i, &row);
	}
	return err;
}

static int put_headers(const struct putting *to)
{
	int err = 0;

	for (int list = 0; list < HEADER_LISTS; list++) {
		const struct header_list *h = &to->service->l7.headers[list];

		for (size_t i = 0; !err && i < h->count; i++)
			err = put_texts(to, PROXY_RULE_REQUEST_SET + list, i, h->at[i].name,
					h->at[i].value);
	}
	return err;
}

static int put_rewrites(const struct putting *to)
{
	const struct service_config *s = to->service;
	int err = 0;

	for (size_t i = 0; !err && i < s->l7.rewrite_count; i++)
		err = put_texts(to, PROXY_RULE_REWRITE, i, s->l7.rewrites[i].from,
				s->l7.rewrites[i].to);
	return err;
}

static uint64_t version_of(const struct facts *f, const char *path)
{
	size_t low = 0, high = f->file_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(f->files[middle].path, path);

		if (!order)
			return f->files[middle].version;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static int put_blob(const struct putting *to, const struct proxy_blob_key *key,
		    const struct file_config *file)
{
	struct proxy_blob row = {.version = version_of(to->facts, file->path)};

	copy_text(row.path, sizeof(row.path), file->path);
	return plan_put(to->plan, PLAN_PROXY_BLOBS, key, &row);
}

static int put_certificates(const struct putting *to)
{
	const struct service_config *s = to->service;
	struct proxy_blob_key key = {.id = to->fact->id, .kind = PROXY_BLOB_CERTIFICATE};
	int err = 0;

	for (size_t i = 0; !err && i < s->l7.tls.certificate_count; i++) {
		key.index = (uint16_t)i;
		err = put_blob(to, &key, &s->l7.tls.certificates[i]);
	}
	if (err || !s->l7.tls.certificate_count || !*s->l7.tls.client_ca.path)
		return err;
	key = (struct proxy_blob_key){.id = to->fact->id, .kind = PROXY_BLOB_CLIENT_CA};
	return put_blob(to, &key, &s->l7.tls.client_ca);
}

static int put_pages(const struct putting *to)
{
	const struct service_config *s = to->service;
	struct proxy_blob_key key = {.id = to->fact->id, .kind = PROXY_BLOB_ERROR_PAGE};
	int err = 0;

	for (size_t i = 0; !err && i < s->l7.page_count; i++) {
		key.index = s->l7.pages[i].status;
		err = put_blob(to, &key, &s->l7.pages[i].file);
	}
	return err;
}

/* TProxy: the real's answers are for its client's address, and have to be led into this host. */
static int put_divert(const struct putting *to, const struct real_config *c,
		      const struct real_fact *f)
{
	const struct row_local_route route = {
		.family = addr_is_v4(&c->ip) ? AF_INET : AF_INET6,
		.table = to->facts->local_table,
	};
	const uint32_t none = 0;
	int err;

	if (to->service->l7.source != PROXY_SOURCE_CLIENT || !f->ifindex)
		return 0;
	err = plan_put(to->plan, PLAN_LOCAL_ROUTES, &route, &none);
	return err ? err : plan_put(to->plan, PLAN_DIVERTS, &f->ifindex, &none);
}

static int put_reals(const struct putting *to)
{
	const struct service_config *s = to->service;
	struct proxy_blob_key key = {.kind = PROXY_BLOB_REAL_CA};
	int err = 0;

	for (size_t i = 0; !err && i < s->real_count; i++) {
		const struct real_config *c = &s->reals[i];

		err = put_real(to, c, &to->fact->reals[i]);
		if (!err)
			err = put_divert(to, c, &to->fact->reals[i]);
		key.id = to->fact->reals[i].id;
		if (!err && c->reencrypt && c->verify)
			err = put_blob(to, &key, &c->ca);
	}
	return err;
}

static int put_listeners(const struct putting *to)
{
	const struct service_config *s = to->service;
	struct proxy_endpoint key = {};
	int err = 0;

	for (size_t v = 0; v < s->vip_count; v++)
		for (size_t r = 0; r < s->port_range_count; r++)
			for (uint32_t port = s->ports[r].first; !err && port <= s->ports[r].last;
			     port++) {
				key.vip = s->vips[v];
				key.port = port;
				err = plan_put(to->plan, PLAN_LISTENERS, &key, &to->fact->id);
			}
	return err;
}

static int put_addresses(const struct putting *to)
{
	const uint32_t none = 0;
	int err = 0;

	for (size_t i = 0; !err && to->facts->active && i < to->service->vip_count; i++)
		err = plan_put(to->plan, PLAN_ADDRESSES, &to->service->vips[i], &none);
	return err;
}

int desire_put_l7(struct plan *p, const struct model *m, const struct facts *f, size_t index)
{
	/* Of a pool only the first few: clients come to its parent, which has the settings. */
	static int (*const parts[])(const struct putting *) = {
		put_service,  put_reals,        put_routes, put_trust,     put_headers,
		put_rewrites, put_certificates, put_pages,  put_listeners, put_addresses};
	enum { POOL_PARTS = 2 };
	const struct putting to = {.plan = p,
				   .model = m,
				   .facts = f,
				   .service = &m->services[index],
				   .fact = &f->services[index]};
	size_t count = to.service->parent ? POOL_PARTS : sizeof(parts) / sizeof(parts[0]);
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = parts[i](&to);
	return err;
}
