/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a request goes: the first route that fits chooses the pool, a cookie the real. */
#include <string.h>

#include "base/alloc.h"
#include "core/http_cookie.h"
#include "core/http_match.h"
#include "proxy/http_internal.h"

static bool route_fits(const struct proxy_rule *r, struct slice host, struct slice plain)
{
	if (r->value[0] && !http_host_matches(host, slice_of(r->value)))
		return false;
	return !r->name[0] || http_path_matches(plain, slice_of(r->name));
}

/* The first that fits and leads somewhere, or NULL. */
static const struct proxy_rule *route_of(const struct session *s, const struct http_head *head,
					 const struct rules *rules)
{
	const struct proxy_rule *route = rules->rule[PROXY_RULE_ROUTE];
	struct http_desk *d = s->engine->desk;
	struct slice plain;

	if (!http_desk_reserve(d, head->path.len))
		return NULL;
	plain = http_path_plain(head->path, d->out);
	for (size_t i = 0; i < rules->count[PROXY_RULE_ROUTE]; i++)
		if (route_pool(s->engine, &route[i]) && route_fits(&route[i], head->host, plain))
			return &route[i];
	return NULL;
}

uint16_t http_pick_pool(struct session *s, const struct http_head *head)
{
	const struct rules *rules = s->settings->rules;
	const struct proxy_rule *route = NULL;
	struct service *pool;

	if (rules && rules->count[PROXY_RULE_ROUTE])
		route = route_of(s, head, rules);
	if (!route)
		return 0;
	if (route->bits) {
		session_count(s, denied, 1);
		return 403;
	}
	pool = s->engine->services[route->pool];
	if (pool == s->service)
		return 0;
	s->pool = pool;
	service_enter(s->engine, pool);
	return 0;
}

/* FNV-1a, 64 bits: the same in every process and after every start, and no address. */
static uint64_t hash_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	return hash;
}

const char *http_pick_token(const struct real *r, char text[HTTP_TOKEN_LEN])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint64_t hash = hash_of(r->row.name);

	for (int i = 0; i < HTTP_TOKEN_LEN - 1; i++, hash >>= 6)
		text[i] = digits[hash & 63];
	text[HTTP_TOKEN_LEN - 1] = '\0';
	return text;
}

void http_pick_real(struct session *s, const struct http_head *head)
{
	const struct proxy_service *says = &s->settings->says;
	char token[HTTP_TOKEN_LEN];
	struct slice value;

	if (!says->cookie[0] || !http_cookie_find(head, slice_of(says->cookie), &value) ||
	    value.len != HTTP_TOKEN_LEN - 1)
		return;
	for (struct link *l = s->pool->reals.next; l != &s->pool->reals; l = l->next) {
		const struct real *r = container_of(l, struct real, of_service);

		if (memcmp(http_pick_token(r, token), value.at, value.len) != 0)
			continue;
		s->wanted = s->http->cookie_real = r->id;
		return;
	}
}
