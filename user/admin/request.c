/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/request.h"

#include <stdlib.h>

#include "core/http_message.h"

/* The q of two types in the Accept fields, -1: not named. */
struct accepted {
	double text, openmetrics;
};

/* Cuts what stands before the first c off rest; all of it when there is no c. */
static struct slice cut(struct slice *rest, char c)
{
	const char *end = memchr(rest->at, c, rest->len);
	struct slice first = {rest->at, end ? (size_t)(end - rest->at) : rest->len};

	rest->at += first.len + (end ? 1 : 0);
	rest->len -= first.len + (end ? 1 : 0);
	return first;
}

/* "q=0.5" among the parameters; 1 when there is none. Anything odd counts as 0. */
static double quality(struct slice parameters)
{
	while (parameters.len) {
		struct slice p = slice_trim(cut(&parameters, ';'));
		char text[8] = "";

		if (p.len < 3 || (p.at[0] != 'q' && p.at[0] != 'Q') || p.at[1] != '=')
			continue;
		if (p.len - 2 >= sizeof(text) || (p.at[2] != '0' && p.at[2] != '1'))
			return 0;
		memcpy(text, p.at + 2, p.len - 2);
		return strtod(text, NULL);
	}
	return 1;
}

static void parse_accept(struct slice value, struct accepted *a)
{
	struct slice range;

	while (http_list_next(&value, &range)) {
		struct slice type = slice_trim(cut(&range, ';'));
		double q = quality(range);

		if (slice_is(type, "application/openmetrics-text") && q > a->openmetrics)
			a->openmetrics = q;
		if (slice_is(type, "text/plain") && q > a->text)
			a->text = q;
	}
}

static bool prefers_openmetrics(const struct http_head *h)
{
	struct accepted a = {.text = -1, .openmetrics = -1};

	for (size_t i = 0; i < h->field_count; i++)
		if (slice_is(h->fields[i].name, "accept"))
			parse_accept(h->fields[i].value, &a);
	return a.openmetrics > 0 && a.openmetrics >= a.text;
}

/* A well-formed head that this server has no answer to. Returns 0 or minus the status. */
static int judge(const struct http_head *h)
{
	if (h->line.len > REQUEST_LINE_MAX)
		return -414;
	if (h->method != HTTP_METHOD_GET && h->method != HTTP_METHOD_HEAD)
		return -405;
	if (h->has_coding || h->length) /* a body has no business here */
		return -400;
	return h->field_count > REQUEST_FIELDS_MAX ? -431 : 0;
}

/* Not whole yet; whether it can still become a request of bearable size. */
static int judge_part(const char *bytes, size_t len)
{
	size_t first = len && bytes[0] == '\r' ? 2 : 0, room = REQUEST_LINE_MAX + 2;

	if (len >= first + room && !memchr(bytes + first, '\n', room))
		return -414;
	return len >= REQUEST_HEAD_MAX ? -431 : 0;
}

int request_parse(const char *bytes, size_t len, struct request *r)
{
	struct http_head h;
	size_t seen = 0;
	int done = http_request_parse(&h, bytes, len < REQUEST_HEAD_MAX ? len : REQUEST_HEAD_MAX,
				      &seen);

	*r = (struct request){};
	if (!done)
		return judge_part(bytes, len);
	done = done < 0 ? -h.error_status : judge(&h);
	if (done)
		return done;
	r->head = h.method == HTTP_METHOD_HEAD;
	r->path = h.path.len ? h.path.at : "/";
	r->path_len = h.path.len ? h.path.len : 1;
	r->keep_alive = h.persistent;
	r->openmetrics = prefers_openmetrics(&h);
	return h.size;
}
