/* SPDX-License-Identifier: GPL-2.0-only */
/* What is changed in heads on their way: the rules of the service first, so that what they say
 * stands, then where the request came from, then the cookie of persistence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http_cookie.h"
#include "proxy/http_internal.h"

static void add(struct http_desk *d, struct http_write *w, enum http_edit_op op, struct slice name,
		struct slice value)
{
	w->edits = d->edits;
	d->edits[w->edit_count++] = (struct http_edit){op, name, value};
}

/* The configuration holds no more of them than there is room for. */
static void add_rules(struct session *s, struct http_write *w, enum proxy_rule_kind kind,
		      enum http_edit_op op)
{
	const struct rules *rules = s->settings->rules;

	for (size_t i = 0; i < rules->count[kind] && w->edit_count < HTTP_EDITS_MAX - OWN_EDITS;
	     i++)
		add(s->engine->desk, w, op, slice_of(rules->rule[kind][i].name),
		    slice_of(rules->rule[kind][i].value));
}

static void add_rewrites(struct session *s, struct http_write *w)
{
	const struct rules *rules = s->settings->rules;
	struct http_desk *d = s->engine->desk;
	size_t n = rules->count[PROXY_RULE_REWRITE];

	if (n > d->rewrite_room) {
		struct http_rewrite *grown = reallocarray(d->rewrites, n, sizeof(*grown));

		if (!grown)
			return;
		d->rewrites = grown;
		d->rewrite_room = n;
	}
	for (size_t i = 0; i < n; i++) {
		const struct proxy_rule *r = &rules->rule[PROXY_RULE_REWRITE][i];

		d->rewrites[i] = (struct http_rewrite){slice_of(r->name), slice_of(r->value)};
	}
	w->rewrites = d->rewrites;
	w->rewrite_count = n;
}

static size_t trusted_count(const struct session *s)
{
	const struct rules *rules = s->settings->rules;

	return rules ? rules->count[PROXY_RULE_TRUST] : 0;
}

static bool is_trusted(const struct session *s)
{
	const struct rules *rules = s->settings->rules;
	size_t n = trusted_count(s);

	for (size_t i = 0; i < n; i++) {
		const struct proxy_rule *r = &rules->rule[PROXY_RULE_TRUST][i];
		const struct prefix p = {r->from, r->bits};

		if (prefix_contains(&p, &s->source))
			return true;
	}
	return false;
}

static const char *proto_of(const struct session *s)
{
	return s->settings->says.flags & PROXY_SERVICE_TLS ? "https" : "http";
}

/* Once a session. */
static void know_peer(struct session *s)
{
	struct http *h = s->http;

	if (h->peer_known)
		return;
	h->peer_known = true;
	h->trusted = s->settings->says.forwarded_for != PROXY_FORWARDED_REPLACE && is_trusted(s);
	h->appended = s->settings->says.forwarded_for == PROXY_FORWARDED_APPEND &&
		      (h->trusted || !trusted_count(s));
	(void)addr_format(&s->source, h->peer);
	(void)snprintf(h->forwarded, sizeof(h->forwarded),
		       addr_is_v4(&s->source) ? "for=%s;proto=%s" : "for=\"[%s]\";proto=%s",
		       h->peer, proto_of(s));
}

/* Who names its client in one of the two is not contradicted in the other. */
static bool names_client(const struct http_head *h)
{
	return http_head_passes(h, "X-Forwarded-For") || http_head_passes(h, "Forwarded");
}

/* X-Forwarded-For, -Proto, and the same in the words of RFC 7239. Where nobody is named as trusted,
 * a list of addresses grows behind everybody's word, of which the last is ours. What has one value
 * only, the protocol and the host, would be the client's alone: it is believed of the trusted. */
static void add_forwarded(struct session *s, struct http_write *w)
{
	const struct proxy_service *says = &s->settings->says;
	struct http_desk *d = s->engine->desk;
	struct http *h = s->http;
	enum http_edit_op op = HTTP_EDIT_SET;
	bool kept;

	if (says->forwarded_for == PROXY_FORWARDED_OFF)
		return;
	know_peer(s);
	kept = h->trusted && says->forwarded_for == PROXY_FORWARDED_KEEP && names_client(&d->head);
	if (h->appended)
		op = HTTP_EDIT_APPEND;
	if (!kept)
		add(d, w, op, slice_of("X-Forwarded-For"), slice_of(h->peer));
	if (!h->trusted)
		add(d, w, HTTP_EDIT_DELETE, slice_of("X-Forwarded-Host"), (struct slice){});
	if (!h->trusted || !http_head_passes(&d->head, "X-Forwarded-Proto"))
		add(d, w, HTTP_EDIT_SET, slice_of("X-Forwarded-Proto"), slice_of(proto_of(s)));
	if (!kept)
		add(d, w, op, slice_of("Forwarded"), slice_of(h->forwarded));
}

void http_fields_request(struct session *s, struct http_write *w)
{
	const struct proxy_service *says = &s->settings->says;
	struct http *h = s->http;

	if (s->settings->rules) {
		add_rules(s, w, PROXY_RULE_REQUEST_SET, HTTP_EDIT_SET);
		add_rules(s, w, PROXY_RULE_REQUEST_DELETE, HTTP_EDIT_DELETE);
		add_rules(s, w, PROXY_RULE_REQUEST_ADD, HTTP_EDIT_ADD);
		add_rewrites(s, w);
	}
	add_forwarded(s, w);
	if (says->cookie[0])
		w->drop_cookie = slice_of(says->cookie);
	if (h->upgrade)
		w->say = HTTP_SAY_UPGRADE;
	else if (!h->minor)
		w->say = HTTP_SAY_KEEP_ALIVE;
}

/* The client's cookie leads elsewhere, or it has none. */
static void add_cookie(struct session *s, struct http_write *w)
{
	const struct proxy_service *says = &s->settings->says;
	struct http_desk *d = s->engine->desk;
	char token[HTTP_TOKEN_LEN];
	ssize_t n;

	if (!says->cookie[0] || s->http->cookie_real == s->real->id)
		return;
	n = http_set_cookie_text(
		&(struct http_set_cookie){
			.name = slice_of(says->cookie),
			.value = slice_of(http_pick_token(s->real, token)),
			.secure = says->flags & PROXY_SERVICE_COOKIE_SECURE,
			.http_only = says->flags & PROXY_SERVICE_COOKIE_HTTP_ONLY,
			.same_site = (enum http_same_site)says->same_site,
		},
		d->cookie, sizeof(d->cookie));
	if (n > 0)
		add(d, w, HTTP_EDIT_ADD, slice_of("Set-Cookie"), (struct slice){d->cookie, n});
}

void http_fields_answer(struct session *s, struct http_write *w)
{
	if (s->settings->rules) {
		add_rules(s, w, PROXY_RULE_RESPONSE_SET, HTTP_EDIT_SET);
		add_rules(s, w, PROXY_RULE_RESPONSE_DELETE, HTTP_EDIT_DELETE);
		add_rules(s, w, PROXY_RULE_RESPONSE_ADD, HTTP_EDIT_ADD);
	}
	add_cookie(s, w);
}
