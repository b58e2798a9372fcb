/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is said in a check, and what the answers mean: expect/say scripts for SMTP, IMAP, POP3 and
 * steps from the configuration. Pure: bytes in, words to say and a verdict out. Allocates nothing;
 * what it does not take stays in the caller's buffer.
 */
#ifndef LBXDP_CORE_DIALOGUE_H
#define LBXDP_CORE_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "core/check.h"
#include "core/match.h"

enum {
	DIALOGUE_LINE_MAX = 4096,   /* RFC 5321 asks for 512; IMAP greetings are longer */
	DIALOGUE_TOTAL_MAX = 65536, /* bytes of all answers */
};

enum dialogue_script { DIALOGUE_SMTP, DIALOGUE_IMAP, DIALOGUE_POP3, DIALOGUE_STEPS };

/* One step of DIALOGUE_STEPS; NULL or empty: do not wait, say nothing. Borrowed. */
struct dialogue_step {
	const char *expect, *send;
};

struct dialogue {
	enum dialogue_script script;
	const char *name; /* in SMTP's EHLO; borrowed */
	const struct dialogue_step *steps;
	size_t step_count;

	struct slice say;             /* send this, then clear it */
	bool over;                    /* outcome stands */
	struct check_outcome outcome; /* code, status and detail; the duration is the caller's */

	size_t step, total;
	unsigned int part, code; /* SMTP: the code of a reply not yet whole; of the last refusal */
	bool refused;            /* outcome says no already; only the farewell is left */
	bool waiting, found;     /* for the text of this step; it came */
	struct match match;
	char line[CHECK_TEXT_LEN + 16]; /* behind say */
};

/* name and steps may be NULL where the script needs none. */
void dialogue_start(struct dialogue *d, enum dialogue_script script, const char *name,
		    const struct dialogue_step *steps, size_t step_count);

/* Reads what came; returns how many bytes are done with. The rest is to be given again with more
 * behind it. Stops when there is something to say; call again when it is sent, with no bytes if
 * there are none. */
size_t dialogue_feed(struct dialogue *d, const char *bytes, size_t len);

/* The peer closed the connection, or reset it: the verdict. */
void dialogue_closed(struct dialogue *d, const char *how);

/* Time is up. */
void dialogue_timeout(struct dialogue *d);

/* The printable part of a line, for people. */
void dialogue_quote(char *text, size_t room, struct slice line);

#endif
