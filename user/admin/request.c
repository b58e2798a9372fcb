/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *at;
	size_t len;
};

/* What the fields of a head said, before it is judged as a whole. */
struct fields {
	unsigned int hosts;
	bool close, keep_alive;
	double text, openmetrics; /* q of the Accept field, -1: not named */
};

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.at[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return s.len > 0;
}

static bool slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && !strncasecmp(s.at, text, s.len);
}

static struct slice trim(struct slice s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t'))
		s.at++, s.len--;
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Cuts what stands before the first c off rest; all of it when there is no c. */
static struct slice cut(struct slice *rest, char c)
{
	const char *end = memchr(rest->at, c, rest->len);
	struct slice first = {rest->at, end ? (size_t)(end - rest->at) : rest->len};

	rest->at += first.len + (end ? 1 : 0);
	rest->len -= first.len + (end ? 1 : 0);
	return first;
}

/* "GET", "/metrics?x=1", "HTTP/1.1". Returns 0 or minus a status. */
static int parse_target(struct slice target, struct request *r)
{
	static const char scheme[] = "http://";
	const char *path = target.at;

	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.at[i] <= ' ' || (unsigned char)target.at[i] >= 0x7f)
			return -400;
	if (target.len >= strlen(scheme) && !strncasecmp(path, scheme, strlen(scheme))) {
		struct slice rest = {path + strlen(scheme), target.len - strlen(scheme)};

		path = memchr(rest.at, '/', rest.len);
		if (!path)
			path = "/", target = (struct slice){path, 1};
		else
			target.len -= path - target.at;
	}
	if (!target.len || *path != '/')
		return -400;
	r->path = path;
	target.at = path;
	r->path_len = cut(&target, '?').len;
	return 0;
}

static int parse_version(struct slice s, struct request *r)
{
	static const char name[] = "HTTP/";

	if (s.len != 8 || memcmp(s.at, name, 5) || s.at[6] != '.' || s.at[5] < '0' ||
	    s.at[5] > '9' || s.at[7] < '0' || s.at[7] > '9')
		return -400;
	if (s.at[5] != '1')
		return -505;
	r->keep_alive = s.at[7] != '0';
	return 0;
}

static int parse_line(struct slice line, struct request *r)
{
	struct slice method = cut(&line, ' '), target = cut(&line, ' ');
	int err;

	if (!is_token(method))
		return -400;
	err = parse_version(line, r);
	if (err)
		return err;
	r->head = method.len == 4 && !memcmp(method.at, "HEAD", 4);
	if (!r->head && (method.len != 3 || memcmp(method.at, "GET", 3)))
		return -405;
	return parse_target(target, r);
}

/* "q=0.5" among the parameters; 1 when there is none. Anything odd counts as 0. */
static double quality(struct slice parameters)
{
	while (parameters.len) {
		struct slice p = trim(cut(&parameters, ';'));
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

static void parse_accept(struct slice value, struct fields *f)
{
	while (value.len) {
		struct slice range = cut(&value, ',');
		struct slice type = trim(cut(&range, ';'));
		double q = quality(range);

		if (slice_is(type, "application/openmetrics-text") && q > f->openmetrics)
			f->openmetrics = q;
		if (slice_is(type, "text/plain") && q > f->text)
			f->text = q;
	}
}

static void parse_connection(struct slice value, struct fields *f)
{
	while (value.len) {
		struct slice option = trim(cut(&value, ','));

		f->close |= slice_is(option, "close");
		f->keep_alive |= slice_is(option, "keep-alive");
	}
}

static int parse_field(struct slice line, struct fields *f)
{
	struct slice value = line, name = cut(&value, ':');

	if (name.len == line.len ||
	    !is_token(name)) /* no colon, a folded line, a space before it */
		return -400;
	value = trim(value);
	for (size_t i = 0; i < value.len; i++)
		if (((unsigned char)value.at[i] < ' ' && value.at[i] != '\t') ||
		    value.at[i] == 0x7f)
			return -400;
	if (slice_is(name, "host"))
		f->hosts++;
	else if (slice_is(name, "connection"))
		parse_connection(value, f);
	else if (slice_is(name, "accept"))
		parse_accept(value, f);
	else if (slice_is(name, "transfer-encoding"))
		return -400; /* a body has no business here */
	else if (slice_is(name, "content-length") && !slice_is(value, "0"))
		return -400;
	return 0;
}

/* The next line without its CR LF; *err is set for a bare CR or LF or a NUL. False: none yet. */
static bool take_line(struct slice *rest, struct slice *line, int *err)
{
	const char *lf = memchr(rest->at, '\n', rest->len);
	size_t len = lf ? (size_t)(lf - rest->at) : rest->len;
	const char *cr = memchr(rest->at, '\r', len);

	if (memchr(rest->at, '\0', len) || (lf && (!cr || cr + 1 != lf)) ||
	    (cr && !lf && cr + 1 != rest->at + rest->len))
		*err = -400;
	if (*err || !lf)
		return false;
	*line = (struct slice){rest->at, len - 1};
	rest->at += len + 1;
	rest->len -= len + 1;
	return true;
}

static int judge(const struct fields *f, struct request *r)
{
	if (r->keep_alive && f->hosts != 1) /* HTTP/1.1 */
		return -400;
	if (f->hosts > 1)
		return -400;
	r->keep_alive = !f->close && (r->keep_alive || f->keep_alive);
	r->openmetrics = f->openmetrics > 0 && f->openmetrics >= f->text;
	return 0;
}

static int parse_fields(struct slice rest, const char *begin, struct request *r)
{
	struct fields f = {.text = -1, .openmetrics = -1};
	struct slice line;
	int err = 0, count = 0;

	while (take_line(&rest, &line, &err)) {
		if (!line.len) {
			err = judge(&f, r);
			return err ? err : (int)(rest.at - begin);
		}
		if (++count > REQUEST_FIELDS_MAX)
			return -431;
		err = parse_field(line, &f);
		if (err)
			return err;
	}
	return err;
}

int request_parse(const char *bytes, size_t len, struct request *r)
{
	struct slice rest = {bytes, len < REQUEST_HEAD_MAX ? len : REQUEST_HEAD_MAX}, line = {};
	bool whole = false;
	int err = 0, got;

	*r = (struct request){};
	while (!whole && take_line(&rest, &line, &err))
		whole = line.len > 0; /* empty lines before a request are ignored (2.2) */
	if (err)
		return err;
	if (whole ? line.len > REQUEST_LINE_MAX : rest.len > REQUEST_LINE_MAX + 1)
		return -414;
	if (whole)
		err = parse_line(line, r);
	if (err)
		return err;
	got = whole ? parse_fields(rest, bytes, r) : 0;
	return got == 0 && len >= REQUEST_HEAD_MAX ? -431 : got;
}
