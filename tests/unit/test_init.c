/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp init` and `lbxdp real-script`: what they write, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cli/init.h"
#include "cli/real_script.h"
#include "core/config.h"

static struct model *read_text(const char *text)
{
	struct config_input in = {.file = "f", .text = text, .len = strlen(text)};
	struct buf messages = {0};
	struct model *m = config_read(&in, &messages);

	assert_string_equal(buf_text(&messages), "");
	buf_free(&messages);
	return m;
}

static void what_init_writes_is_a_configuration(void **state) /* R16 */
{
	struct init_answers a = {
		.vip = "192.168.30.10",
		.interface = "eth0",
		.reals = {{"CAS1", "192.168.30.20"}, {"CAS2", "192.168.30.21"}},
		.real_count = 2
        };
	struct buf out = {0};
	struct model *m;

	init_write(&a, &out);
	m = read_text(buf_text(&out));
	assert_non_null(m);
	assert_int_equal(m->service_count, 2);
	assert_string_equal(m->services[0].name, "CAS-HTTPS");
	assert_int_equal(m->services[0].checks[0].type, CHECK_HTTPS);
	assert_string_equal(m->services[0].checks[0].expect, "200 OK");
	assert_string_equal(m->services[1].name, "CAS-SMTP");
	assert_int_equal(m->services[1].checks[0].type, CHECK_SMTP);
	assert_string_equal(m->services[1].reals[1].name, "CAS2");
	model_free(m);
	buf_free(&out);
}

static void init_writes_the_guides_layer_7_services(void **state) /* R49-R54 */
{
	struct init_answers a = {
		.vip = "192.168.30.10",
		.interface = "eth0",
		.mode = MODE_L7_TCP,
		.imap = true,
		.reals = {{"CAS1", "192.168.30.20"}, {"CAS2", "192.168.30.21"}},
		.real_count = 2
        };
	static const uint16_t ports[] = {443, 0, 25};
	struct buf out = {0};
	struct model *m;

	init_write(&a, &out);
	m = read_text(buf_text(&out));
	assert_non_null(m);
	assert_int_equal(m->service_count, ARRAY_COUNT(ports));
	for (size_t i = 0; i < ARRAY_COUNT(ports); i++) {
		assert_int_equal(m->services[i].mode, MODE_L7_TCP);
		assert_int_equal(m->services[i].reals[1].port, ports[i]);
		assert_int_equal(m->services[i].l7.client, 30 * 60 * 1000);
	}
	assert_null(strstr(buf_text(&out), "real-script"));
	model_free(m);
	buf_free(&out);
}

/* R20, R52, R53, R55, R90 */
static void init_writes_tls_routes_and_the_redirect_for_http_mode(void **state)
{
	struct init_answers a = {
		.vip = "192.168.30.10",
		.interface = "eth0",
		.mode = MODE_L7_HTTP,
		.certificate = "/etc/lbxdp/my mail.pem",
		.pop3 = true,
		.reals = {{"CAS1", "192.168.30.20"}, {"CAS2", "192.168.30.21"}},
		.real_count = 2
        };
	static const enum service_mode modes[] = {MODE_L7_HTTP, MODE_L7_TCP, MODE_L7_TCP,
						  MODE_L7_HTTP};
	const struct service_config *web, *ews;
	struct buf out = {0};
	struct model *m;

	init_write(&a, &out);
	m = read_text(buf_text(&out));
	assert_non_null(m);
	web = model_service(m, "CAS-HTTPS");
	ews = model_service(m, "CAS-HTTPS:ews");
	assert_non_null(web);
	assert_non_null(ews);
	assert_string_equal(web->l7.tls.certificates[0].path, "/etc/lbxdp/my mail.pem");
	assert_string_equal(web->l7.redirect_root, "/owa/");
	assert_int_equal(web->l7.request_buffer, 51200);
	assert_int_equal(web->l7.server, 30 * 60 * 1000);
	assert_int_equal(web->l7.route_count, 7);
	assert_string_equal(ews->checks[0].request, "ews/healthcheck.htm");
	assert_true(ews->reals[1].reencrypt);
	assert_non_null(model_service(m, "CAS-HTTPS:activesync"));
	for (size_t i = 0, n = 0; i < m->service_count; i++)
		if (!strchr(m->services[i].name, ':'))
			assert_int_equal(m->services[i].mode, modes[n++]);
	assert_true(service_is_redirect(model_service(m, "HTTP-redirect")));
	model_free(m);
	buf_free(&out);
}

static void init_quotes_what_yaml_would_misread(void **state)
{
	struct init_answers a = {.vip = "2001:db8::",
				 .interface = "br-lan.7",
				 .helo = "lb1.example.com",
				 .imap = true,
				 .pop3 = true,
				 .reals = {{"mail: \"one\" #1", "2001:db8::1"}},
				 .real_count = 1};
	struct buf out = {0};
	struct model *m;

	init_write(&a, &out);
	m = read_text(buf_text(&out));
	assert_non_null(m);
	assert_int_equal(m->service_count, 4);
	assert_int_equal(m->services[1].port_range_count, 2);
	assert_string_equal(m->services[3].checks[0].helo, "lb1.example.com");
	assert_string_equal(m->services[3].reals[0].name, "mail: \"one\" #1");
	model_free(m);
	buf_free(&out);
}

/* Runs a command with its output thrown away and no terminal to ask. */
static int run_quietly(int (*command)(const struct model *m, int argc, char **argv),
		       const struct model *m, const char *line)
{
	char *text = xstrdup(line), *argv[32], *save = NULL;
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), argc = 0, status;

	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	(void)fflush(stdout);
	assert_non_null(freopen("/dev/null", "w", stdout));
	assert_non_null(freopen("/dev/null", "w", stderr));
	assert_non_null(freopen("/dev/null", "r", stdin));
	status = command(m, argc, argv);
	(void)fflush(stdout);
	(void)fflush(stderr);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	free(text);
	return status;
}

static int run_init(const struct model *m, int argc, char **argv)
{
	return cli_init(argc, argv);
}

static void init_refuses_what_it_cannot_use(void **state)
{
	static const struct {
		const char *line;
		int status;
	} cases[] = {
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2",                            0},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --mode l4-dr --imap --pop3", 0},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --mode l7-tcp",              0},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --mode l9",                  2},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --mode l7-http --certificate "
		 "/m.pem",						   0},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --mode l7-http",             2},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --certificate /m.pem",       2},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --mode l7-http --certificate "
		 "m.pem",						    2},
		{"init",								      2},
		{"init exchange",							     2},
		{"init exchange --vip 10.0.0.1",                                              2},
		{"init exchange --real A=10.0.0.2",                                           2},
		{"init exchange --vip mail --real A=10.0.0.2",                                2},
		{"init exchange --vip 10.0.0.1 --real 10.0.0.2",                              2},
		{"init exchange --vip 10.0.0.1 --real A=x",                                   2},
		{"init exchange --vip 10.0.0.1 --real a/b=10.0.0.2",                          2},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --interface a/b",            2},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --what",                     2},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 more",                       2},
		{"init lync --vip 10.0.0.1 --real A=10.0.0.2",                                2},
		{"init --vip 10.0.0.1 --real A=10.0.0.2",                                     2},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.1",                            1},
		{"init exchange --vip 10.0.0.1 --real A=10.0.0.2 --real A=10.0.0.3",          1},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int status = run_quietly(run_init, NULL, cases[i].line);

		if (status != cases[i].status)
			print_error("%s\n", cases[i].line);
		assert_int_equal(status, cases[i].status);
	}
}

static const char both[] = "node: {interfaces: [eth0]}\n"
			   "services:\n"
			   "  four:\n"
			   "    {vip: [192.168.30.10, 192.168.30.11], ports: 443,\n"
			   "     reals: {A: {ip: 192.168.30.20}}}\n"
			   "  six:\n"
			   "    {vip: \"2001:470:1f09:e72::15\", ports: 443,\n"
			   "     reals: {A: {ip: \"2001:470:1f09:e72::20\"}}}\n"
			   "  seven:\n"
			   "    {mode: l7-tcp, vip: 192.168.30.10, ports: 25,\n"
			   "     reals: {A: {ip: 192.168.30.20}}}\n";

static struct real_script script_of(const struct model *m, const char *service,
				    const char *interface, const char *loopback)
{
	return (struct real_script){model_service(m, service), interface, loopback};
}

static void expect_line(const struct buf *out, const char *line)
{
	char *with_end = xcalloc(strlen(line) + 3, 1);

	(void)sprintf(with_end, "\n%s\n", line);
	if (!strstr(buf_text(out), with_end))
		print_error("no line \"%s\" in:\n%s", line, buf_text(out));
	assert_non_null(strstr(buf_text(out), with_end));
	free(with_end);
}

static void the_linux_script_silences_arp_before_it_adds_the_vip(void **state) /* R101 */
{
	struct model *m = read_text(both);
	struct real_script four = script_of(m, "four", NULL, "lo");
	struct real_script six = script_of(m, "six", NULL, "lo");
	struct buf out = {0};

	real_script_linux(&four, &out);
	expect_line(&out,
		    "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2");
	expect_line(&out, "ip addr replace 192.168.30.10/32 dev lo");
	expect_line(&out, "ip addr replace 192.168.30.11/32 dev lo");
	assert_true(strstr(buf_text(&out), "sysctl -w") < strstr(buf_text(&out), "ip addr"));
	assert_null(strstr(buf_text(&out), "ip -6"));
	buf_clear(&out);
	real_script_linux(&six, &out);
	expect_line(&out, "ip -6 addr replace 2001:470:1f09:e72::15/128 dev lo nodad");
	assert_null(strstr(buf_text(&out), "sysctl"));
	buf_free(&out);
	model_free(m);
}

static void the_windows_script_has_the_guides_commands(void **state) /* R97-R100 */
{
	struct model *m = read_text(both);
	struct real_script four = script_of(m, "four", "net", "loopback");
	struct real_script six = script_of(m, "six", "LAN 1", "LOOPBACK");
	struct buf out = {0};

	real_script_windows(&four, &out);
	expect_line(&out, "netsh interface ipv4 set interface \"net\" weakhostreceive=enabled");
	expect_line(&out,
		    "netsh interface ipv4 set interface \"loopback\" weakhostreceive=enabled");
	expect_line(&out, "netsh interface ipv4 set interface \"loopback\" weakhostsend=enabled");
	expect_line(&out, "New-NetIPAddress -IPAddress 192.168.30.11 -PrefixLength 32 "
			  "-SkipAsSource $true -InterfaceAlias \"loopback\"");
	assert_null(strstr(buf_text(&out), "ipv6 set"));
	buf_clear(&out);
	real_script_windows(&six, &out);
	expect_line(&out, "netsh interface ipv6 set interface \"LAN 1\" weakhostreceive=enabled");
	expect_line(&out,
		    "netsh interface ipv6 set interface \"LOOPBACK\" weakhostreceive=enabled");
	expect_line(&out, "netsh interface ipv6 set interface \"LOOPBACK\" weakhostsend=enabled");
	expect_line(&out, "netsh interface ipv6 set interface \"LOOPBACK\" dadtransmits=0");
	expect_line(&out,
		    "New-NetIPAddress -IPAddress 2001:470:1f09:e72::15 -PrefixLength $Prefix6 "
		    "-SkipAsSource $true -InterfaceAlias \"LOOPBACK\"");
	buf_free(&out);
	model_free(m);
}

static void a_layer_7_service_needs_nothing_on_its_reals(void **state) /* R9, R26 */
{
	struct model *m = read_text(both);
	struct real_script seven = script_of(m, "seven", NULL, "lo");
	struct buf out = {0};
	size_t lines = 0, comments = 0;

	real_script_layer7(&seven, &out);
	for (const char *at = buf_text(&out); *at; at += strcspn(at, "\n") + 1, lines++)
		comments += *at == '#';
	assert_int_equal(lines, comments);
	assert_non_null(strstr(buf_text(&out), "nothing to run"));
	buf_free(&out);
	model_free(m);
}

static void real_script_refuses_what_it_cannot_use(void **state)
{
	static const struct {
		const char *line;
		int status;
	} cases[] = {
		{"real-script four --os linux",                       0},
		{"real-script --os=windows six",                      0},
		{"real-script four --os linux --interface eth7",      0},
		{"real-script four",                                  2},
		{"real-script --os linux",                            2},
		{"real-script four --os vms",                         2},
		{"real-script four six --os linux",                   2},
		{"real-script four --os linux --what",                2},
		{"real-script four --os linux --interface $(reboot)", 2},
		{"real-script four --os windows --loopback a\"b",     2},
		{"real-script seven --os linux",                      0},
		{"real-script seven --os windows",                    0},
		{"real-script eight --os linux",                      1},
	};
	struct model *m = read_text(both);

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int status = run_quietly(cli_real_script, m, cases[i].line);

		if (status != cases[i].status)
			print_error("%s\n", cases[i].line);
		assert_int_equal(status, cases[i].status);
	}
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_init_writes_is_a_configuration),
		cmocka_unit_test(init_writes_the_guides_layer_7_services),
		cmocka_unit_test(init_writes_tls_routes_and_the_redirect_for_http_mode),
		cmocka_unit_test(init_quotes_what_yaml_would_misread),
		cmocka_unit_test(init_refuses_what_it_cannot_use),
		cmocka_unit_test(the_linux_script_silences_arp_before_it_adds_the_vip),
		cmocka_unit_test(the_windows_script_has_the_guides_commands),
		cmocka_unit_test(a_layer_7_service_needs_nothing_on_its_reals),
		cmocka_unit_test(real_script_refuses_what_it_cannot_use),
	};

	return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
