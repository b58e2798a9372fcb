/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers of our own: errors with a page and an id that the log has too, and redirects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "proxy/http_internal.h"

enum { PAGE_ROOM = 2048, HEAD_ROOM = 1024 };

struct own_page {
	uint16_t status;
	const char *reason, *text;
};

static const struct own_page pages[] = {
	{400, "Bad Request",                     "The request cannot be understood."                },
	{403, "Forbidden",                       "This is not allowed."                             },
	{408, "Request Timeout",                 "The request took too long to arrive."             },
	{413, "Content Too Large",               "The body of the request is too large."            },
	{431, "Request Header Fields Too Large", "The head of the request is too large."            },
	{501, "Not Implemented",                 "The request asks for what is not offered."        },
	{502, "Bad Gateway",                     "The server gave no answer that can be understood."},
	{503, "Service Unavailable",             "No server can be reached now."                    },
	{504, "Gateway Timeout",                 "The server took too long to answer."              },
	{505, "HTTP Version Not Supported",      "HTTP/1.0 and HTTP/1.1 are understood."            },
};

static const struct own_page *page_of(uint16_t status)
{
	const size_t count = sizeof(pages) / sizeof(*pages);

	for (size_t i = 0; i < count; i++)
		if (pages[i].status == status)
			return &pages[i];
	return &pages[0];
}

/* A number nobody can guess the next of matters to nobody; that it is no other request's does. */
static uint64_t new_id(struct http_desk *d)
{
	uint64_t x = d->seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) | 1;
}

static void note_own(struct session *s, uint16_t status)
{
	struct http *h = s->http;

	if (!h->id)
		h->id = new_id(s->engine->desk);
	h->log.status = status;
	session_add(s, offsetof(struct proxy_counts, answers) + status / 100 * sizeof(uint64_t), 1);
	h->phase = HTTP_EXCHANGE;
	h->answer = HTTP_ANSWER_OVER;
	h->deaf |= !http_body_over(&h->body[CLIENT]); /* no server is to take it for a request */
}

/* Head and body as one piece; the server's part, if it had begun one, is given up. */
static void send_own(struct session *s, struct slice head, struct slice body)
{
	struct http *h = s->http;
	size_t all = head.len + (h->method == HTTP_METHOD_HEAD ? 0 : body.len);
	struct way *w = &s->way[SERVER];
	uint32_t before = w->held_len; /* an interim answer that was on its way */
	uint8_t *held = malloc(before + all);

	if (!held) {
		session_end(s, true);
		return;
	}
	if (before)
		memcpy(held, w->held + w->held_at, before);
	memcpy(held + before, head.at, head.len);
	memcpy(held + before + head.len, body.at, all - head.len);
	free(w->held);
	w->held = held;
	w->held_at = 0;
	w->held_len = before + all;
	session_count(s, bytes_out, all);
	h->log.bytes_out += all;
}

static void send_page(struct session *s, uint16_t status, const char *text)
{
	const struct own_page *page = page_of(status);
	const struct slice *own = settings_page(s->settings, status);
	char body[PAGE_ROOM], head[HEAD_ROOM];
	struct slice content = {body, 0};

	note_own(s, status);
	s->http->close = true;
	content.len =
		snprintf(body, sizeof(body),
			 "<!DOCTYPE html>\n<html><head><title>%u %s</title></head>\n<body><h1>%u "
			 "%s</h1>\n<p>%s</p>\n<p>Request %016llx</p></body></html>\n",
			 status, page->reason, status, page->reason, text ? text : page->text,
			 (unsigned long long)s->http->id);
	if (own)
		content = *own;
	(void)snprintf(head, sizeof(head),
		       "HTTP/1.1 %u %s\r\nContent-Type: text/html; charset=utf-8\r\n"
		       "Content-Length: %zu\r\nCache-Control: no-store\r\nX-Request-Id: %016llx\r\n"
		       "Connection: close\r\n\r\n",
		       status, page->reason, content.len, (unsigned long long)s->http->id);
	send_own(s, slice_of(head), content);
}

void http_own_error(struct session *s, uint16_t status)
{
	send_page(s, status, NULL);
}

/* R55: who meets a limit is told which it is. */
static const char *too_large(const struct session *s, uint16_t status, char *text, size_t room)
{
	const struct proxy_service *says = &s->settings->says;

	if (status == 413) {
		(void)snprintf(text, room,
			       "The body of the request is larger than the %u bytes that max_body "
			       "allows for the service %s.",
			       says->max_body, says->name);
		return text;
	}
	(void)snprintf(text, room,
		       "The head of the request is larger than the %u bytes that request_buffer "
		       "allows for the service %s. Large Kerberos tickets need more: set "
		       "request_buffer: 51200 there, or l7.request_buffer for all.",
		       says->request_buffer, says->name);
	return text;
}

void http_own_refusal(struct session *s, uint16_t status, const char *reason)
{
	char text[PAGE_ROOM / 2];

	session_count(s, bad_requests, 1);
	http_note_end(s->http, 'P', 'R');
	if (!reason)
		reason = too_large(s, status, text, sizeof(text));
	send_page(s, status, reason);
}

static void send_redirect(struct session *s, uint16_t code, const char *location)
{
	static const struct {
		uint16_t code;
		const char *reason;
	} reasons[] = {
		{301, "Moved Permanently" },
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"}
        };
	const size_t room = strlen(location) + HEAD_ROOM;
	char *head = malloc(room);
	const char *reason = "Found";

	if (!head) {
		session_end(s, true);
		return;
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].code == code)
			reason = reasons[i].reason;
	note_own(s, code);
	http_note_end(s->http, 'L', 'R');
	s->http->close |= !http_body_over(&s->http->body[CLIENT]);
	(void)snprintf(head, room,
		       "HTTP/1.1 %u %s\r\nLocation: %s\r\nContent-Length: 0\r\nX-Request-Id: "
		       "%016llx\r\n%s\r\n",
		       code, reason, location, (unsigned long long)s->http->id,
		       s->http->close   ? "Connection: close\r\n"
		       : s->http->minor ? ""
					: "Connection: keep-alive\r\n");
	send_own(s, slice_of(head), (struct slice){"", 0});
	free(head);
}

/* R90: host, path and query are those that were asked for. The port is not: plain HTTP is spoken
 * there. */
static void to_https(struct session *s, const struct http_head *head)
{
	struct slice host = head->host;
	struct slice path = head->path.len ? head->path : slice_of("/");
	size_t room = host.len + path.len + head->query.len + ADDR_TEXT_LEN + 16;
	char *location = malloc(room), vip[ADDR_TEXT_LEN];

	if (!location) {
		session_end(s, true);
		return;
	}
	if (host.len)
		(void)snprintf(location, room, "https://%.*s%.*s%.*s", (int)host.len, host.at,
			       (int)path.len, path.at, (int)head->query.len, head->query.at);
	else
		(void)snprintf(location, room,
			       addr_is_v4(&s->vip) ? "https://%s%.*s%.*s" : "https://[%s]%.*s%.*s",
			       addr_format(&s->vip, vip), (int)path.len, path.at,
			       (int)head->query.len, head->query.at);
	send_redirect(s, s->settings->says.redirect_code, location);
	free(location);
}

static bool asks_for_root(const struct http_head *head)
{
	return (head->method == HTTP_METHOD_GET || head->method == HTTP_METHOD_HEAD) &&
	       head->path.len == 1 && !head->query.len;
}

bool http_own_redirect(struct session *s, const struct http_head *head)
{
	const struct proxy_service *says = &s->settings->says;

	if (says->redirect_code)
		to_https(s, head);
	else if (says->redirect_root[0] && asks_for_root(head))
		send_redirect(s, 302, says->redirect_root);
	else
		return false;
	return true;
}
