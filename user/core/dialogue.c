/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/dialogue.h"

#include <stdio.h>

/* What a line of an answer means. */
enum answer {
	ANSWER_PART, /* more lines belong to it */
	ANSWER_YES,
	ANSWER_NO, /* well-formed, and it refuses */
	ANSWER_BAD /* not what the protocol says */
};

/* A turn: say something, then read one answer. */
struct turn {
	const char *say;       /* a format for the name; NULL: listen first */
	unsigned int wanted;   /* SMTP: the code, or its first digit */
	unsigned int fallback; /* SMTP: the turn to take on 5xx instead of giving up */
	bool farewell;         /* the peer may close instead of answering */
};

enum { SMTP_QUIT = 2, SMTP_HELO = 3, SMTP_GIVE_UP = 4 };

/* QUIT and its 221 are part of the check: Exchange logs an error for every session that ends
 * without. HELO is for servers that do not know EHLO (RFC 5321 3.2). */
static const struct turn smtp_turns[] = {
	{NULL,          220, 0,         false},
        {"EHLO %s\r\n", 250, SMTP_HELO, false},
	{"QUIT\r\n",    2,   0,         true },
        {"HELO %s\r\n", 250, 0,         false},
	{"QUIT\r\n",    2,   0,         true },
};

static const struct turn imap_turns[] = {
	{NULL,           0, 0, false},
	{"a LOGOUT\r\n", 0, 0, true },
};

static const struct turn pop3_turns[] = {
	{NULL,       0, 0, false},
	{"QUIT\r\n", 0, 0, true },
};

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* "250-first", "250 last" or "250"; 0 when it is not a reply line. */
static unsigned int smtp_code(struct slice line)
{
	if (line.len < 3 || digit(line.at[0]) < 2 || digit(line.at[0]) > 5 ||
	    digit(line.at[1]) < 0 || digit(line.at[1]) > 5 || digit(line.at[2]) < 0)
		return 0;
	if (line.len > 3 && line.at[3] != ' ' && line.at[3] != '-')
		return 0;
	return digit(line.at[0]) * 100 + digit(line.at[1]) * 10 + digit(line.at[2]);
}

/* A reply may have many lines, the banner too (RFC 5321 4.2.1); all have the same code. */
static enum answer smtp_answer(struct dialogue *d, struct slice line)
{
	unsigned int code = smtp_code(line), wanted = smtp_turns[d->step].wanted;

	if (!code || (d->part && d->part != code))
		return ANSWER_BAD;
	d->part = line.len > 3 && line.at[3] == '-' ? code : 0;
	if (d->part)
		return ANSWER_PART;
	if (code == wanted || code / 100 == wanted)
		return ANSWER_YES;
	if (code < 400)
		return ANSWER_BAD;
	d->code = code;
	return ANSWER_NO;
}

static enum answer imap_greeting(struct slice line)
{
	if (slice_begins(line, "* OK") || slice_begins(line, "* PREAUTH"))
		return ANSWER_YES;
	return slice_begins(line, "* BYE") ? ANSWER_NO : ANSWER_BAD;
}

static enum answer imap_answer(struct dialogue *d, struct slice line)
{
	if (!d->step)
		return imap_greeting(line);
	if (slice_begins(line, "* "))
		return ANSWER_PART;
	if (slice_begins(line, "a OK"))
		return ANSWER_YES;
	return slice_begins(line, "a NO") || slice_begins(line, "a BAD") ? ANSWER_NO : ANSWER_BAD;
}

static enum answer pop3_answer(struct dialogue *d, struct slice line)
{
	if (slice_begins(line, "+OK"))
		return ANSWER_YES;
	return slice_begins(line, "-ERR") ? ANSWER_NO : ANSWER_BAD;
}

/* Bytes that can no longer become a line of the protocol are refused before its end arrives. */
static bool smtp_begins(char c)
{
	return digit(c) >= 0;
}

static bool imap_begins(char c)
{
	return c == '*' || c == 'a' || c == 'A';
}

static bool pop3_begins(char c)
{
	return c == '+' || c == '-';
}

static const struct protocol {
	const struct turn *turns;
	size_t last; /* the turn after which the check has passed */
	enum answer (*answer)(struct dialogue *d, struct slice line);
	bool (*begins)(char first);
} protocols[] = {
	[DIALOGUE_SMTP] = {smtp_turns, SMTP_QUIT, smtp_answer, smtp_begins},
	[DIALOGUE_IMAP] = {imap_turns, 1,         imap_answer, imap_begins},
	[DIALOGUE_POP3] = {pop3_turns, 1,         pop3_answer, pop3_begins},
};

void dialogue_quote(char *text, size_t room, struct slice line)
{
	size_t n = 0;

	for (size_t i = 0; i < line.len && n + 1 < room; i++)
		text[n++] = line.at[i] >= ' ' && line.at[i] <= '~' ? line.at[i] : '.';
	text[n] = '\0';
}

static void conclude(struct dialogue *d, enum check_code code, const char *detail)
{
	d->over = true;
	d->say.len = 0;
	d->outcome.code = code;
	snprintf(d->outcome.detail, sizeof(d->outcome.detail), "%s", detail);
}

static void take_turn(struct dialogue *d, size_t step)
{
	const struct turn *t = &protocols[d->script].turns[step];
	int len;

	d->step = step;
	if (!t->say)
		return;
	len = snprintf(d->line, sizeof(d->line), t->say, d->name);
	d->say = (struct slice){d->line, len};
}

/* A refused session is ended politely where the protocol lets us; 421 means that the server closes
 * by itself. */
static void refuse(struct dialogue *d, struct slice line)
{
	d->outcome.code = CHECK_CODE_L7STS;
	d->outcome.status = d->code;
	dialogue_quote(d->outcome.detail, sizeof(d->outcome.detail), line);
	d->refused = true;
	if (d->script == DIALOGUE_SMTP && d->code != 421 && d->step != SMTP_QUIT)
		take_turn(d, SMTP_GIVE_UP);
	else
		d->over = true;
}

static void take_yes(struct dialogue *d, struct slice line)
{
	if (!d->step)
		dialogue_quote(d->outcome.detail, sizeof(d->outcome.detail), line);
	if (d->step == protocols[d->script].last) {
		d->outcome.code = CHECK_CODE_L7OK;
		d->over = true;
	} else {
		take_turn(d, d->script == DIALOGUE_SMTP && d->step == SMTP_HELO ? SMTP_QUIT
										: d->step + 1);
	}
}

static void read_line(struct dialogue *d, struct slice line)
{
	const struct protocol *p = &protocols[d->script];
	char said[64], detail[CHECK_DETAIL_LEN];
	enum answer a = p->answer(d, line);

	if (d->refused && a != ANSWER_PART) {
		d->over = true;
		return;
	}
	switch (a) {
	case ANSWER_PART:
		break;
	case ANSWER_YES:
		take_yes(d, line);
		break;
	case ANSWER_NO:
		if (d->code >= 500 && p->turns[d->step].fallback)
			take_turn(d, p->turns[d->step].fallback);
		else
			refuse(d, line);
		break;
	case ANSWER_BAD:
		dialogue_quote(said, sizeof(said), line);
		snprintf(detail, sizeof(detail), "unexpected answer: %s", said);
		conclude(d, CHECK_CODE_L7RSP, detail);
		break;
	}
}

static size_t feed_lines(struct dialogue *d, const char *bytes, size_t len)
{
	size_t used = 0;

	while (!d->over && !d->say.len && used < len) {
		const char *from = bytes + used, *end = memchr(from, '\n', len - used);
		struct slice line = {from, end ? (size_t)(end - from) : len - used};

		if (!d->refused && !protocols[d->script].begins(*from) && line.len) {
			read_line(d, line);
			return len;
		}
		if (line.len >= DIALOGUE_LINE_MAX)
			conclude(d, CHECK_CODE_L7RSP, "line longer than 4096 bytes");
		if (!end)
			break;
		used += line.len + 1;
		if (line.len && line.at[line.len - 1] == '\r')
			line.len--;
		if (!d->over)
			read_line(d, line);
	}
	return used;
}

/* Goes on to the next step that waits for a text or has something to say. */
static void next_step(struct dialogue *d)
{
	while (!d->say.len && d->step < d->step_count) {
		const struct dialogue_step *s = &d->steps[d->step];

		d->waiting = s->expect && *s->expect && !d->found;
		if (d->waiting) {
			match_start(&d->match, s->expect);
			return;
		}
		d->found = false;
		d->step++;
		if (s->send)
			d->say = slice_of(s->send);
	}
	if (!d->say.len) {
		d->outcome.code = CHECK_CODE_L7OK;
		d->over = true;
	}
}

/* The bytes behind what was found belong to the next step. */
static size_t feed_steps(struct dialogue *d, const char *bytes, size_t len)
{
	size_t used = 0;

	if (!d->waiting && !d->over && !d->say.len)
		next_step(d);
	while (!d->over && !d->say.len && used < len) {
		ptrdiff_t n = match_feed(&d->match, bytes + used, len - used);

		if (n < 0)
			return len;
		used += n;
		d->found = true;
		next_step(d);
	}
	return used;
}

void dialogue_start(struct dialogue *d, enum dialogue_script script, const char *name,
		    const struct dialogue_step *steps, size_t step_count)
{
	*d = (struct dialogue){
		.script = script,
		.name = name,
		.steps = steps,
		.step_count = step_count,
	};
	if (script == DIALOGUE_STEPS)
		next_step(d);
	else
		take_turn(d, 0);
}

size_t dialogue_feed(struct dialogue *d, const char *bytes, size_t len)
{
	size_t used =
		d->script == DIALOGUE_STEPS ? feed_steps(d, bytes, len) : feed_lines(d, bytes, len);

	d->total += used;
	if (d->total <= DIALOGUE_TOTAL_MAX || d->over)
		return used;
	if (d->refused)
		d->over = true;
	else
		conclude(d, CHECK_CODE_L7RSP, "answer longer than 64 KB");
	return used;
}

static bool is_farewell(const struct dialogue *d)
{
	return d->script != DIALOGUE_STEPS && protocols[d->script].turns[d->step].farewell;
}

void dialogue_closed(struct dialogue *d, const char *how)
{
	char detail[CHECK_DETAIL_LEN];

	if (d->over)
		return;
	d->over = true;
	if (d->refused)
		return;
	if (is_farewell(d)) { /* rude, but nobody's mail is lost by it */
		d->outcome.code = CHECK_CODE_L7OK;
		return;
	}
	snprintf(detail, sizeof(detail), "%s before the answer was complete", how);
	conclude(d, CHECK_CODE_L7RSP, detail);
}

void dialogue_timeout(struct dialogue *d)
{
	char detail[CHECK_DETAIL_LEN];
	const char *said;

	if (d->over || d->refused) {
		d->over = true;
		return;
	}
	if (d->script == DIALOGUE_STEPS) {
		snprintf(detail, sizeof(detail), "timed out at step %zu", d->step + 1);
	} else if (!d->step) {
		snprintf(detail, sizeof(detail), "timed out waiting for the greeting");
	} else {
		said = protocols[d->script].turns[d->step].say;
		snprintf(detail, sizeof(detail), "timed out waiting for the answer to %.*s",
			 (int)strcspn(said, "%\r"), said);
	}
	conclude(d, CHECK_CODE_L7TOUT, detail);
}
