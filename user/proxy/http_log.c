/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "base/clock.h"
#include "proxy/http_internal.h"

void http_log_real(struct session *s)
{
	char *line = s->http->log.line;

	if (line)
		memcpy(line + HTTP_LOG_LINE, s->real->row.name, LB_NAME_LEN);
}

/* ms from one moment to another, -1 where it did not come to either. */
static int64_t took(uint64_t from, uint64_t to)
{
	return from && to >= from ? (int64_t)(to - from) : -1;
}

void http_log_write(struct session *s)
{
	struct http_log *log = &s->http->log;
	struct session_log l = {.http = true};
	const char *real;

	if (!(s->settings->says.flags & PROXY_SERVICE_LOG) || !log->began)
		return;
	log_fill(s, &l);
	l.when = clock_wall_msec() - (loop_now(s->engine->loop) - log->began);
	l.request = took(log->began, log->asked);
	l.wait = log->connected ? took(log->asked, s->connecting) : -1;
	l.connect = log->connected ? took(s->connecting, log->connected) : -1;
	l.response = log->connected ? took(log->connected, log->answered) : -1;
	l.total = took(log->began, loop_now(s->engine->loop));
	l.status = log->status;
	l.bytes = log->bytes_out;
	if (log->cause != '-') {
		l.ended_by = log->cause;
		l.during = log->state;
	}
	if (log->asked && log->line)
		l.line = (struct slice){log->line, log->line_len};
	real = log->line ? log->line + HTTP_LOG_LINE : "";
	l.real = *real ? real : NULL;
	log_put(s->engine, &l);
	log->began = 0;
}
