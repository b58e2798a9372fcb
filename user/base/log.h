/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log: one line a message on stderr, to journald in its "<level>" prefix form when systemd
 * reads stderr, to a file when the daemon runs on its own. Used by parts and daemon; base, core and
 * io return errors instead.
 */
#ifndef LBXDP_BASE_LOG_H
#define LBXDP_BASE_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum log_style {
	LOG_STYLE_PLAIN,   /* for a person at a terminal */
	LOG_STYLE_JOURNAL, /* "<4>..." */
	LOG_STYLE_FILE,    /* RFC 3339 time, process, level */
};

/* who names the process ("main", "probe"); fd is borrowed. */
void log_open(const char *who, enum log_style style, int fd);

/* A line that cannot be written (disk full) is dropped and counted (F27). */
unsigned long log_dropped(void);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)

#endif
