/* SPDX-License-Identifier: GPL-2.0-only */
/* What a model is asked: names, and the checks that come of a service for a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/model.h"

static const struct check_config plain = {.request = "/",
					  .expect = "",
					  .method = "GET",
					  .host = "",
					  .sni = "",
					  .helo = "",
					  .ca = "",
					  .interval = 6000,
					  .fast_interval = 1000,
					  .timeout = 3000,
					  .fall = 2,
					  .rise = 3};

static const struct real_config real = {
	.name = "CAS1", .ip = {{[10] = 0xff, 0xff, 192, 168, 30, 20}}, .weight = 100};

static struct check_config check_of(enum check_type type)
{
	struct check_config c = plain;

	c.type = type;
	return c;
}

static struct service_config service_of(const struct check_config *checks, size_t check_count,
					const struct port_range *ports, size_t port_count)
{
	return (struct service_config){.name = "S",
				       .ports = ports,
				       .port_range_count = port_count,
				       .protocol = IPPROTO_TCP,
				       .checks = checks,
				       .check_count = check_count,
				       .reals = &real,
				       .real_count = 1};
}

static size_t count_specs(const struct service_config *s)
{
	struct check_spec spec;
	size_t count = 0;

	while (service_check_spec(s, &real, count, &spec))
		count++;
	return count;
}

static void a_check_by_the_vip_asks_each_port_by_each_vip_of_its_ip_version(void **state) /* R88 */
{
	static const char *const names[] = {"192.168.30.10", "2001:db8::10", "192.168.30.11"};
	static const struct port_range ports = {143, 144};
	static const struct {
		uint16_t port;
		size_t vip;
	} asked[] = {
		{143, 0},
                {144, 0},
                {143, 2},
                {144, 2},
                {0,   0}
        };
	struct check_config c[] = {check_of(CHECK_CONNECT), check_of(CHECK_PING)};
	struct service_config s = service_of(c, 2, &ports, 1);
	struct addr vips[3];
	struct check_spec spec;

	c[0].via = VIA_VIP;
	for (size_t i = 0; i < 3; i++)
		addr_parse(&vips[i], names[i]);
	s.vips = vips;
	s.vip_count = 3;
	assert_int_equal(service_check_count(&s, &real), ARRAY_COUNT(asked));
	for (size_t i = 0; i < ARRAY_COUNT(asked); i++) {
		assert_true(service_check_spec(&s, &real, i, &spec));
		assert_int_equal(spec.port, asked[i].port);
		assert_true(addr_equal(&spec.addr, &real.ip));
		if (asked[i].port)
			assert_true(addr_equal(&spec.via, &vips[asked[i].vip]));
		else
			assert_true(addr_is_unspecified(&spec.via)); /* the ping */
	}
	assert_false(service_check_spec(&s, &real, ARRAY_COUNT(asked), &spec));
}

static void each_port_of_a_service_is_checked(void **state) /* R46 */
{
	static const struct port_range ports[] = {
		{143,  143 },
                {993,  993 },
                {1000, 1002}
        };
	static const uint16_t asked[] = {143, 993, 1000, 1001, 1002};
	struct check_config c = check_of(CHECK_CONNECT);
	struct service_config s = service_of(&c, 1, ports, 3);
	struct check_spec spec;

	for (size_t i = 0; i < ARRAY_COUNT(asked); i++) {
		assert_true(service_check_spec(&s, &real, i, &spec));
		assert_int_equal(spec.port, asked[i]);
		assert_true(addr_equal(&spec.addr, &real.ip));
	}
	assert_false(service_check_spec(&s, &real, ARRAY_COUNT(asked), &spec));
}

static void several_checks_follow_one_another(void **state) /* R19 */
{
	static const struct port_range ports[] = {
		{143, 143},
                {993, 993}
        };
	struct check_config checks[] = {check_of(CHECK_CONNECT), check_of(CHECK_PING),
					check_of(CHECK_HTTP)};
	static const struct {
		enum check_type type;
		uint16_t port;
	} expected[] = {
		{CHECK_CONNECT, 143 },
                {CHECK_CONNECT, 993 },
                {CHECK_PING,    0   },
                {CHECK_HTTP,    8080}
        };
	struct service_config s;
	struct check_spec spec;

	checks[2].port = 8080;
	s = service_of(checks, 3, ports, 2);
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
		assert_true(service_check_spec(&s, &real, i, &spec));
		assert_int_equal(spec.type, expected[i].type);
		assert_int_equal(spec.port, expected[i].port);
	}
	assert_int_equal(count_specs(&s), ARRAY_COUNT(expected));
}

static void of_a_huge_range_sixteen_ports_are_checked(void **state)
{
	static const struct port_range ports[] = {
		{25,   25   },
                {1000, 65535}
        };
	struct check_config c = check_of(CHECK_CONNECT);
	struct service_config s = service_of(&c, 1, ports, 2);
	struct check_spec spec;

	assert_int_equal(count_specs(&s), 16);
	assert_true(service_check_spec(&s, &real, 15, &spec));
	assert_int_equal(spec.port, 1014);
	c.port = 80;
	assert_int_equal(count_specs(&s), 1);
}

static void on_off_and_ping_ask_no_port(void **state)
{
	static const enum check_type types[] = {CHECK_ON, CHECK_OFF, CHECK_PING};
	static const struct port_range ports[] = {
		{143, 144}
        };

	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		struct check_config c = check_of(types[i]);
		struct service_config s = service_of(&c, 1, ports, 1);
		struct check_spec spec;

		assert_int_equal(count_specs(&s), 1);
		assert_true(service_check_spec(&s, &real, 0, &spec));
		assert_int_equal(spec.port, 0);
	}
}

static void a_request_has_one_leading_slash(void **state) /* R40 */
{
	static const struct {
		const char *request, *sent;
	} cases[] = {
		{"",		     "/"                   },
		{"/",                    "/"                   },
		{"owa/healthcheck.htm",  "/owa/healthcheck.htm"},
		{"/owa/healthcheck.htm", "/owa/healthcheck.htm"},
		{"//x/y",                "/x/y"                },
	};
	static const struct port_range ports[] = {
		{443, 443}
        };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct check_config c = check_of(CHECK_HTTPS);
		struct service_config s = service_of(&c, 1, ports, 1);
		struct check_spec spec;

		c.request = cases[i].request;
		assert_true(service_check_spec(&s, &real, 0, &spec));
		assert_string_equal(spec.request, cases[i].sent);
		assert_string_equal(spec.method, "GET");
	}
}

static void specs_of_equal_checks_are_equal_bytes(void **state)
{
	static const struct port_range ports[] = {
		{443, 443}
        };
	static const struct check_step steps[] = {
		{"220", "QUIT\r\n"}
        };
	struct check_config c = check_of(CHECK_TCP);
	struct service_config s = service_of(&c, 1, ports, 1);
	struct check_spec one, two;

	c.steps = steps;
	c.step_count = 1;
	memset(&one, 0xaa, sizeof(one));
	memset(&two, 0x55, sizeof(two));
	assert_true(service_check_spec(&s, &real, 0, &one));
	assert_true(service_check_spec(&s, &real, 0, &two));
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(one.step_count, 1);
	assert_string_equal(one.steps[0].send, "QUIT\r\n");
	assert_string_equal(one.request, ""); /* only http and https ask for a path */
	assert_int_equal(one.rise, 3);
}

static void services_and_reals_are_found_by_name(void **state)
{
	struct check_config c = check_of(CHECK_ON);
	struct service_config s = service_of(&c, 1, NULL, 0);
	struct model m = {.services = &s, .service_count = 1};

	assert_ptr_equal(model_service(&m, "S"), &s);
	assert_null(model_service(&m, "T"));
	assert_ptr_equal(service_real(&s, "CAS1"), &real);
	assert_null(service_real(&s, "CAS2"));
	model_free(NULL);
}

static void words_are_those_of_the_file(void **state)
{
	char text[12];

	struct service_config s = {.mode = MODE_L7_TCP};
	char source[SOURCE_TEXT_LEN];

	assert_string_equal(mode_name(MODE_L4_DR), "l4-dr");
	assert_string_equal(mode_name(MODE_L7_TCP), "l7-tcp");
	assert_string_equal(proxy_header_name(PROXY_HEADER_OFF), "off");
	assert_string_equal(proxy_header_name(PROXY_HEADER_V2), "v2");
	assert_true(service_is_l7(&s));
	assert_string_equal(service_source_format(&s, source), "auto");
	s.l7.source = PROXY_SOURCE_VIP;
	assert_string_equal(service_source_format(&s, source), "vip");
	s.l7.source = PROXY_SOURCE_ADDRESS;
	s.l7.source_address[0] = s.l7.source_address[1] = real.ip;
	s.l7.source_count = 1;
	assert_string_equal(service_source_format(&s, source), "192.168.30.20");
	s.l7.source_count = 2;
	assert_string_equal(service_source_format(&s, source),
			    "[\"192.168.30.20\", \"192.168.30.20\"]");
	assert_string_equal(scheduler_name(SCHEDULER_WRR), "wrr");
	assert_string_equal(on_down_name(ON_DOWN_AUTO), "auto");
	assert_string_equal(on_down_name(ON_DOWN_KEEP), "keep");
	assert_string_equal(on_down_name(ON_DOWN_RESET), "reset");
	assert_string_equal(protocol_name(IPPROTO_TCP), "tcp");
	assert_string_equal(protocol_name(IPPROTO_UDP), "udp");
	assert_string_equal(port_range_format(&(struct port_range){443, 443}, text), "443");
	assert_string_equal(port_range_format(&(struct port_range){10000, 65535}, text),
			    "10000-65535");
}

static void a_backup_need_only_answer_on_the_ports(void **state)
{
	static const struct real_config backup = {
		.name = "backup", .ip = {{[10] = 0xff, 0xff, 192, 168, 30, 30}}, .backup = true};
	static const struct port_range ports[] = {
		{143, 144}
        };
	struct check_config checks[] = {check_of(CHECK_HTTPS), check_of(CHECK_CONNECT)};
	struct service_config s = service_of(checks, 2, ports, 1);
	struct check_spec spec;

	assert_true(service_check_spec(&s, &backup, 1, &spec));
	assert_int_equal(spec.type, CHECK_CONNECT);
	assert_int_equal(spec.port, 144);
	assert_false(service_check_spec(&s, &backup, 2, &spec));
	checks[0].port = 143; /* the one that says whether the service works */
	assert_true(service_check_spec(&s, &backup, 0, &spec));
	assert_int_equal(spec.port, 143);
	assert_false(service_check_spec(&s, &backup, 1, &spec));
	checks[0].type = CHECK_ON;
	assert_true(service_check_spec(&s, &backup, 0, &spec));
	assert_int_equal(spec.type, CHECK_ON);
}

static void a_real_with_a_port_of_its_own_is_asked_there(void **state) /* R53, R54 */
{
	static const struct real_config own = {
		.name = "CAS1", .ip = {{[10] = 0xff, 0xff, 192, 168, 30, 20}}, .port = 2525};
	static const struct real_config backup = {.name = "backup", .backup = true, .port = 80};
	static const struct port_range ports[] = {
		{143, 143},
                {993, 993}
        };
	struct check_config checks[] = {check_of(CHECK_CONNECT), check_of(CHECK_PING),
					check_of(CHECK_HTTP)};
	static const uint16_t asked[] = {2525, 0, 8080};
	struct service_config s;
	struct check_spec spec;

	checks[2].port = 8080; /* the check's own port comes first */
	s = service_of(checks, 3, ports, 2);
	s.mode = MODE_L7_TCP;
	for (size_t i = 0; i < ARRAY_COUNT(asked); i++) {
		assert_true(service_check_spec(&s, &own, i, &spec));
		assert_int_equal(spec.port, asked[i]);
	}
	assert_false(service_check_spec(&s, &own, ARRAY_COUNT(asked), &spec));
	assert_true(service_check_spec(&s, &backup, 0, &spec));
	assert_int_equal(spec.port, 80);
	assert_false(service_check_spec(&s, &backup, 1, &spec));
	assert_int_equal(count_specs(&s), 4); /* without one: on each port of the service */
}

static void a_real_that_starts_slowly_has_a_share_of_its_weight(void **state) /* R36 */
{
	enum { MINUTE = 60000, SINCE = 5000 };
	static const struct {
		enum scheduler scheduler;
		uint32_t slow_start;
		uint64_t since, after;
		unsigned int percent;
	} cases[] = {
		{SCHEDULER_WRR,    MINUTE, SINCE, 0,      5 },
		{SCHEDULER_WLC,    MINUTE, SINCE, 30000,  55},
		{SCHEDULER_LC,     MINUTE, SINCE, MINUTE, 0 },
		{SCHEDULER_RR,     MINUTE, 0,     0,      0 },
		{SCHEDULER_RR,     0,      SINCE, 0,      0 },
		{SCHEDULER_SH,     MINUTE, SINCE, 0,      0 }, /* who hashes does not ramp */
		{SCHEDULER_MAGLEV, MINUTE, SINCE, 30000,  0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct service_config s = {.scheduler = cases[i].scheduler,
						 .slow_start = cases[i].slow_start};

		assert_int_equal(service_throttle(&s, cases[i].since, SINCE + cases[i].after),
				 cases[i].percent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backup_need_only_answer_on_the_ports),
		cmocka_unit_test(a_real_with_a_port_of_its_own_is_asked_there),
		cmocka_unit_test(a_check_by_the_vip_asks_each_port_by_each_vip_of_its_ip_version),
		cmocka_unit_test(each_port_of_a_service_is_checked),
		cmocka_unit_test(several_checks_follow_one_another),
		cmocka_unit_test(of_a_huge_range_sixteen_ports_are_checked),
		cmocka_unit_test(on_off_and_ping_ask_no_port),
		cmocka_unit_test(a_request_has_one_leading_slash),
		cmocka_unit_test(specs_of_equal_checks_are_equal_bytes),
		cmocka_unit_test(services_and_reals_are_found_by_name),
		cmocka_unit_test(words_are_those_of_the_file),
		cmocka_unit_test(a_real_that_starts_slowly_has_a_share_of_its_weight),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
