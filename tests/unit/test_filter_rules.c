/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of nft and iptables: which name a VIP of Direct Routing, and which are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/filter_rules.h"

static const char config[] =
	"version: 1\n"
	"node: {interfaces: [eth0]}\n"
	"services:\n"
	"  web: {mode: l4-dr, vip: 192.168.30.10, ports: [80, 443], reals: {a: {ip: 10.0.0.1}}}\n"
	"  mail: {mode: l7-tcp, vip: 192.168.30.10, ports: [25], reals: {a: {ip: 10.0.0.1}}}\n"
	"  seven: {mode: l7-tcp, vip: 192.168.30.12, ports: [80], reals: {a: {ip: 10.0.0.1}}}\n"
	"  six: {mode: l4-dr, vip: 2001:db8::10, ports: [443], reals: {a: {ip: 2001:db8::1}}}\n";

static struct model *model;

static int read_config(void **state)
{
	const struct config_input in = {
		.file = "t", .text = config, .len = sizeof(config) - 1, .host_name = "lb1"};
	struct buf messages = {};

	model = config_read(&in, &messages);
	assert_string_equal(buf_text(&messages), "");
	buf_free(&messages);
	return 0;
}

static int drop_config(void **state)
{
	model_free(model);
	return 0;
}

/* The findings of one rule in a chain of nft's, or in a table of iptables'. */
static struct findings judge(const char *rule)
{
	struct findings found = {};
	struct buf text = {};

	if (*rule == '-')
		buf_printf(&text, "# Generated\n*filter\n:INPUT ACCEPT [0:0]\n%s\nCOMMIT\n", rule);
	else
		buf_printf(&text,
			   "table inet guard { # handle 7\n\tchain input { # handle 1\n"
			   "\t\ttype filter hook input priority 0; policy accept;\n"
			   "\t\t%s # handle 4\n\t}\n}\n",
			   rule);
	filter_rules_examine(buf_text(&text), model, &found);
	buf_free(&text);
	return found;
}

static void each_rule_is_told_of_or_left_alone(void **state)
{
	static const struct {
		const char *rule;
		bool told;
	} cases[] = {
		{"ip daddr 192.168.30.10 drop",                                          true },
		{"ip daddr 192.168.30.10 tcp dport 443 accept",                          true },
		{"ip daddr 192.168.30.10 tcp dport { 25, 80-90 } accept",                true },
		{"ip daddr { 10.0.0.1, 192.168.30.10 } drop",                            true },
		{"ip daddr 192.168.30.0/24 drop",                                        true },
		{"ip daddr 192.168.30.5-192.168.30.15 drop",                             true },
		{"ip6 daddr 2001:db8::10 drop",                                          true },
		{"ip6 daddr 2001:db8::/120 drop",                                        true },
		{"ip daddr 192.168.30.10 tcp dport != 25 drop",                          true },
		{"ip daddr 192.168.30.10 tcp dport @ports drop",                         true },
		{"ip daddr 192.168.30.10 tcp dport 25 drop",                             false}, /* R24 */
		{"ip daddr 192.168.30.10 tcp dport { 25, 1000-1010 } drop",              false},
		{"ip daddr 192.168.30.12 drop",                                          false}, /* R87 */
		{"ip daddr 192.168.30.11 drop",                                          false},
		{"ip daddr 192.168.30.16/28 drop",                                       false},
		{"ip daddr 192.168.30.5-192.168.30.9 drop",                              false},
		{"ip daddr 192.168.0.0/16 accept",                                       false},
		{"ip daddr 192.168.30.0/129 accept",                                     false},
		{"ip6 daddr 2001:db8::/64 accept",                                       false},
		{"ip6 daddr 2001:db8::100 accept",                                       false},
		{"tcp dport 80 drop",						    false},
		{"-A INPUT -d 192.168.30.10/32 -p tcp -m tcp --dport 80 -j DROP",        true },
		{"-A INPUT -d 192.168.30.10/32 -p tcp -m tcp ! --dport 80 -j DROP",      true },
		{"-A INPUT -d 192.168.30.10/32 -m multiport --dports 25,443 -j DROP",    true },
		{"-A INPUT -d 192.168.30.10/32 -m multiport --dports 25,5:70 -j DROP",   false},
		{"-A INPUT -m iprange --dst-range 192.168.30.9-192.168.30.11 -j ACCEPT", true },
		{"-A INPUT -s 192.168.30.50/32 -d 192.168.30.12/32 -j ACCEPT",           false},
		{"-A INPUT -j ACCEPT",						   false},
		{"-A",								   false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct findings found = judge(cases[i].rule);

		if (found.count != cases[i].told)
			fail_msg("%s: %zu findings", cases[i].rule, found.count);
		findings_free(&found);
	}
}

static void a_finding_names_table_chain_rule_vip_and_service(void **state)
{
	struct findings found = judge("ip daddr 192.168.30.10 tcp dport 80 drop");

	assert_int_equal(found.count, 1);
	assert_string_equal(found.at[0].about, "nftables table inet guard, chain input");
	assert_string_equal(found.at[0].seen,
			    "\"ip daddr 192.168.30.10 tcp dport 80 drop # handle 4\" names VIP "
			    "192.168.30.10 of service web");
	assert_non_null(strstr(found.at[0].why, "XDP"));
	assert_non_null(strstr(found.at[0].type, "deny_from of service web"));
	findings_free(&found);
	found = judge("-A INPUT -d 192.168.30.10/32 -j DROP");
	assert_int_equal(found.count, 1);
	assert_string_equal(found.at[0].about, "iptables table filter, INPUT");
	findings_free(&found);
}

static void elements_of_sets_are_looked_at_on_each_of_their_lines(void **state)
{
	static const char text[] = "table ip guard {\n\tset no {\n\t\ttype ipv4_addr\n"
				   "\t\telements = { 10.0.0.1,\n\t\t\t     192.168.30.10 }\n\t}\n"
				   "\tcounter 192.168.30.10 {\n\t}\n}\n"
				   "192.168.30.10\n";
	struct findings found = {};

	filter_rules_examine(text, model, &found);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.at[0].about, "nftables table ip guard, set no");
	findings_free(&found);
}

static void a_long_rule_is_cut_and_both_tools_may_follow_one_another(void **state)
{
	struct findings found = {};
	struct buf text = {};

	buf_puts(&text, "table ip a {\n\tchain b {\n\t\tip daddr 192.168.30.10 comment \"");
	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "x");
	buf_puts(&text, "\"\n\t}\n}\n*raw\n-A PREROUTING -d 192.168.30.10/32 -j NOTRACK\nCOMMIT");
	filter_rules_examine(buf_text(&text), model, &found);
	assert_int_equal(found.count, 2);
	assert_non_null(strstr(found.at[0].seen, "xxx...\""));
	assert_true(strlen(found.at[0].seen) < 300);
	assert_string_equal(found.at[1].about, "iptables table raw, PREROUTING");
	findings_free(&found);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_told_of_or_left_alone),
		cmocka_unit_test(a_finding_names_table_chain_rule_vip_and_service),
		cmocka_unit_test(elements_of_sets_are_looked_at_on_each_of_their_lines),
		cmocka_unit_test(a_long_rule_is_cut_and_both_tools_may_follow_one_another),
	};

	return cmocka_run_group_tests_name("filter_rules", tests, read_config, drop_config);
}
