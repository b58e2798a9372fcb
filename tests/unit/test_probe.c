/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * F20: servers that misbehave, and the verdict that a mail administrator would give. Every check
 * ends within its timeout and half a second, and leaves neither memory nor descriptors behind.
 */
#include "health/run.h"

#include <dirent.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "health/trust.h"
#include "unit/bad_server.h"

enum {
	PATIENT = 5000, /* ms: for those that answer */
	SHORT = 300,    /* for those that do not */
	GRACE = 500,
	ROUNDS = 3,
	ANY_STATUS = 65535, /* a reset may overtake what was said before it */
};

/* clang-format off */
#define SAY(text)     {ACT_SAY, text}
#define WAIT(text)    {ACT_WAIT, text}
#define SLOWLY(text)  {ACT_SLOWLY, text}
#define ENDLESS(text) {ACT_ENDLESS, text}
#define HANG          {ACT_HANG, NULL}
#define RESET         {ACT_RESET, NULL}
#define CLOSE         {ACT_CLOSE, NULL}
#define ASKED         WAIT("\r\n\r\n")
#define OK            "HTTP/1.1 200 OK\r\n"
#define CHUNKED       "Transfer-Encoding: chunked\r\n\r\n"

/* A check, what it expects and what it must come to; then what the server does. */
#define R(type, layer, timeout, expect, code, status, ...) \
	{CHECK_##type, layer, timeout, expect, CHECK_CODE_##code, status, {__VA_ARGS__}},
/* clang-format on */

enum layer { PLAIN, TLS };

static const struct row {
	enum check_type type;
	enum layer layer; /* what the server speaks */
	uint32_t timeout;
	const char *expect;
	enum check_code code;
	unsigned int status;
	struct act acts[ACTS_MAX];
} rows[] = {
	/* clang-format off */
	/* HTTP: hangs at any byte */
	R(HTTP, PLAIN, SHORT, "", L7TOUT, 0, HANG)
	R(HTTP, PLAIN, SHORT, "", L7TOUT, 0, ASKED, SAY("H"), HANG)
	R(HTTP, PLAIN, SHORT, "", L7TOUT, 0, ASKED, SAY("HTTP/1.1 200 OK"), HANG)
	R(HTTP, PLAIN, SHORT, "", L7TOUT, 0, ASKED, SAY(OK "Content-Le"), HANG)
	R(HTTP, PLAIN, PATIENT, "", L7OK, 200, ASKED, SAY(OK "Content-Length: 9\r\n\r\n"), HANG)
	R(HTTP, PLAIN, SHORT, "CAS1", L7TOUT, 0, ASKED, SAY(OK "Content-Length: 9\r\n\r\nI am C"),
	  HANG)
	R(HTTP, PLAIN, SHORT, "CAS1", L7TOUT, 0, ASKED,
	  SAY(OK CHUNKED "4"), HANG)
	R(HTTP, PLAIN, PATIENT, "CAS1", L7OK, 200, ASKED, SAY(OK "Content-Length: 99\r\n\r\nCAS1"),
	  HANG)
	/* HTTP: closes and resets */
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, CLOSE)
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, RESET)
	R(HTTP, PLAIN, PATIENT, "", L7RSP, ANY_STATUS, ASKED, SAY(OK), RESET)
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, ASKED, SAY("HTTP/1.1 20"))
	R(HTTP, PLAIN, PATIENT, "CAS1", L7RSP, 200, ASKED, SAY(OK "Content-Length: 99\r\n\r\nCAS"))
	/* HTTP: garbage */
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, ASKED, SAY("HTTQ/1.1 200 OK\r\n\r\n"))
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, ASKED, SAY("\001\002\003garbage"), HANG)
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, SAY("220 mail ESMTP\r\n"), HANG)
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, ASKED, SAY("HTTP/1.1 200OK\r\n\r\n"))
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 200, ASKED, SAY(OK "what is this\r\n\r\n"))
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, ASKED, SAY("<html>200 OK</html>"))
	/* HTTP: without end */
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 200, ASKED, SAY(OK),
	  ENDLESS("A: aaaaaaaaaaaaaaaaaaaaaaaa\r\n"))
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 200, ASKED, SAY(OK "A: "),
	  ENDLESS("aaaaaaaaaaaaaaaaaaaaaaaa"))
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, ASKED, SAY("HTTP/1.1 200 "),
	  ENDLESS("aaaaaaaaaaaaaaaaaaaa"))
	R(HTTP, PLAIN, PATIENT, "", L7RSP, 0, ASKED, ENDLESS("HTTP/1.1 100 Continue\r\n\r\n"))
	R(HTTP, PLAIN, PATIENT, "CAS1", L7RSP, 200, ASKED, SAY(OK "\r\n"),
	  ENDLESS("no such server here. "))
	R(HTTP, PLAIN, PATIENT, "CAS1", L7RSP, 200, ASKED,
	  SAY(OK CHUNKED),
	  ENDLESS("1;xxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n"))
	/* HTTP: unusual, and right */
	R(HTTP, PLAIN, PATIENT, "", L7OK, 200, ASKED, SLOWLY(OK "Content-Length: 0\r\n\r\n"), HANG)
	R(HTTP, PLAIN, PATIENT, "", L7OK, 200, ASKED, SAY("HTTP/1.0 200 OK\r\n\r\n"))
	R(HTTP, PLAIN, PATIENT, "", L7OK, 200, ASKED,
	  SAY("HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n"))
	R(HTTP, PLAIN, PATIENT, "CAS1", L7OK, 200, ASKED,
	  SAY(OK CHUNKED "2;a=b\r\nCA\r\n2\r\nS1\r\n0\r\n\r\n"))
	R(HTTP, PLAIN, PATIENT, "200 OK", L7OK, 200, ASKED, SAY(OK "Content-Length: 0\r\n\r\n"))
	/* HTTP: says no */
	R(HTTP, PLAIN, PATIENT, "", L7STS, 503, ASKED,
	  SAY("HTTP/1.1 503 Service Unavailable\r\n\r\n"), HANG)
	R(HTTP, PLAIN, PATIENT, "", L7STS, 404, ASKED, SAY("HTTP/1.1 404 Not Found\r\n"), HANG)
	R(HTTP, PLAIN, PATIENT, "200 OK", L7STS, 500, ASKED, SAY("HTTP/1.1 500 No\r\n\r\n200 OK"),
	  HANG)
	/* SMTP */
	R(SMTP, PLAIN, PATIENT, "", L7OK, 0, SAY("220-one\r\n220-two\r\n220 three\r\n"),
	  WAIT("EHLO"), SAY("250-a\r\n250 b\r\n"), WAIT("QUIT"), SAY("221 bye\r\n"))
	R(SMTP, PLAIN, PATIENT, "", L7OK, 0, SLOWLY("220 slow\r\n"), WAIT("EHLO"),
	  SLOWLY("250 b\r\n"), WAIT("QUIT"), SLOWLY("221 bye\r\n"))
	R(SMTP, PLAIN, PATIENT, "", L7OK, 0, SAY("220 a\r\n"), WAIT("EHLO"), SAY("502 no\r\n"),
	  WAIT("HELO"), SAY("250 b\r\n"), WAIT("QUIT"), SAY("221 bye\r\n"))
	R(SMTP, PLAIN, PATIENT, "", L7OK, 0, SAY("220 a\r\n"), WAIT("EHLO"), SAY("250 b\r\n"),
	  WAIT("QUIT"))
	R(SMTP, PLAIN, SHORT, "", L7TOUT, 0, HANG)
	R(SMTP, PLAIN, SHORT, "", L7TOUT, 0, SAY("220 a"), HANG)
	R(SMTP, PLAIN, SHORT, "", L7TOUT, 0, SAY("220 a\r\n"), HANG)
	R(SMTP, PLAIN, SHORT, "", L7TOUT, 0, SAY("220 a\r\n"), WAIT("EHLO"), SAY("250 b\r\n"),
	  HANG)
	R(SMTP, PLAIN, PATIENT, "", L7STS, 421, SAY("421 4.3.2 Service not active\r\n"))
	R(SMTP, PLAIN, PATIENT, "", L7STS, 554, SAY("554 no\r\n"), WAIT("QUIT"),
	  SAY("221 bye\r\n"))
	R(SMTP, PLAIN, PATIENT, "", L7STS, 421, SAY("220 a\r\n"), WAIT("EHLO"),
	  SAY("421 busy\r\n"))
	R(SMTP, PLAIN, PATIENT, "", L7RSP, 0, CLOSE)
	R(SMTP, PLAIN, PATIENT, "", L7RSP, 0, SAY("220 a\r\n"), WAIT("EHLO"), RESET)
	R(SMTP, PLAIN, PATIENT, "", L7RSP, 0, SAY("* OK imap\r\n"), HANG)
	R(SMTP, PLAIN, PATIENT, "", L7RSP, 0, ENDLESS("220-endless banner\r\n"))
	R(SMTP, PLAIN, PATIENT, "", L7RSP, 0, SAY("220 "), ENDLESS("a line without an end "))
	R(SMTP, PLAIN, PATIENT, "", L7RSP, 0, ENDLESS("\377\376\001"))
	/* IMAP and POP3 */
	R(IMAP, PLAIN, PATIENT, "", L7OK, 0, SAY("* OK ready\r\n"), WAIT("LOGOUT"),
	  SAY("* BYE\r\na OK\r\n"))
	R(IMAP, PLAIN, PATIENT, "", L7STS, 0, SAY("* BYE busy\r\n"))
	R(IMAP, PLAIN, PATIENT, "", L7RSP, 0, SAY("* OK x\r\n"), WAIT("LOGOUT"),
	  ENDLESS("* flood\r\n"))
	R(IMAP, PLAIN, SHORT, "", L7TOUT, 0, SAY("* O"), HANG)
	R(POP3, PLAIN, PATIENT, "", L7OK, 0, SAY("+OK ready\r\n"), WAIT("QUIT"), SAY("+OK\r\n"))
	R(POP3, PLAIN, PATIENT, "", L7STS, 0, SAY("-ERR maintenance\r\n"))
	/* TLS */
	R(HTTPS, TLS, PATIENT, "CAS1", L7OK, 200, ASKED, SAY(OK "\r\nCAS1"))
	R(HTTPS, TLS, PATIENT, "CAS1", L7RSP, 200, ASKED, SAY(OK "\r\nCAS2"))
	R(HTTPS, TLS, SHORT, "", L7TOUT, 0, HANG)
	R(HTTPS, TLS, PATIENT, "", L7STS, 503, ASKED, SAY("HTTP/1.1 503 x\r\n\r\n"), HANG)
	R(HTTPS, TLS, PATIENT, "x", L7RSP, 200, ASKED, SAY(OK "\r\n"),
	  ENDLESS("aaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	R(HTTPS, TLS, PATIENT, "", L7RSP, 0, ASKED, RESET)
	R(HTTPS, PLAIN, SHORT, "", L6TOUT, 0, HANG)
	R(HTTPS, PLAIN, SHORT, "", L6TOUT, 0, SAY("\026\003\003"), HANG)
	R(HTTPS, PLAIN, PATIENT, "", L6RSP, 0, SAY("220 mail ESMTP, no TLS here\r\n"), HANG)
	R(HTTPS, PLAIN, PATIENT, "", L6RSP, 0, RESET)
	R(HTTPS, PLAIN, PATIENT, "", L6RSP, 0, WAIT("\001"), SAY("\025\003\001\000\002\002\050"))
	R(IMAPS, TLS, PATIENT, "", L7OK, 0, SAY("* OK ready\r\n"), WAIT("LOGOUT"),
	  SAY("* BYE\r\na OK\r\n"))
	R(POP3S, TLS, PATIENT, "", L7STS, 0, SAY("-ERR maintenance\r\n"))
	/* connect: it is enough that the kernel answers */
	R(CONNECT, PLAIN, PATIENT, "", L4OK, 0, HANG)
	/* clang-format on */
};

enum { ROWS = ARRAY_COUNT(rows) };

static struct stage {
	struct loop *loop;
	struct trust_store store;
	struct trust *trust;
	struct bad_server server[ROWS];
	struct recipe *recipe[ROWS];
	struct check_outcome outcome[ROWS];
	size_t running;
} stage;

static void run_done(void *arg, const struct check_outcome *o)
{
	*(struct check_outcome *)arg = *o;
	if (!--stage.running)
		loop_stop(stage.loop);
}

static struct check_spec spec_of(const struct row *r, uint16_t port)
{
	struct check_spec spec = {.type = r->type, .port = port, .timeout = r->timeout};

	addr_parse(&spec.addr, "127.0.0.1");
	snprintf(spec.expect, sizeof(spec.expect), "%s", r->expect);
	return spec;
}

/* All rows side by side, once. */
static void run_rows(void)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct run_order order = {
			.loop = stage.loop,
			.context = stage.trust->context,
			.recipe = stage.recipe[i],
			.done = run_done,
			.arg = &stage.outcome[i],
		};

		assert_non_null(run_start(&order));
		stage.running++;
	}
	assert_int_equal(loop_run(stage.loop), 0);
}

static void judge_row(size_t i)
{
	const struct check_outcome *o = &stage.outcome[i];
	char text[64];

	if (o->code != rows[i].code)
		print_error("row %zu (%s): %s: %s\n", i, check_type_name(rows[i].type),
			    check_outcome_format(o, text, sizeof(text)), o->detail);
	assert_int_equal(o->code, rows[i].code);
	if (rows[i].status != ANY_STATUS)
		assert_int_equal(o->status, rows[i].status);
	assert_true(o->duration_usec <= (rows[i].timeout + GRACE) * 1000);
}

static void the_verdict_is_what_a_mail_administrator_would_give(void **state)
{
	run_rows();
	for (size_t i = 0; i < ROWS; i++)
		judge_row(i);
}

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Bytes that malloc has handed out; the sanitizers replace malloc and do not tell. */
static size_t memory(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void nothing_is_left_behind_round_after_round(void **state)
{
	size_t files = open_files(), bytes = memory();

	for (int round = 0; round < ROUNDS; round++) {
		run_rows();
		assert_int_equal(open_files(), files);
	}
	assert_in_range(memory(), 0, bytes + 65536);
}

static void a_refused_connection_is_l4con_at_once(void **state)
{
	struct row row = {.type = CHECK_CONNECT, .timeout = PATIENT, .expect = ""};
	struct bad_server gone;
	struct check_outcome o = {};
	struct check_spec spec;
	struct run_order order = {.loop = stage.loop, .done = run_done, .arg = &o};
	struct recipe *recipe;

	bad_server_start(&gone, rows[0].acts, NULL);
	bad_server_stop(&gone);
	spec = spec_of(&row, gone.port);
	order.recipe = recipe = recipe_new(&spec);
	stage.running = 1;
	assert_non_null(run_start(&order));
	assert_int_equal(loop_run(stage.loop), 0);
	assert_int_equal(o.code, CHECK_CODE_L4CON);
	assert_string_equal(o.detail, "Connection refused");
	recipe_free(recipe);
}

/* The backlog of a listener that never accepts fills up; further SYNs are not answered. */
static void an_unanswered_syn_is_l4tout(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct row row = {.type = CHECK_HTTP, .timeout = SHORT, .expect = ""};
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0), filler = socket(AF_INET, SOCK_STREAM, 0);
	struct check_outcome o = {};
	struct check_spec spec;
	struct run_order order = {.loop = stage.loop, .done = run_done, .arg = &o};
	struct recipe *recipe;

	assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(connect(filler, (struct sockaddr *)&sa, len), 0);
	spec = spec_of(&row, ntohs(sa.sin_port));
	order.recipe = recipe = recipe_new(&spec);
	stage.running = 1;
	assert_non_null(run_start(&order));
	assert_int_equal(loop_run(stage.loop), 0);
	assert_int_equal(o.code, CHECK_CODE_L4TOUT);
	assert_in_range(o.duration_usec, SHORT * 1000, (SHORT + GRACE) * 1000);
	recipe_free(recipe);
	close(filler);
	close(listener);
}

static int open_stage(void **state)
{
	SSL_CTX *ctx = bad_server_context(NULL);
	int err;

	stage.loop = loop_new();
	stage.trust = trust_take(&stage.store, NULL, 0, &err);
	for (size_t i = 0; i < ROWS; i++) {
		struct check_spec spec;

		bad_server_start(&stage.server[i], rows[i].acts, rows[i].layer == TLS ? ctx : NULL);
		spec = spec_of(&rows[i], stage.server[i].port);
		stage.recipe[i] = recipe_new(&spec);
	}
	SSL_CTX_free(ctx);
	return stage.loop && stage.trust ? 0 : -1;
}

static int close_stage(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		bad_server_stop(&stage.server[i]);
		recipe_free(stage.recipe[i]);
	}
	trust_drop(&stage.store, stage.trust);
	loop_free(stage.loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict_is_what_a_mail_administrator_would_give),
		cmocka_unit_test(nothing_is_left_behind_round_after_round),
		cmocka_unit_test(a_refused_connection_is_l4con_at_once),
		cmocka_unit_test(an_unanswered_syn_is_l4tout),
	};

	return cmocka_run_group_tests_name("probe", tests, open_stage, close_stage);
}
