/* SPDX-License-Identifier: GPL-2.0-only */
/* What mail servers say, well-mannered and not, and what a check makes of it (R61, R120, F20). */
#include "core/dialogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

enum { TURNS = 5 };
enum { CLOSES, HANGS };

/* clang-format off */
#define T(script, code, status, end, we_say, ...) \
	{DIALOGUE_##script, CHECK_CODE_##code, status, end, we_say, {__VA_ARGS__}},
/* clang-format on */

/* What the server says in each of its turns; after the last it closes, or hangs. What we are to
 * have said is written down in one piece. */
static const struct talk_case {
	enum dialogue_script script;
	enum check_code code;
	unsigned int status;
	bool hangs;
	const char *we_say;
	const char *server[TURNS];
} talk_cases[] = {
	/* clang-format off */
	T(SMTP, L7OK, 0, CLOSES, "EHLO me\r\nQUIT\r\n", "220 mail ESMTP\r\n",
	  "250-mail\r\n250 SIZE\r\n", "221 bye\r\n")
	T(SMTP, L7OK, 0, CLOSES, "EHLO me\r\nQUIT\r\n", "220-one\r\n220-two\r\n220 three\r\n",
	  "250 mail\r\n", "221 bye\r\n")
	T(SMTP, L7OK, 0, CLOSES, "EHLO me\r\nQUIT\r\n", "220\r\n", "250\r\n", "221\r\n")
	T(SMTP, L7OK, 0, CLOSES, "EHLO me\r\nQUIT\r\n", "220 lf only\n", "250 ok\n", "221 bye\n")
	T(SMTP, L7OK, 0, CLOSES, "EHLO me\r\nHELO me\r\nQUIT\r\n", "220 old\r\n", "502 EHLO?\r\n",
	  "250 hello\r\n", "221 bye\r\n")
	T(SMTP, L7STS, 550, CLOSES, "EHLO me\r\nHELO me\r\nQUIT\r\n", "220 old\r\n",
	  "502 EHLO?\r\n", "550 no\r\n", "221 bye\r\n")
	T(SMTP, L7OK, 0, CLOSES, "EHLO me\r\nQUIT\r\n", "220 rude\r\n", "250 ok\r\n")
	T(SMTP, L7TOUT, 0, HANGS, "EHLO me\r\nQUIT\r\n", "220 mute\r\n", "250 ok\r\n")
	T(SMTP, L7STS, 421, CLOSES, "", "421 busy\r\n")
	T(SMTP, L7STS, 554, CLOSES, "QUIT\r\n", "554 no\r\n", "221 bye\r\n")
	T(SMTP, L7STS, 554, HANGS, "QUIT\r\n", "554 no\r\n")
	T(SMTP, L7STS, 421, CLOSES, "EHLO me\r\n", "220 ok\r\n", "421 4.3.2 shutting down\r\n")
	T(SMTP, L7STS, 451, CLOSES, "EHLO me\r\nQUIT\r\n", "220 ok\r\n", "451 later\r\n",
	  "221 bye\r\n")
	T(SMTP, L7STS, 421, CLOSES, "EHLO me\r\nQUIT\r\n", "220 ok\r\n", "250 ok\r\n",
	  "421 too late\r\n")
	T(SMTP, L7RSP, 0, CLOSES, "", "220-a\r\n250 b\r\n")
	T(SMTP, L7RSP, 0, CLOSES, "", "220-a\r\n")
	T(SMTP, L7TOUT, 0, HANGS, "", "220-a\r\n")
	T(SMTP, L7TOUT, 0, HANGS, "", "220 a")
	T(SMTP, L7RSP, 0, CLOSES, "", "250 wrong turn\r\n")
	T(SMTP, L7RSP, 0, CLOSES, "", "2200 x\r\n")
	T(SMTP, L7RSP, 0, CLOSES, "", "22 x\r\n")
	T(SMTP, L7RSP, 0, HANGS, "", "+OK pop\r\n")
	T(SMTP, L7RSP, 0, HANGS, "", "SSH-2.0-x")
	T(SMTP, L7RSP, 0, HANGS, "", "\r\n")
	T(SMTP, L7RSP, 0, CLOSES, "", "")
	T(SMTP, L7TOUT, 0, HANGS, "", "")
	T(SMTP, L7STS, 500, CLOSES, "EHLO me\r\nQUIT\r\n", "220 ok\r\n", "250 ok\r\n",
	  "500 what?\r\n")
	T(IMAP, L7OK, 0, CLOSES, "a LOGOUT\r\n", "* OK [CAPABILITY IMAP4rev1] ready\r\n",
	  "* BYE out\r\na OK done\r\n")
	T(IMAP, L7OK, 0, CLOSES, "a LOGOUT\r\n", "* PREAUTH hello\r\n", "a ok done\r\n")
	T(IMAP, L7OK, 0, CLOSES, "a LOGOUT\r\n", "* OK x\r\n", "* BYE out\r\n")
	T(IMAP, L7TOUT, 0, HANGS, "a LOGOUT\r\n", "* OK x\r\n")
	T(IMAP, L7STS, 0, CLOSES, "", "* BYE overloaded\r\n")
	T(IMAP, L7RSP, 0, CLOSES, "", "* NO x\r\n")
	T(IMAP, L7RSP, 0, HANGS, "", "220 smtp\r\n")
	T(IMAP, L7STS, 0, CLOSES, "a LOGOUT\r\n", "* OK x\r\n", "a BAD what\r\n")
	T(POP3, L7OK, 0, CLOSES, "QUIT\r\n", "+OK ready <1@x>\r\n", "+OK bye\r\n")
	T(POP3, L7STS, 0, CLOSES, "", "-ERR in maintenance\r\n")
	T(POP3, L7RSP, 0, HANGS, "", "* OK imap\r\n")
	T(POP3, L7OK, 0, CLOSES, "QUIT\r\n", "+OK x\r\n")
	T(POP3, L7TOUT, 0, HANGS, "QUIT\r\n", "+OK x\r\n")
	/* clang-format on */
};

/* Sends the text of one turn in pieces and keeps what is not taken, as a run does. */
static void hear(struct dialogue *d, const char *text, size_t piece)
{
	size_t len = strlen(text), have = 0;
	char bytes[512];

	for (size_t at = 0; at < len && !d->over && !d->say.len;) {
		size_t n = at + piece < len ? piece : len - at, used;

		memcpy(bytes + have, text + at, n);
		at += n;
		have += n;
		used = dialogue_feed(d, bytes, have);
		have -= used;
		memmove(bytes, bytes + used, have);
	}
}

static void note_what_we_say(struct dialogue *d, char *said)
{
	strncat(said, d->say.at ? d->say.at : "", d->say.len);
	d->say.len = 0;
}

static void check_talk(const struct talk_case *c, size_t piece)
{
	struct dialogue d;
	char said[512] = "";

	dialogue_start(&d, c->script, "me", NULL, 0);
	for (size_t i = 0; i < TURNS && c->server[i] && !d.over; i++) {
		hear(&d, c->server[i], piece);
		note_what_we_say(&d, said);
	}
	if (c->hangs)
		dialogue_timeout(&d);
	else
		dialogue_closed(&d, "connection closed");
	if (d.outcome.code != c->code)
		print_error("case \"%s\" in pieces of %zu: %s\n", c->server[0], piece,
			    d.outcome.detail);
	assert_true(d.over);
	assert_int_equal(d.outcome.code, c->code);
	assert_int_equal(d.outcome.status, c->status);
	assert_string_equal(said, c->we_say);
}

static void a_dialogue_means_the_same_in_pieces_of_any_size(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(talk_cases); i++)
		for (size_t piece = 1; piece < 60; piece += piece < 8 ? 1 : 11)
			check_talk(&talk_cases[i], piece);
}

static void endless_banners_end_at_64_kb(void **state)
{
	static const char line[] = "220-on and on and on\r\n";
	struct dialogue d;
	size_t bytes = 0;

	dialogue_start(&d, DIALOGUE_SMTP, "me", NULL, 0);
	for (; !d.over && bytes < 1 << 20; bytes += sizeof(line) - 1)
		assert_int_equal(dialogue_feed(&d, line, sizeof(line) - 1), sizeof(line) - 1);
	assert_int_equal(d.outcome.code, CHECK_CODE_L7RSP);
	assert_in_range(bytes, DIALOGUE_TOTAL_MAX, DIALOGUE_TOTAL_MAX + 2 * sizeof(line));
}

static void an_endless_line_ends_at_4_kb(void **state)
{
	char line[DIALOGUE_LINE_MAX];
	struct dialogue d;

	memset(line, '2', sizeof(line));
	dialogue_start(&d, DIALOGUE_SMTP, "me", NULL, 0);
	dialogue_feed(&d, line, sizeof(line) - 1);
	assert_false(d.over);
	dialogue_feed(&d, line, sizeof(line));
	assert_int_equal(d.outcome.code, CHECK_CODE_L7RSP);
}

static void steps_wait_for_their_texts_in_order(void **state)
{
	const struct dialogue_step steps[] = {
		{"hello", "one\n"},
                {"",      "two\n"},
                {"bye",   NULL   }
        };
	char said[64] = "";
	struct dialogue d;

	dialogue_start(&d, DIALOGUE_STEPS, NULL, steps, 3);
	assert_int_equal(d.say.len, 0);
	assert_int_equal(dialogue_feed(&d, "bye hel", 7), 7);
	assert_int_equal(dialogue_feed(&d, "lo bye", 6), 2);
	note_what_we_say(&d, said);
	assert_int_equal(dialogue_feed(&d, "", 0), 0);
	note_what_we_say(&d, said);
	assert_string_equal(said, "one\ntwo\n");
	assert_false(d.over);
	assert_int_equal(dialogue_feed(&d, " bye", 4), 4);
	assert_true(d.over);
	assert_int_equal(d.outcome.code, CHECK_CODE_L7OK);
}

static void a_step_that_only_sends_passes_when_it_is_sent(void **state)
{
	const struct dialogue_step steps[] = {
		{NULL, "hi\n"}
        };
	struct dialogue d;

	dialogue_start(&d, DIALOGUE_STEPS, NULL, steps, 1);
	assert_int_equal(d.say.len, 3);
	assert_false(d.over);
	d.say.len = 0;
	dialogue_feed(&d, "", 0);
	assert_int_equal(d.outcome.code, CHECK_CODE_L7OK);
}

static void a_text_that_never_comes_costs_64_kb_at_most(void **state)
{
	const struct dialogue_step steps[] = {
		{"needle", NULL}
        };
	static char hay[1000];
	struct dialogue d;
	int rounds = 0;

	dialogue_start(&d, DIALOGUE_STEPS, NULL, steps, 1);
	for (; !d.over && rounds < 1000; rounds++)
		dialogue_feed(&d, hay, sizeof(hay));
	assert_int_equal(d.outcome.code, CHECK_CODE_L7RSP);
	assert_int_equal(rounds, 66);
}

static void a_text_is_found_across_pieces_and_false_starts(void **state)
{
	struct match m;

	match_start(&m, "aabaaab");
	assert_int_equal(match_feed(&m, "aabaab", 6), -1);
	assert_int_equal(match_feed(&m, "aaabxx", 6), 4);
	match_start(&m, "");
	assert_int_equal(match_feed(&m, "x", 1), 0);
}

static void what_strangers_say_is_quoted_without_control_characters(void **state)
{
	char text[8];

	dialogue_quote(text, sizeof(text), slice_of("a\033[1m\nb too long"));
	assert_string_equal(text, "a.[1m.b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dialogue_means_the_same_in_pieces_of_any_size),
		cmocka_unit_test(endless_banners_end_at_64_kb),
		cmocka_unit_test(an_endless_line_ends_at_4_kb),
		cmocka_unit_test(steps_wait_for_their_texts_in_order),
		cmocka_unit_test(a_step_that_only_sends_passes_when_it_is_sent),
		cmocka_unit_test(a_text_that_never_comes_costs_64_kb_at_most),
		cmocka_unit_test(a_text_is_found_across_pieces_and_false_starts),
		cmocka_unit_test(what_strangers_say_is_quoted_without_control_characters),
	};

	return cmocka_run_group_tests_name("dialogue", tests, NULL, NULL);
}
