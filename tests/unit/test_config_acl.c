/* SPDX-License-Identifier: GPL-2.0-only */
/* allow_from and deny_from: each way to write them, each mistake at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/prefix.h"

#define HEAD "node: {interfaces: [eth0]}\nservices:\n  S:\n"
#define REST "    vip: 192.168.30.10\n    ports: 443\n    reals: {A: {ip: 192.168.30.20}}\n"
#define L7   "    mode: l7-tcp\n"

static struct model *read_text(const char *text, struct buf *messages)
{
	struct config_input in = {
		.file = "f", .text = text, .len = strlen(text), .host_name = "lb1"};

	return config_read(&in, messages);
}

static struct model *must_read(const char *text)
{
	struct buf messages = {};
	struct model *m = read_text(text, &messages);

	if (!m)
		print_error("%s%s", text, buf_text(&messages));
	assert_non_null(m);
	buf_free(&messages);
	return m;
}

static void expect_said(const char *keys, const char *said)
{
	struct buf text = {}, messages = {};
	struct model *m;

	buf_printf(&text, "%s%s%s", HEAD, keys, REST);
	m = read_text(buf_text(&text), &messages);
	assert_string_equal(buf_text(&messages), said);
	assert_int_equal(!m, strstr(said, " error: ") != NULL);
	model_free(m);
	buf_free(&messages);
	buf_free(&text);
}

static const char *prefixes_text(const struct acl_prefixes *p)
{
	static char all[512];
	char text[PREFIX_TEXT_LEN];

	*all = '\0';
	for (size_t i = 0; i < p->count; i++)
		sprintf(all + strlen(all), "%s%s", i ? " " : "", prefix_format(&p->at[i], text));
	return all;
}

static const struct {
	const char *value, *prefixes;
} ways[] = {
	{"192.168.30.50",						    "192.168.30.50"},
	{"192.168.30.0/24",								  "192.168.30.0/24"},
	{"[192.168.30.0/24, 10.0.0.0/8]","192.168.30.0/24 10.0.0.0/8"},
	{"192.168.30.50-192.168.30.60",
	 "192.168.30.50/31 192.168.30.52/30 192.168.30.56/30 192.168.30.60"},
	{"[\"fd00:30::50\", 10.0.0.1-10.0.0.2]",								  "fd00:30::50 10.0.0.1 10.0.0.2"},
	{"\"fd00::/8\"", "fd00::/8"},
	{"\"fd00::-fd00::f\"",                             "fd00::/124"},
	{"0.0.0.0/0",								  "0.0.0.0/0"},
	{"\"::/0\"",							"::/0"},
	{"none",					       ""},
	{
         "off",								  "",
	 },
};

static void every_way_to_write_a_list_is_read(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(ways); i++)
		for (int l7 = 0; l7 < 2; l7++) {
			struct buf text = {};
			struct model *m;
			const struct service_config *s;

			buf_printf(&text, "%s%s    allow_from: %s\n    deny_from: %s\n%s", HEAD,
				   l7 ? L7 : "", ways[i].value, ways[i].value, REST);
			m = must_read(buf_text(&text));
			s = &m->services[0];
			assert_string_equal(prefixes_text(&s->allow_from), ways[i].prefixes);
			assert_string_equal(prefixes_text(&s->deny_from), ways[i].prefixes);
			assert_int_equal(s->acl != NULL, *ways[i].prefixes != '\0');
			model_free(m);
			buf_free(&text);
		}
}

#define SHAPE                                                                                      \
	" is not an address, a network (192.168.30.0/24) or a range "                              \
	"(192.168.30.50-192.168.30.60)\n"

static const struct {
	const char *keys, *said;
} mistakes[] = {
	{"    allow_from: 192.168.30.50/24\n",
	 "f:4:17: error: services.S.allow_from: '192.168.30.50/24' has bits behind its length "
	 "(did you mean 192.168.30.0/24?)\n"										     },
	{"    allow_from: [10.0.0.1, \"fd00::1/64\"]\n",
	 "f:4:28: error: services.S.allow_from[1]: 'fd00::1/64' has bits behind its length (did "
	 "you mean fd00::/64?)\n"												},
	{"    deny_from: 10.0.0.9-10.0.0.1\n",
	 "f:4:16: error: services.S.deny_from: '10.0.0.9-10.0.0.1' is a range that ends before it "
	 "begins\n"													      },
	{"    deny_from: '10.0.0.9-fd00::1'\n",
	 "f:4:16: error: services.S.deny_from: '10.0.0.9-fd00::1' is a range from one address "
	 "family to the other\n"												 },
	{"    deny_from: '::1-2::'\n",
	 "f:4:16: error: services.S.deny_from: '::1-2::' is a range over ::ffff:0:0/96, which "
	 "stands for IPv4 (split it there)\n"										    },
	{"    allow_from: 192.168.30.50-60\n",
	 "f:4:17: error: services.S.allow_from: '192.168.30.50-60' is a range whose end is not a "
	 "whole address (like 192.168.30.50-192.168.30.60)\n"								    },
	{"    allow_from: 10.0.0.0/33\n",
	 "f:4:17: error: services.S.allow_from: '10.0.0.0/33' has a length above 32\n"                                           },
	{"    allow_from: 'fd00::/129'\n",
	 "f:4:17: error: services.S.allow_from: 'fd00::/129' has a length above 128\n"                                           },
	{"    allow_from: mail.example.com\n",
	 "f:4:17: error: services.S.allow_from: 'mail.example.com'" SHAPE                                                        },
	{"    allow_from: 10.0.0.0/\n",                                 "f:4:17: error: services.S.allow_from: '10.0.0.0/'" SHAPE},
	{"    allow_from: 10.0.0.0/08\n",
	 "f:4:17: error: services.S.allow_from: '10.0.0.0/08'" SHAPE                                                             },
	{"    allow_from: -\n",
	 "f:4:17: error: not YAML: block sequence entries are not allowed in "
	 "this context\n"													},
	{"    allow_from: []\n",
	 "f:4:17: error: services.S.allow_from: the list is empty (none: no limit)\n"                                            },
	{"    allow_from: {a: b}\n",
	 "f:4:17: error: services.S.allow_from: one value belongs here, not a map\n"                                             },
	{"    allow_from:\n",
	 "f:4:16: error: services.S.allow_from: has no value (leave the key away for its "
	 "default)\n"													    },
	{"    allow_from: [10.0.0.0/8]\n    deny_from: [10.0.0.0/8]\n",
	 "f:4:17: warning: services.S.allow_from: no IPv4 address is allowed: nobody can use "
	 "192.168.30.10\n"												       },
	{"    deny_from: 0.0.0.0/0\n",
	 "f:4:16: warning: services.S.deny_from: no IPv4 address is allowed: nobody can use "
	 "192.168.30.10\n"												       },
	{"    allow_from: '2001:db8::/32'\n",
	 "f:4:17: warning: services.S.allow_from: no IPv4 address is allowed: nobody can use "
	 "192.168.30.10\n"												       },
};

static void every_mistake_is_said_at_its_place(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(mistakes); i++)
		expect_said(mistakes[i].keys, mistakes[i].said);
}

static void the_same_prefix_may_stand_in_both_lists(void **state) /* R85 */
{
	expect_said("    allow_from: [10.0.0.0/8, 10.1.0.0/16]\n    deny_from: [10.1.0.0/16]\n",
		    "");
}

static void what_is_printed_reads_back_as_the_same_list(void **state)
{
	struct model *m = must_read(HEAD "    allow_from: [10.0.0.5-10.0.0.9, \"fd00::/8\"]\n"
					 "    deny_from: \"fd00::1\"\n" REST);
	struct model *again;
	struct buf out = {};

	config_print(m, &out);
	assert_non_null(strstr(buf_text(&out), "allow_from: [10.0.0.5, 10.0.0.6/31, 10.0.0.8/31, "
					       "\"fd00::/8\"]\n    deny_from: [\"fd00::1\"]\n"));
	again = must_read(buf_text(&out));
	assert_memory_equal(m->services[0].acl, again->services[0].acl,
			    acl_size(m->services[0].acl));
	buf_free(&out);
	model_free(m);
	model_free(again);
}

static void write_list(struct buf *out, const char *key, unsigned int from, unsigned int count)
{
	buf_printf(out, "    %s:\n", key);
	for (unsigned int i = from; i < from + count; i++)
		buf_printf(out, "      - %u.%u.%u.0/24\n", 10 + i / 65536, i / 256 % 256, i % 256);
}

/* How the lists end: with count prefixes of each, what is said. */
static void expect_long(unsigned int allow, unsigned int deny, const char *said)
{
	struct buf text = {}, messages = {};
	struct model *m;

	buf_puts(&text, HEAD REST);
	write_list(&text, "allow_from", 0, allow);
	if (deny)
		write_list(&text, "deny_from", allow, deny);
	m = read_text(buf_text(&text), &messages);
	assert_string_equal(buf_text(&messages), said);
	if (m)
		assert_int_equal(m->services[0].acl->count, allow + deny + 2);
	model_free(m);
	buf_free(&messages);
	buf_free(&text);
}

static void a_hundred_thousand_prefixes_are_read_and_one_more_is_refused(void **state)
{
	expect_long(100000, 0, "");
	expect_long(60000, 40000, "");
	expect_long(
		100001, 0,
		"f:8:7: error: services.S.allow_from: more than 100000 prefixes (a range counts "
		"as the networks it is made of)\n");
	expect_long(60000, 40001,
		    "f:60009:7: error: services.S.deny_from: 100001 prefixes with those of "
		    "allow_from; a service has at most 100000\n");
}

/* 500 ranges of 222 networks each. */
static void a_range_counts_as_what_it_is_made_of(void **state)
{
	struct buf text = {}, messages = {};

	buf_puts(&text, HEAD REST "    allow_from:\n");
	for (unsigned int i = 0x2000; i < 0x2000 + 500; i++)
		buf_printf(&text, "      - \"%x::1-%x:ffff:ffff:ffff:ffff:ffff:ffff:fffe\"\n", i,
			   i);
	assert_null(read_text(buf_text(&text), &messages));
	assert_non_null(strstr(buf_text(&messages), "more than 100000 prefixes"));
	buf_free(&messages);
	buf_free(&text);
}

/* 11 services of 450 ranges of 222 networks each. */
static void more_prefixes_than_the_map_holds_twice_are_refused(void **state)
{
	struct buf text = {}, messages = {};

	buf_puts(&text, "node: {interfaces: [eth0]}\nservices:\n");
	for (unsigned int s = 0; s < 11; s++) {
		buf_printf(&text, "  S%u:\n    vip: 192.168.30.%u\n    ports: 443\n", s, 100 + s);
		buf_puts(&text, "    reals: {A: {ip: 192.168.30.20}}\n    deny_from:\n");
		for (unsigned int i = 0x2000; i < 0x2000 + 450; i++)
			buf_printf(&text,
				   "      - \"%x::1-%x:ffff:ffff:ffff:ffff:ffff:ffff:fffe\"\n", i,
				   i);
	}
	assert_null(read_text(buf_text(&text), &messages));
	assert_string_equal(
		buf_text(&messages),
		"f:3:3: error: services: 1098922 prefixes of allow_from and deny_from in "
		"all; this version holds 1048576\n");
	buf_free(&messages);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_write_a_list_is_read),
		cmocka_unit_test(every_mistake_is_said_at_its_place),
		cmocka_unit_test(the_same_prefix_may_stand_in_both_lists),
		cmocka_unit_test(what_is_printed_reads_back_as_the_same_list),
		cmocka_unit_test(a_hundred_thousand_prefixes_are_read_and_one_more_is_refused),
		cmocka_unit_test(a_range_counts_as_what_it_is_made_of),
		cmocka_unit_test(more_prefixes_than_the_map_holds_twice_are_refused),
	};

	return cmocka_run_group_tests_name("config_acl", tests, NULL, NULL);
}
