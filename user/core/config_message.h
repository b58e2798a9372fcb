/* SPDX-License-Identifier: GPL-2.0-only */
/* What the config reader has to say: collected in any order, printed in file order. */
#ifndef LBXDP_CORE_CONFIG_MESSAGE_H
#define LBXDP_CORE_CONFIG_MESSAGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/model.h"

/* Past this many messages the rest are only counted (F13). */
enum { CONFIG_MESSAGES_MAX = 500 };

struct config_message {
	struct place place;
	size_t order; /* of arrival: what stands at one place keeps it */
	bool warning;
	const char *path, *text;
};

struct config_messages {
	struct arena *arena;
	struct config_message *at; /* config_messages_free */
	size_t count, errors, more;
};

void config_messages_free(struct config_messages *m);

/* Notes one message; path may be empty. */
void config_message_add(struct config_messages *m, bool warning, struct place at, const char *path,
			const char *format, va_list args);

/* Appends "FILE:LINE:COL: error: path: text" lines to out, sorted by place. */
void config_messages_print(struct config_messages *m, const char *file, struct buf *out);

/* A value for a message: quoted, cut when long. Allocated from a. */
const char *config_quote(const char *text, struct arena *a);

/* The word among candidates that was probably meant, or NULL. Edits count 1 each. */
const char *config_suggest(const char *word, const char *const *candidates, size_t count);

#endif
