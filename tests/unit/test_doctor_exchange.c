/* SPDX-License-Identifier: GPL-2.0-only */
/* Names, certificates and answers of an Exchange service (R25), one thing wrong at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/doctor_exchange.h"

enum { NOW = 1700000000, DAY = 86400 };

struct world {
	struct exchange_facts facts;
	struct exchange_server servers[3];
	struct addr vip;
};

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static void good_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->vip = addr("192.168.30.10");
	assert_true(exchange_names(&w->facts, "mail.example.com"));
	for (int n = 0; n < EXCHANGE_NAMES; n++) {
		w->facts.names[n].addrs[0] = w->vip;
		w->facts.names[n].count = 1;
	}
	for (int i = 0; i < 3; i++) {
		struct exchange_server *s = &w->servers[i];

		*s = (struct exchange_server){.label = i == 0   ? "real CAS/CAS1"
						       : i == 1 ? "real CAS/CAS2"
								: "real CAS/CAS3",
					      .addr = addr("192.168.30.20"),
					      .port = 443};
		for (int n = 0; n < EXCHANGE_NAMES; n++) {
			s->sight[n] = (struct exchange_sight){
				.showed = true, .not_after = NOW + 90 * DAY, .is_for = true};
			strcpy(s->sight[n].fingerprint, "aaaa");
			s->sight[n].outcome.status = n == EXCHANGE_MAIL ? 200 : 401;
		}
	}
	w->facts.now = NOW;
	w->facts.vips = &w->vip;
	w->facts.vip_count = 1;
	w->facts.servers = w->servers;
	w->facts.server_count = 3;
}

static void unresolved(struct world *w)
{
	w->facts.names[EXCHANGE_AUTODISCOVER].count = 0;
	w->facts.names[EXCHANGE_AUTODISCOVER].error = "Name or service not known";
}

static void elsewhere(struct world *w)
{
	w->facts.names[0].addrs[0] = addr("192.168.30.20");
}

static void beside(struct world *w)
{
	w->facts.names[0].addrs[1] = addr("192.168.30.20");
	w->facts.names[0].count = 2;
}

static void no_service(struct world *w)
{
	w->facts.vip_count = 0;
	w->facts.names[0].addrs[0] = w->facts.names[1].addrs[0] = w->vip;
}

static void silent(struct world *w)
{
	memset(w->servers[1].sight, 0, sizeof(w->servers[1].sight));
	w->servers[1].sight[0].outcome.code = CHECK_CODE_L4TOUT;
}

static void differs(struct world *w)
{
	strcpy(w->servers[2].sight[0].fingerprint, "bbbb");
}

static void vip_differs(struct world *w)
{
	differs(w);
	w->servers[2].is_vip = true;
}

static void not_for_it(struct world *w)
{
	w->servers[0].sight[1].is_for = false;
}
static void soon(struct world *w)
{
	w->servers[0].sight[0].not_after = NOW + 29 * DAY;
}
static void expired(struct world *w)
{
	w->servers[0].sight[0].not_after = NOW - 2 * DAY;
}
static void in_time(struct world *w)
{
	w->servers[0].sight[0].not_after = NOW + 30 * DAY;
}
static void not_found(struct world *w)
{
	w->servers[1].sight[1].outcome.status = 404;
}
static void found(struct world *w)
{
	w->servers[1].sight[1].outcome.status = 200;
}
static void nothing(struct world *w)
{
}

static const struct {
	const char *name;
	void (*change)(struct world *w);
	size_t count;
	enum finding_severity severity;
	const char *about, *seen;
} cases[] = {
	{"all is well",                     nothing,     0, FINDING_ERROR,   "",                         ""                     },
	{"a name does not resolve",         unresolved,  1, FINDING_ERROR,   "autodiscover.example.com",
	 "does not resolve: Name or service not known"									  },
	{"a name leads past us",            elsewhere,   1, FINDING_ERROR,   "mail.example.com",
	 "192.168.30.20, which is no VIP"										       },
	{"one of its addresses does",       beside,      1, FINDING_ERROR,   "mail.example.com",
	 "192.168.30.20"													},
	{"no service has port 443",         no_service,  3, FINDING_ERROR,   "configuration",            "port 443"             },
	{"a real is silent",                silent,      1, FINDING_ERROR,   "CAS2",                     "L4TOUT"               },
	{"a real's certificate differs",    differs,     1, FINDING_ERROR,   "CAS3",                     "another certificate"  },
	{"a VIP's may",                     vip_differs, 0, FINDING_ERROR,   "",                         ""                     },
	{"not for autodiscover",            not_for_it,  1, FINDING_ERROR,   "CAS1",                     "not for autodiscover."},
	{"expires soon",                    soon,        1, FINDING_WARNING, "CAS1",                     "expires in 29 days"   },
	{"expired",			 expired,     1, FINDING_ERROR,   "CAS1",                     "expired 2 days ago"   },
	{"expires in time",                 in_time,     0, FINDING_ERROR,   "",                         ""                     },
	{"no autodiscover",                 not_found,   1, FINDING_ERROR,   "CAS2",                     "autodiscover.xml"     },
	{"autodiscover without asking who", found,       0, FINDING_ERROR,   "",                         ""                     },
};

static void one_thing_that_is_wrong_is_one_finding(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct findings got = {};
		struct buf text = {};
		struct world w;

		good_world(&w);
		cases[i].change(&w);
		exchange_examine(&w.facts, &got);
		findings_write(&got, &text);
		if (got.count != cases[i].count ||
		    (got.count && (got.at[0].severity != cases[i].severity ||
				   !strstr(got.at[0].about, cases[i].about) ||
				   !strstr(got.at[0].seen, cases[i].seen))))
			fail_msg("%s:\n%s", cases[i].name, buf_text(&text));
		buf_free(&text);
		findings_free(&got);
	}
}

static void the_two_names_come_from_one(void **state)
{
	static const char *const wrong[] = {"",       "mail",       ".example.com", "a..b",
					    "a b.de", "a.example.", "-x.de",        "a;b.de"};
	struct exchange_facts f;

	assert_true(exchange_names(&f, "mail.example.com"));
	assert_string_equal(f.names[EXCHANGE_AUTODISCOVER].name, "autodiscover.example.com");
	assert_true(exchange_names(&f, "example.com"));
	assert_string_equal(f.names[EXCHANGE_MAIL].name, "example.com");
	assert_string_equal(f.names[EXCHANGE_AUTODISCOVER].name, "autodiscover.example.com");
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(exchange_names(&f, wrong[i]));
}

static const char config[] =
	"version: 1\n"
	"node: {interfaces: [eth0]}\n"
	"services:\n"
	"  web: {mode: l4-dr, vip: 192.168.30.10, ports: [443], backup: {ip: 10.0.0.9},\n"
	"        reals: {a: {ip: 10.0.0.1}, b: {ip: 10.0.0.2}}}\n"
	"  smtp: {mode: l4-dr, vip: 192.168.30.10, ports: [25], reals: {a: {ip: 10.0.0.3}}}\n"
	"  pass: {mode: l7-tcp, vip: 192.168.30.12, ports: [443],\n"
	"         reals: {a: {ip: 10.0.0.1, port: 443}, c: {ip: 10.0.0.4, port: 8443}}}\n"
	"  some: {mode: l7-tcp, vip: 192.168.30.13, ports: [443], allow_from: 10.9.0.0/16,\n"
	"         reals: {a: {ip: 10.0.0.1, port: 443}}}\n";

static void servers_are_those_that_show_a_certificate_on_443(void **state)
{
	static const char *const expect[] = {"real web/a", "real web/b", "VIP 192.168.30.12",
					     "real pass/c"};
	const struct config_input in = {
		.file = "t", .text = config, .len = sizeof(config) - 1, .host_name = "lb1"};
	struct exchange_facts f = {}, away = {};
	struct findings found = {};
	struct buf messages = {};
	struct model *m = config_read(&in, &messages);
	struct arena *a = arena_new();

	assert_non_null(m);
	(void)exchange_servers(&f, m, false, a);
	assert_int_equal(f.server_count, ARRAY_COUNT(expect));
	for (size_t i = 0; i < f.server_count; i++)
		assert_string_equal(f.servers[i].label, expect[i]);
	assert_int_equal(f.servers[3].port, 8443);
	assert_int_equal(f.vip_count, 3);
	assert_true(exchange_names(&f, "mail.example.com"));
	exchange_examine(&f, &found);
	assert_int_equal(found.note_count, 2); /* of the VIPs that are not among them */
	assert_non_null(strstr(found.notes[0], "VIP 192.168.30.10 was not asked"));
	assert_non_null(strstr(found.notes[0], "lbxdp doctor exchange mail.example.com -c"));
	assert_non_null(strstr(found.notes[1], "VIP 192.168.30.13 was not asked"));
	findings_free(&found);
	(void)exchange_servers(&away, m, true, a);
	assert_int_equal(away.server_count, ARRAY_COUNT(expect) + 2);
	assert_string_equal(away.servers[0].label, "VIP 192.168.30.10");
	assert_string_equal(away.servers[5].label, "VIP 192.168.30.13"); /* which has a list */
	exchange_examine(&away, &found);
	assert_int_equal(found.note_count, 0);
	findings_free(&found);
	arena_free(a);
	model_free(m);
	buf_free(&messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thing_that_is_wrong_is_one_finding),
		cmocka_unit_test(the_two_names_come_from_one),
		cmocka_unit_test(servers_are_those_that_show_a_certificate_on_443),
	};

	return cmocka_run_group_tests_name("doctor_exchange", tests, NULL, NULL);
}
