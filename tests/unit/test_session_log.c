/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/session_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char line[SESSION_LOG_MAX];

static struct session_log tcp(void)
{
	struct session_log l = {
		.client_port = 50123,
		.when = 1795342511042,
		.service = "IMAP",
		.backend = "IMAP",
		.real = "CAS1",
		.wait = 0,
		.connect = 3,
		.total = 1900123,
		.bytes = 7788,
		.ended_by = '-',
		.during = '-',
		.all = 4,
		.of_service = 3,
		.of_backend = 2,
		.of_real = 1,
	};

	assert_int_equal(addr_parse(&l.client, "192.168.30.50"), 0);
	return l;
}

static void a_session_in_tcp_mode_reads_as_haproxys_tcplog(void **state)
{
	struct session_log l = tcp();

	size_t len = session_log_write(&l, line);

	assert_int_equal(len, strlen(line));
	assert_string_equal(line, "192.168.30.50:50123 [22/Nov/2026:10:15:11.042] IMAP IMAP/CAS1 "
				  "0/3/1900123 7788 -- 4/3/2/1/0 0/0\n");
}

static void a_request_reads_as_haproxys_httplog(void **state)
{
	struct session_log l = tcp();

	l.http = l.tls = true;
	l.service = "OWA";
	l.backend = "OWA:ews";
	l.request = 12;
	l.response = 34;
	l.total = 50;
	l.status = 200;
	l.retries = 1;
	l.redispatched = true;
	l.backend_queue = 2;
	l.line = slice_of("GET /ews/x HTTP/1.1");
	session_log_write(&l, line);
	assert_string_equal(
		line, "192.168.30.50:50123 [22/Nov/2026:10:15:11.042] OWA~ OWA:ews/CAS1 "
		      "12/0/3/34/50 200 7788 - - ---- 4/3/2/1/+1 0/2 \"GET /ews/x HTTP/1.1\"\n");
}

static void the_date_is_local_time(void **state)
{
	struct session_log l = tcp();

	l.zone = 5 * 3600 + 1800;
	session_log_write(&l, line);
	assert_non_null(strstr(line, " [22/Nov/2026:15:45:11.042] "));
	l.zone = -11 * 3600;
	session_log_write(&l, line);
	assert_non_null(strstr(line, " [21/Nov/2026:23:15:11.042] "));
}

static void what_never_came_about_is_minus_one(void **state)
{
	struct session_log l = tcp();

	l.http = true;
	l.real = NULL;
	l.request = l.wait = l.connect = l.response = -1;
	l.total = 10000;
	l.bytes = 0;
	l.ended_by = 'c';
	l.during = 'R';
	session_log_write(&l, line);
	assert_non_null(strstr(line, " IMAP/<NOSRV> -1/-1/-1/-1/10000 -1 0 - - cR-- "));
	assert_non_null(strstr(line, " \"<BADREQ>\"\n"));
}

static void a_line_holds_no_control_characters_and_no_second_quote(void **state)
{
	struct session_log l = tcp();

	l.http = true;
	l.line = slice_of("GET /\"\r\n\x1b[31m\xff# HTTP/1.1");
	session_log_write(&l, line);
	assert_non_null(strstr(line, "\"GET /#22#0D#0A#1B[31m#FF#23 HTTP/1.1\"\n"));
}

static void a_request_line_that_is_too_long_is_cut(void **state)
{
	static char long_line[8192];
	struct session_log l = tcp();
	size_t len;

	for (size_t step = 0; step < 4; step++) { /* each alignment of an escape to the end */
		memset(long_line, '#', sizeof(long_line));
		memset(long_line, 'x', step);
		l.http = true;
		l.line = (struct slice){long_line, sizeof(long_line)};
		len = session_log_write(&l, line);
		assert_in_range(len, SESSION_LOG_MAX - 32, SESSION_LOG_MAX - 1);
		assert_int_equal(len, strlen(line));
		assert_string_equal(line + len - 2, "\"\n");
	}
}

static void an_ipv6_client_is_written_whole(void **state)
{
	struct session_log l = tcp();

	assert_int_equal(addr_parse(&l.client, "2001:db8::50"), 0);
	session_log_write(&l, line);
	assert_memory_equal(line, "2001:db8::50:50123 [", 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_in_tcp_mode_reads_as_haproxys_tcplog),
		cmocka_unit_test(a_request_reads_as_haproxys_httplog),
		cmocka_unit_test(the_date_is_local_time),
		cmocka_unit_test(what_never_came_about_is_minus_one),
		cmocka_unit_test(a_line_holds_no_control_characters_and_no_second_quote),
		cmocka_unit_test(a_request_line_that_is_too_long_is_cut),
		cmocka_unit_test(an_ipv6_client_is_written_whole),
	};

	return cmocka_run_group_tests_name("session log", tests, NULL, NULL);
}
