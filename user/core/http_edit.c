/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/http_edit.h"

#include <errno.h>

#include "core/http_cookie.h"
#include "core/http_parse.h"

/* RFC 9110 7.6.1: what is said to the next one only. */
static const bool is_hop_by_hop[HTTP_NAME_COUNT] = {
	[HTTP_NAME_TE] = true,
	[HTTP_NAME_UPGRADE] = true,
	[HTTP_NAME_CONNECTION] = true,
	[HTTP_NAME_KEEP_ALIVE] = true,
	[HTTP_NAME_PROXY_CONNECTION] = true,
};

/* at stands still and full stays true once something did not fit. */
struct writer {
	const struct http_head *h;
	const struct http_write *w;
	char *at, *end;
	bool full;
	uint64_t used;     /* a bit an edit that has found its field */
	struct slice kept; /* lines that go on as they came, and are still to be copied */
};

static void copy(struct writer *o, struct slice s)
{
	if (o->full || s.len > (size_t)(o->end - o->at)) {
		o->full = true;
		return;
	}
	if (s.len)
		memcpy(o->at, s.at, s.len);
	o->at += s.len;
}

static void copy_kept(struct writer *o)
{
	copy(o, o->kept);
	o->kept.len = 0;
}

static void put(struct writer *o, struct slice s)
{
	if (o->kept.len)
		copy_kept(o);
	copy(o, s);
}

static inline void put_text(struct writer *o, const char *text)
{
	put(o, slice_of(text));
}

/* Whole lines of the head; neighbours are copied in one piece. */
static void keep(struct writer *o, struct slice lines)
{
	if (o->kept.at + o->kept.len != lines.at) {
		copy_kept(o);
		o->kept.at = lines.at;
	}
	o->kept.len += lines.len;
}

static void put_field(struct writer *o, struct slice name, struct slice value)
{
	static const char end[] = {'\r', '\n'};
	size_t len = name.len + strlen(": ") + value.len + sizeof(end);
	char *at;

	if (o->kept.len)
		copy_kept(o);
	o->full |= len > (size_t)(o->end - o->at);
	if (o->full)
		return;
	at = mempcpy(o->at, name.at, name.len);
	*at++ = ':';
	*at++ = ' ';
	if (value.len)
		at = mempcpy(at, value.at, value.len);
	memcpy(at, end, sizeof(end));
	o->at += len;
}

bool http_edit_is_sound(const struct http_edit *e)
{
	enum http_name id;
	struct slice host;

	if (!e->name.len || http_token_span(e->name.at, e->name.len) != e->name.len)
		return false;
	if (http_text_span(e->value.at, e->value.len) != e->value.len ||
	    slice_trim(e->value).len != e->value.len)
		return false;
	id = http_name_of(e->name);
	if (id == HTTP_NAME_HOST)
		return e->op == HTTP_EDIT_SET && http_authority_split(e->value, false, &host);
	return !is_hop_by_hop[id] && id != HTTP_NAME_CONTENT_LENGTH &&
	       id != HTTP_NAME_TRANSFER_ENCODING;
}

/* The edit that decides about fields of that name, or NULL. */
static const struct http_edit *edit_of(const struct writer *o, struct slice name)
{
	for (size_t i = 0; i < o->w->edit_count; i++) {
		const struct http_edit *e = &o->w->edits[i];

		if (e->op != HTTP_EDIT_ADD && (e->name.at == name.at || slice_same(e->name, name)))
			return e;
	}
	return NULL;
}

static bool is_used(const struct writer *o, const struct http_edit *e)
{
	return o->used >> (e - o->w->edits) & 1;
}

static void mark_used(struct writer *o, const struct http_edit *e)
{
	o->used |= (uint64_t)1 << (e - o->w->edits);
}

static bool is_named_by_connection(const struct http_head *h, struct slice name)
{
	for (size_t i = 0; i < h->field_count; i++) {
		struct slice options = h->fields[i].value, option;

		if (h->fields[i].id != HTTP_NAME_CONNECTION)
			continue;
		while (http_list_next(&options, &option))
			if (slice_same(option, name))
				return true;
	}
	return false;
}

bool http_head_passes(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->field_count; i++) {
		const struct http_field *f = &h->fields[i];

		if (slice_is(f->name, name) && f->value.len &&
		    !(h->names_fields && is_named_by_connection(h, f->name)))
			return true;
	}
	return false;
}

static bool is_framing(const struct http_field *f)
{
	return f->id == HTTP_NAME_CONTENT_LENGTH || f->id == HTTP_NAME_TRANSFER_ENCODING;
}

static bool is_left_out(const struct writer *o, const struct http_field *f)
{
	if (f->id == HTTP_NAME_UPGRADE && o->w->say == HTTP_SAY_UPGRADE)
		return false;
	if (is_hop_by_hop[f->id])
		return true;
	if (o->h->no_framing && is_framing(f))
		return true;
	return o->h->names_fields && is_named_by_connection(o->h, f->name);
}

/* The field without the persistence cookie, or nothing when that was all. */
static void put_cookies(struct writer *o, const struct http_field *f)
{
	size_t prefix = f->value.at - f->name.at, n;

	copy_kept(o);
	if (o->full || prefix + f->value.len > (size_t)(o->end - o->at)) {
		o->full = true;
		return;
	}
	n = http_cookie_without(f->value, o->w->drop_cookie, o->at + prefix);
	if (!n)
		return;
	memcpy(o->at, f->name.at, prefix);
	o->at += prefix + n;
	put_text(o, "\r\n");
}

/* What frames a request is said in the plainest way, lest its server reads it in one of its own:
 * not every one takes a tab for a blank, "Chunked" for chunked, or 010 for ten. */
static void put_framing(struct writer *o, const struct http_field *f)
{
	struct slice value = f->value;

	if (f->id == HTTP_NAME_TRANSFER_ENCODING)
		value = slice_of("chunked");
	while (value.len > 1 && *value.at == '0') {
		value.at++;
		value.len--;
	}
	put_field(o, f->name, value);
}

/* As it came: from the name to the end of the value, and of its line. */
static void put_line(struct writer *o, const struct http_field *f)
{
	const char *end = f->value.at + f->value.len;
	size_t len = end - f->name.at;

	if (*end == '\r') {
		keep(o, (struct slice){f->name.at, len + 2});
		return;
	}
	put(o, (struct slice){f->name.at, len});
	put_text(o, "\r\n");
}

static void put_kept(struct writer *o, const struct http_field *f)
{
	if (o->h->is_request && is_framing(f)) {
		put_framing(o, f);
	} else if (f->id == HTTP_NAME_HOST && o->h->form == HTTP_TARGET_ABSOLUTE) {
		put_field(o, f->name, o->h->authority);
	} else if (f->id == HTTP_NAME_COOKIE && o->w->drop_cookie.len) {
		put_cookies(o, f);
	} else {
		put_line(o, f);
	}
}

static bool is_last_of_name(const struct http_head *h, const struct http_field *f)
{
	for (const struct http_field *g = f + 1; g < h->fields + h->field_count; g++)
		if (slice_same(g->name, f->name))
			return false;
	return true;
}

static void put_appended(struct writer *o, const struct http_field *f, const struct http_edit *e)
{
	put(o, f->name);
	put_text(o, ": ");
	put(o, f->value);
	put_text(o, f->value.len ? ", " : "");
	put(o, e->value);
	put_text(o, "\r\n");
}

static void put_received(struct writer *o, const struct http_field *f)
{
	const struct http_edit *e;

	if (is_left_out(o, f))
		return;
	e = edit_of(o, f->name);
	if (!e || (e->op == HTTP_EDIT_APPEND && !is_last_of_name(o->h, f))) {
		put_kept(o, f);
		return;
	}
	if (e->op == HTTP_EDIT_APPEND)
		put_appended(o, f, e);
	if (e->op == HTTP_EDIT_SET && !is_used(o, e))
		put_field(o, f->name, e->value);
	mark_used(o, e);
}

/* What has found no field to change stands at the end. */
static void put_added(struct writer *o)
{
	for (size_t i = 0; i < o->w->edit_count; i++) {
		const struct http_edit *e = &o->w->edits[i];

		if (e->op == HTTP_EDIT_ADD ||
		    (e->op != HTTP_EDIT_DELETE && !is_used(o, e) && edit_of(o, e->name) == e))
			put_field(o, e->name, e->value);
	}
}

static bool ends_in_slash(struct slice s)
{
	return s.len && s.at[s.len - 1] == '/';
}

static bool rewrite_fits(const struct http_rewrite *r, struct slice path)
{
	if (!r->from.len || path.len < r->from.len ||
	    !slice_letters_same(path.at, r->from.at, r->from.len))
		return false;
	return ends_in_slash(r->from) || path.len == r->from.len || path.at[r->from.len] == '/';
}

static const struct http_rewrite *rewrite_of(const struct writer *o, struct slice path)
{
	for (size_t i = 0; i < o->w->rewrite_count; i++)
		if (rewrite_fits(&o->w->rewrites[i], path))
			return &o->w->rewrites[i];
	return NULL;
}

static void put_path(struct writer *o, struct slice path)
{
	const struct http_rewrite *r = rewrite_of(o, path);
	struct slice to, rest;

	if (!r) {
		put(o, path);
		return;
	}
	to = r->to;
	rest = (struct slice){path.at + r->from.len, path.len - r->from.len};
	if (ends_in_slash(to) && rest.len && *rest.at == '/')
		to.len--;
	if (to.len ? *to.at != '/' : !rest.len || *rest.at != '/')
		put_text(o, "/");
	put(o, to);
	put(o, rest);
}

static void put_target(struct writer *o)
{
	const struct http_head *h = o->h;

	if (h->path.len)
		put_path(o, h->path);
	else if (h->method == HTTP_METHOD_OPTIONS && !h->query.len)
		put_text(o, "*"); /* RFC 9112 3.2.4 */
	else
		put_path(o, slice_of("/"));
	put(o, h->query);
}

/* A target in origin form that no rewrite fits is written as it came. */
static bool changes_target(const struct writer *o)
{
	const struct http_head *h = o->h;

	return h->form == HTTP_TARGET_ABSOLUTE ||
	       (h->form == HTTP_TARGET_ORIGIN && rewrite_of(o, h->path));
}

static void put_first_line(struct writer *o)
{
	const struct http_head *h = o->h;

	if (!h->is_request && h->line.len == strlen("HTTP/1.1 200")) {
		put(o, h->line);
		put_text(o, " \r\n");
	} else if (!h->is_request || !changes_target(o)) {
		keep(o, (struct slice){h->line.at, h->line.len + 2});
	} else {
		put(o, h->method_text);
		put_text(o, " ");
		put_target(o);
		put_text(o, h->minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
	}
}

static bool has_host(const struct http_head *h)
{
	for (size_t i = 0; i < h->field_count; i++)
		if (h->fields[i].id == HTTP_NAME_HOST)
			return true;
	return false;
}

static const char *const say_texts[] = {
	[HTTP_SAY_NOTHING] = "\r\n",
	[HTTP_SAY_CLOSE] = "Connection: close\r\n\r\n",
	[HTTP_SAY_KEEP_ALIVE] = "Connection: keep-alive\r\n\r\n",
	[HTTP_SAY_UPGRADE] = "Connection: Upgrade\r\n\r\n",
};

ssize_t http_head_write(const struct http_head *h, const struct http_write *w, char *to,
			size_t room)
{
	struct writer o = {.h = h, .w = w, .at = to, .end = to + room};
	const struct http_field host = {slice_of("Host"), h->authority, HTTP_NAME_HOST};

	o.kept.at = h->bytes;
	put_first_line(&o);
	if (h->form == HTTP_TARGET_ABSOLUTE && !has_host(h))
		put_received(&o, &host);
	for (size_t i = 0; i < h->field_count; i++)
		put_received(&o, &h->fields[i]);
	put_added(&o);
	put_text(&o, say_texts[w->say]);
	return o.full ? -ENOSPC : o.at - to;
}
