/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/http_check.h"

#include <stdio.h>

#include "core/dialogue.h"

static void conclude(struct http_check *c, enum check_code code, const char *detail)
{
	c->over = true;
	c->outcome.code = code;
	if (detail)
		snprintf(c->outcome.detail, sizeof(c->outcome.detail), "%s", detail);
}

void http_check_start(struct http_check *c, const char *expect, bool no_body)
{
	*c = (struct http_check){.expect = expect, .no_body = no_body};
	match_start(&c->match, expect);
}

static bool is_interim(const struct http1_head *h)
{
	return h->status < 200 && h->status != 101;
}

static bool in_status_line(const struct http_check *c, const char *bytes)
{
	return memmem(bytes, c->head.line_len, c->expect, strlen(c->expect)) != NULL;
}

/* The status line alone decides when it says no. When it says yes, the head must still be whole: a
 * server that hangs there serves nobody. */
static void judge_status(struct http_check *c, const char *bytes)
{
	bool expected = *c->expect ? in_status_line(c, bytes) : c->head.status == 200;

	c->judged = true;
	c->outcome.status = c->head.status;
	dialogue_quote(c->outcome.detail, sizeof(c->outcome.detail),
		       (struct slice){bytes, c->head.line_len});
	if (expected)
		c->outcome.code = CHECK_CODE_L7OK;
	else if (!*c->expect || c->head.status / 100 != 2)
		conclude(c, CHECK_CODE_L7STS, NULL);
}

static void judge_head(struct http_check *c)
{
	if (c->outcome.code == CHECK_CODE_L7OK) {
		c->over = true;
		return;
	}
	http_body_start(&c->body, c->head.framing, c->head.length, false);
	c->in_body = true;
	if (http_body_over(&c->body))
		conclude(c, CHECK_CODE_L7RSP, "expected text not found: the answer has no body");
}

static size_t feed_head(struct http_check *c, char *bytes, size_t len)
{
	int done = http1_response(&c->head, bytes, len, c->no_body);
	size_t size = c->head.size;

	if (c->head.status && !c->judged && !is_interim(&c->head))
		judge_status(c, bytes);
	if (c->over)
		return len;
	if (done < 0 || c->total > HTTP1_HEAD_MAX) {
		conclude(c, CHECK_CODE_L7RSP, done < 0 ? c->head.error : "endless interim answers");
		return len;
	}
	if (!done)
		return 0;
	if (is_interim(&c->head)) {
		c->total += size;
		c->head = (struct http1_head){};
	} else {
		judge_head(c);
	}
	return size;
}

static size_t feed_body(struct http_check *c, const char *bytes, size_t len)
{
	struct slice content;
	ssize_t used = http_body_take(&c->body, bytes, len, &content);

	if (used < 0) {
		conclude(c, CHECK_CODE_L7RSP, c->body.error);
		return len;
	}
	if (content.len > HTTP_CHECK_BODY_MAX - c->searched)
		content.len = HTTP_CHECK_BODY_MAX - c->searched;
	c->searched += content.len;
	c->raw += used;
	if (match_feed(&c->match, content.at, content.len) >= 0)
		conclude(c, CHECK_CODE_L7OK, "expected text found");
	else if (http_body_over(&c->body))
		conclude(c, CHECK_CODE_L7RSP, "expected text not found in the body");
	else if (c->searched == HTTP_CHECK_BODY_MAX || c->raw > HTTP_CHECK_RAW_MAX)
		conclude(c, CHECK_CODE_L7RSP, "expected text not in the first 64 KB of the body");
	return used;
}

size_t http_check_feed(struct http_check *c, char *bytes, size_t len)
{
	size_t used = 0, n = 1;

	while (!c->over && n && used < len) {
		n = c->in_body ? feed_body(c, bytes + used, len - used)
			       : feed_head(c, bytes + used, len - used);
		used += n;
	}
	return used;
}

void http_check_closed(struct http_check *c, const char *how)
{
	char detail[CHECK_DETAIL_LEN];

	if (c->over)
		return;
	if (c->in_body && c->body.framing == HTTP_UNTIL_CLOSE)
		snprintf(detail, sizeof(detail), "expected text not found in the body");
	else
		snprintf(detail, sizeof(detail), "%s before the answer was complete", how);
	conclude(c, CHECK_CODE_L7RSP, detail);
}

void http_check_timeout(struct http_check *c)
{
	const char *detail = "timed out waiting for the answer";

	if (c->over)
		return;
	if (c->head.status || c->total)
		detail = "timed out in the middle of the header";
	if (c->in_body)
		detail = "timed out in the middle of the body";
	c->outcome.status = 0;
	conclude(c, CHECK_CODE_L7TOUT, detail);
}
