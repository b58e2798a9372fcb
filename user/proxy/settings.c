/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What services are told beside their rows: rules and contents of files, which may come before the
 * row and in any order. Settings are made of all that when a session asks for them after a change;
 * a session keeps those it got.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "proxy/internal.h"

/* Sorted by kind, then index. */
struct item {
	uint32_t place;
	void *what;
};

struct shelf {
	struct item *at;
	size_t count, room;
};

struct stock {
	struct shelf rules;      /* struct proxy_rule */
	struct shelf blobs;      /* struct content */
	bool tls_changed;        /* tls is not of these blobs */
	struct service_tls *tls; /* the last that could be made; NULL: none */
};

struct page {
	uint16_t status;
	struct content *content;
};

static uint32_t place_of(unsigned int kind, unsigned int index)
{
	return kind << 16 | index;
}

static unsigned int kind_of(const struct item *i)
{
	return i->place >> 16;
}

/* The first item whose place is not below place. */
static size_t shelf_find(const struct shelf *s, uint32_t place)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->at[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool shelf_has(const struct shelf *s, size_t i, uint32_t place)
{
	return i < s->count && s->at[i].place == place;
}

/* Returns what stood there, NULL: nothing. */
static void *shelf_put(struct shelf *s, uint32_t place, void *what)
{
	size_t i = shelf_find(s, place);
	void *old = NULL;

	if (shelf_has(s, i, place)) {
		old = s->at[i].what;
	} else {
		if (s->count == s->room) {
			s->room = s->room ? 2 * s->room : 4;
			s->at = xrealloc(s->at, s->room, sizeof(*s->at));
		}
		memmove(&s->at[i + 1], &s->at[i], (s->count++ - i) * sizeof(*s->at));
	}
	s->at[i] = (struct item){place, what};
	return old;
}

static void *shelf_take(struct shelf *s, uint32_t place)
{
	size_t i = shelf_find(s, place);
	void *old;

	if (!shelf_has(s, i, place))
		return NULL;
	old = s->at[i].what;
	memmove(&s->at[i], &s->at[i + 1], (--s->count - i) * sizeof(*s->at));
	return old;
}

static struct stock *stock_of(struct engine *e, uint32_t service)
{
	if (!e->stocks[service])
		e->stocks[service] = xcalloc(1, sizeof(**e->stocks));
	return e->stocks[service];
}

static void stock_free(struct stock *s)
{
	for (size_t i = 0; i < s->rules.count; i++)
		free(s->rules.at[i].what);
	for (size_t i = 0; i < s->blobs.count; i++)
		content_release(s->blobs.at[i].what);
	free(s->rules.at);
	free(s->blobs.at);
	service_tls_release(s->tls);
	free(s);
}

/* The last rule or blob is gone, and so is what was made of them. */
static void stock_free_if_empty(struct engine *e, uint32_t service)
{
	struct stock *s = e->stocks[service];

	if (s->rules.count || s->blobs.count)
		return;
	stock_free(s);
	e->stocks[service] = NULL;
}

void stocks_free(struct engine *e)
{
	for (uint32_t id = 0; id < LB_SERVICES_MAX; id++)
		if (e->stocks[id])
			stock_free(e->stocks[id]);
	for (uint32_t id = 0; id < LB_REALS_MAX; id++)
		content_release(e->real_cas[id]);
	free(e->stocks);
	free(e->real_cas);
}

static void outdate(struct engine *e, uint32_t service)
{
	if (e->services[service])
		e->services[service]->outdated = true;
}

static bool is_rule(const struct proxy_rule_key *key)
{
	return key->service && key->service < LB_SERVICES_MAX && key->kind < RULE_KINDS;
}

int rule_put(struct engine *e, const struct proxy_rule_key *key, const struct proxy_rule *row)
{
	struct proxy_rule *copy;

	if (!is_rule(key) || row->pool >= LB_SERVICES_MAX ||
	    (key->kind == PROXY_RULE_ROUTE && !row->pool))
		return -EINVAL;
	copy = xcalloc(1, sizeof(*copy));
	*copy = *row;
	free(shelf_put(&stock_of(e, key->service)->rules, place_of(key->kind, key->index), copy));
	outdate(e, key->service);
	return 0;
}

void rule_gone(struct engine *e, const struct proxy_rule_key *key)
{
	if (!is_rule(key) || !e->stocks[key->service])
		return;
	free(shelf_take(&e->stocks[key->service]->rules, place_of(key->kind, key->index)));
	stock_free_if_empty(e, key->service);
	outdate(e, key->service);
}

static bool is_blob(const struct proxy_blob_key *key)
{
	uint32_t max = key->kind == PROXY_BLOB_REAL_CA ? LB_REALS_MAX : LB_SERVICES_MAX;

	return key->kind <= PROXY_BLOB_ERROR_PAGE && key->id && key->id < max;
}

static const char *owner_of(const struct engine *e, const struct proxy_blob_key *key)
{
	const struct real *r = key->kind == PROXY_BLOB_REAL_CA ? e->reals[key->id] : NULL;
	const struct service *s = key->kind == PROXY_BLOB_REAL_CA ? NULL : e->services[key->id];

	return r ? r->row.name : s ? s->row.name : "(new)";
}

static int check(const struct engine *e, const struct proxy_blob_key *key, const struct content *c)
{
	enum tls_pem_kind kind =
		key->kind == PROXY_BLOB_CERTIFICATE ? TLS_PEM_IDENTITY : TLS_PEM_CA;
	struct buf why = {};
	int err;

	if (key->kind == PROXY_BLOB_ERROR_PAGE)
		return 0;
	err = tls_pem_check(kind, c->text, &why);
	if (err)
		log_error("%s %s: %s %u is not used: %s",
			  key->kind == PROXY_BLOB_REAL_CA ? "real" : "service", owner_of(e, key),
			  kind == TLS_PEM_CA ? "CA" : "certificate", key->index + 1,
			  buf_text(&why));
	buf_free(&why);
	return err;
}

static void note_change(struct engine *e, const struct proxy_blob_key *key)
{
	if (key->kind != PROXY_BLOB_ERROR_PAGE && e->stocks[key->id])
		e->stocks[key->id]->tls_changed = true;
	outdate(e, key->id);
}

/* Of a service, or of a real: what stood there. NULL c: takes it away. */
static struct content *swap(struct engine *e, const struct proxy_blob_key *key, struct content *c)
{
	uint32_t place = place_of(key->kind, key->index);
	struct content *old = NULL;

	if (key->kind == PROXY_BLOB_REAL_CA) {
		old = e->real_cas[key->id];
		e->real_cas[key->id] = c;
		if (e->reals[key->id])
			reuse_close(e->reals[key->id]);
	} else if (c) {
		old = shelf_put(&stock_of(e, key->id)->blobs, place, c);
	} else if (e->stocks[key->id]) {
		old = shelf_take(&e->stocks[key->id]->blobs, place);
		stock_free_if_empty(e, key->id);
	}
	return old;
}

int blob_put(struct engine *e, const struct proxy_blob_key *key, int fd)
{
	struct content *c;
	int err = is_blob(key) ? content_read(&c, fd) : -EINVAL;

	if (err)
		return err;
	err = check(e, key, c);
	if (err) {
		content_release(c);
		return err;
	}
	content_release(swap(e, key, c));
	if (key->kind != PROXY_BLOB_REAL_CA)
		note_change(e, key);
	return 0;
}

void blob_gone(struct engine *e, const struct proxy_blob_key *key)
{
	if (!is_blob(key))
		return;
	content_release(swap(e, key, NULL));
	if (key->kind != PROXY_BLOB_REAL_CA)
		note_change(e, key);
}

/* The rows lie behind the struct, in the order of the shelf: by kind. */
static struct rules *rules_of(const struct stock *st)
{
	struct rules *r;
	struct proxy_rule *row;

	if (!st || !st->rules.count)
		return NULL;
	r = xcalloc(1, sizeof(*r) + st->rules.count * sizeof(*row));
	row = (struct proxy_rule *)(r + 1);
	for (size_t i = 0; i < st->rules.count; i++, row++) {
		unsigned int kind = kind_of(&st->rules.at[i]);

		if (!r->count[kind]++)
			r->rule[kind] = row;
		*row = *(const struct proxy_rule *)st->rules.at[i].what;
	}
	return r;
}

static void take_pages(struct settings *s, const struct stock *st)
{
	size_t first = st ? shelf_find(&st->blobs, place_of(PROXY_BLOB_ERROR_PAGE, 0)) : 0;

	s->page_count = st ? st->blobs.count - first : 0;
	if (!s->page_count)
		return;
	s->pages = xcalloc(s->page_count, sizeof(*s->pages));
	for (size_t i = 0; i < s->page_count; i++) {
		const struct item *item = &st->blobs.at[first + i];

		s->pages[i] = (struct page){item->place & 0xffff, content_hold(item->what)};
	}
}

/* The contents of a kind, to be freed. */
static struct slice *texts_of(const struct stock *st, unsigned int kind, size_t *count)
{
	size_t first = shelf_find(&st->blobs, place_of(kind, 0));
	size_t end = shelf_find(&st->blobs, place_of(kind + 1, 0));
	struct slice *texts = xcalloc(end - first + 1, sizeof(*texts));

	*count = end - first;
	for (size_t i = 0; i < *count; i++)
		texts[i] = ((const struct content *)st->blobs.at[first + i].what)->text;
	return texts;
}

/* What is not complete yet cannot be made, nor may what was there before stand in for it. What is,
 * and fails nevertheless, leaves the old one of the same kind in force. */
static void make_tls(struct engine *e, const struct proxy_service *row, struct stock *st)
{
	uint32_t flags = row->flags & SERVICE_TLS_FLAGS;
	size_t certificates, cas;
	struct slice *certificate = texts_of(st, PROXY_BLOB_CERTIFICATE, &certificates);
	struct slice *ca = texts_of(st, PROXY_BLOB_CLIENT_CA, &cas);
	bool asks = flags & PROXY_SERVICE_CLIENT_CA, complete = certificates && (cas || !asks);
	struct service_tls *made = NULL;

	if (complete)
		made = service_tls_new(e, row, certificate, certificates,
				       asks ? ca[0] : (struct slice){});
	if (made || !complete || !st->tls || st->tls->flags != flags) {
		service_tls_release(st->tls);
		st->tls = made;
	}
	st->tls_changed = false;
	free(certificate);
	free(ca);
}

static struct service_tls *tls_of(struct engine *e, const struct proxy_service *row,
				  struct stock *st)
{
	if (!(row->flags & PROXY_SERVICE_TLS) || !st)
		return NULL;
	if (!st->tls || st->tls_changed || st->tls->flags != (row->flags & SERVICE_TLS_FLAGS))
		make_tls(e, row, st);
	return st->tls ? service_tls_hold(st->tls) : NULL;
}

static struct settings *settings_new(struct engine *e, const struct service *service)
{
	struct stock *st = e->stocks[service->id];
	struct settings *s = xcalloc(1, sizeof(*s));

	s->refs = 1;
	s->says = service->row;
	s->rules = rules_of(st);
	s->tls = tls_of(e, &service->row, st);
	take_pages(s, st);
	return s;
}

struct settings *service_settings(struct engine *e, struct service *s)
{
	if (s->outdated || !s->settings) {
		struct settings *made = settings_new(e, s);

		if (s->settings)
			settings_release(s->settings);
		s->settings = made;
		s->outdated = false;
	}
	s->settings->refs++;
	return s->settings;
}

void settings_release(struct settings *s)
{
	if (--s->refs)
		return;
	for (size_t i = 0; i < s->page_count; i++)
		content_release(s->pages[i].content);
	free(s->pages);
	service_tls_release(s->tls);
	free(s->rules);
	free(s);
}

const struct slice *settings_page(const struct settings *s, uint16_t status)
{
	for (size_t i = 0; i < s->page_count; i++)
		if (s->pages[i].status == status)
			return &s->pages[i].content->text;
	return NULL;
}
