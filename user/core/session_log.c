/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/session_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { TAIL = 3 }; /* quote, line end, NUL */

struct writing {
	char *to;
	size_t len;
};

static void put(struct writing *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writing *w, const char *format, ...)
{
	size_t room = SESSION_LOG_MAX - TAIL - w->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->to + w->len, room, format, args);
	va_end(args);
	w->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* "22/Nov/2026:10:15:11.042", local time as HAProxy's %t. */
static void put_date(struct writing *w, uint64_t msec, int32_t zone)
{
	static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(msec / 1000) + zone;
	struct tm t;

	gmtime_r(&seconds, &t);
	put(w, " [%02d/%s/%d:%02d:%02d:%02d.%03u] ", t.tm_mday, month[t.tm_mon], t.tm_year + 1900,
	    t.tm_hour, t.tm_min, t.tm_sec, (unsigned int)(msec % 1000));
}

static void put_names(struct writing *w, const struct session_log *l)
{
	char text[ADDR_TEXT_LEN];

	put(w, "%s:%u", addr_format(&l->client, text), l->client_port);
	put_date(w, l->when, l->zone);
	put(w, "%s%s %s/%s ", l->service, l->tls ? "~" : "", l->backend,
	    l->real ? l->real : "<NOSRV>");
}

static void put_times(struct writing *w, const struct session_log *l)
{
	if (l->http)
		put(w, "%lld/", (long long)l->request);
	put(w, "%lld/%lld/", (long long)l->wait, (long long)l->connect);
	if (l->http)
		put(w, "%lld/", (long long)l->response);
	put(w, "%lld ", (long long)l->total);
}

static void put_counts(struct writing *w, const struct session_log *l)
{
	put(w, "%llu/%llu/%llu/%llu/%s%u %llu/%llu", (unsigned long long)l->all,
	    (unsigned long long)l->of_service, (unsigned long long)l->of_backend,
	    (unsigned long long)l->of_real, l->redispatched ? "+" : "", l->retries,
	    (unsigned long long)l->real_queue, (unsigned long long)l->backend_queue);
}

/* Quotes and what is not printable ASCII as #XX, as HAProxy does. */
static void put_line(struct writing *w, struct slice line)
{
	if (!line.at) {
		put(w, " \"<BADREQ>");
		return;
	}
	put(w, " \"");
	for (size_t i = 0; i < line.len && w->len + 8 < SESSION_LOG_MAX; i++) {
		unsigned char c = (unsigned char)line.at[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '#')
			put(w, "#%02X", c);
		else
			w->to[w->len++] = (char)c;
	}
}

size_t session_log_write(const struct session_log *l, char *to)
{
	struct writing w = {.to = to};

	put_names(&w, l);
	put_times(&w, l);
	if (l->http && l->status)
		put(&w, "%u %llu - - ", l->status, (unsigned long long)l->bytes);
	else if (l->http)
		put(&w, "-1 %llu - - ", (unsigned long long)l->bytes);
	else
		put(&w, "%llu ", (unsigned long long)l->bytes);
	put(&w, "%c%c%s ", l->ended_by, l->during, l->http ? "--" : "");
	put_counts(&w, l);
	if (l->http) {
		put_line(&w, l->line);
		to[w.len++] = '"';
	}
	to[w.len++] = '\n';
	to[w.len] = '\0';
	return w.len;
}
