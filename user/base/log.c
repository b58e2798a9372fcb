/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_LEN = 1024 };

static struct {
	const char *who;
	enum log_style style;
	int fd;
	unsigned long dropped;
} sink = {.who = "lbxdp", .fd = STDERR_FILENO};

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		break;
	}
	return "debug";
}

static int write_prefix(char *line, size_t room, enum log_level level)
{
	char now[CLOCK_TEXT_LEN];

	switch (sink.style) {
	case LOG_STYLE_JOURNAL:
		return snprintf(line, room, "<%d>%s: ", level, sink.who);
	case LOG_STYLE_FILE:
		return snprintf(line, room, "%s %s %s: ", clock_format(clock_wall(), now), sink.who,
				level_name(level));
	case LOG_STYLE_PLAIN:
		break;
	}
	return snprintf(line, room, "lbxdp: %s%s", level == LOG_LEVEL_INFO ? "" : level_name(level),
			level == LOG_LEVEL_INFO ? "" : ": ");
}

void log_open(const char *who, enum log_style style, int fd)
{
	sink.who = who;
	sink.style = style;
	sink.fd = fd;
}

unsigned long log_dropped(void)
{
	return sink.dropped;
}

void log_write(enum log_level level, const char *format, ...)
{
	char line[LINE_LEN];
	int len = write_prefix(line, sizeof(line), level);
	va_list args;

	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (len > LINE_LEN - 2)
		len = LINE_LEN - 2;
	for (char *c = line; c < line + len; c++)
		if ((unsigned char)*c < ' ')
			*c = ' '; /* a message is one line, whatever a server said in it */
	line[len++] = '\n';
	if (write(sink.fd, line, len) != len)
		sink.dropped++;
}
