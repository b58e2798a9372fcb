/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lbxdp doctor found: each finding says what was seen, why it matters, and what to type.
 * Between main and the command they travel as lines of text. Pure.
 */
#ifndef LBXDP_CORE_FINDING_H
#define LBXDP_CORE_FINDING_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

/* An error breaks service for somebody now; a warning will, or costs speed. */
enum finding_severity { FINDING_ERROR, FINDING_WARNING };

struct finding {
	enum finding_severity severity;
	const char *examination; /* a word: "vip-elsewhere" */
	const char *about;       /* "eth0", "service CAS-HTTPS, real CAS1" */
	const char *seen, *why, *type;
};

/* Zero-initialised is empty. */
struct findings {
	struct arena *arena; /* owns the texts; made at the first finding or note */
	struct finding *at;
	size_t count;
	const char **notes; /* what was not looked at, or where; nothing is wrong with it */
	size_t note_count;
};

void findings_free(struct findings *f);

/* Copies one, behind the others. Control characters of its texts become spaces. */
void findings_add(struct findings *f, const struct finding *one);

void findings_note(struct findings *f, const char *text);

/* Errors first, else in the order in which they were added. */
void findings_sort(struct findings *f);

/* A line for each, notes last, appended to out. */
void findings_write(const struct findings *f, struct buf *out);

/* Adds those of findings_write's lines. Returns 0, or -EINVAL where text is something else; then
 * those before it have been added. */
int findings_read(struct findings *f, const char *text);

const char *finding_severity_name(enum finding_severity s); /* "error" */

#endif
