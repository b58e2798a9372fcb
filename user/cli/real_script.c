/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/real_script.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static const char usage[] = "usage: lbxdp real-script SERVICE --os linux|windows\n"
			    "           [--interface NAME] [--loopback NAME]\n";

static bool has_family(const struct service_config *s, bool v4)
{
	for (size_t i = 0; i < s->vip_count; i++)
		if (addr_is_v4(&s->vips[i]) == v4)
			return true;
	return false;
}

/* A command on each VIP of a family: before, the address, between, the loopback, after. */
struct line {
	const char *before, *between, *after;
};

static void each_vip(const struct real_script *s, bool v4, const struct line *l, struct buf *out)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < s->service->vip_count; i++)
		if (addr_is_v4(&s->service->vips[i]) == v4)
			buf_printf(out, "%s%s%s%s%s\n", l->before,
				   addr_format(&s->service->vips[i], text), l->between, s->loopback,
				   l->after);
}

static void linux_v4(const struct real_script *s, struct buf *out)
{
	static const struct line add = {"ip addr replace ", "/32 dev ", ""};

	buf_puts(out,
		 "\n# Answer ARP only for addresses of the interface that was asked, and never\n"
		 "# announce the VIP. This comes first, so that no answer slips out.\n"
		 "sysctl -w net.ipv4.conf.all.arp_ignore=1 "
		 "net.ipv4.conf.all.arp_announce=2\n");
	if (s->interface)
		buf_printf(out,
			   "sysctl -w net.ipv4.conf.%s.arp_ignore=1 "
			   "net.ipv4.conf.%s.arp_announce=2\n",
			   s->interface, s->interface);
	each_vip(s, true, &add, out);
}

static void linux_v6(const struct real_script *s, struct buf *out)
{
	static const struct line add = {"ip -6 addr replace ", "/128 dev ", " nodad"};

	buf_puts(out, "\n# Linux answers no neighbour solicitation for an address of another\n"
		      "# interface; nodad keeps it from asking whether the VIP is taken.\n");
	each_vip(s, false, &add, out);
}

void real_script_linux(const struct real_script *s, struct buf *out)
{
	static const struct line del4 = {"#   ip addr del ", "/32 dev ", ""},
				 del6 = {"#   ip -6 addr del ", "/128 dev ", ""};

	buf_printf(out,
		   "#!/bin/sh\n"
		   "# Direct Routing for service %s: run as root on each of its real servers.\n"
		   "# What it sets is gone after a restart: run it at boot, too.\n"
		   "set -e\n",
		   s->service->name);
	if (has_family(s->service, true))
		linux_v4(s, out);
	if (has_family(s->service, false))
		linux_v6(s, out);
	buf_puts(out, "\n# To undo:\n");
	each_vip(s, true, &del4, out);
	each_vip(s, false, &del6, out);
	if (has_family(s->service, true))
		buf_puts(out, "#   sysctl -w net.ipv4.conf.all.arp_ignore=0 "
			      "net.ipv4.conf.all.arp_announce=0\n");
}

static void weak_host(const struct real_script *s, const char *family, struct buf *out)
{
	buf_printf(out,
		   "netsh interface %s set interface \"%s\" weakhostreceive=enabled\n"
		   "netsh interface %s set interface \"%s\" weakhostreceive=enabled\n"
		   "netsh interface %s set interface \"%s\" weakhostsend=enabled\n",
		   family, s->interface, family, s->loopback, family, s->loopback);
}

static void windows_v4(const struct real_script *s, struct buf *out)
{
	static const struct line add = {"New-NetIPAddress -IPAddress ",
					" -PrefixLength 32 -SkipAsSource $true -InterfaceAlias \"",
					"\""};

	buf_puts(out, "\n# IPv4\n");
	weak_host(s, "ipv4", out);
	each_vip(s, true, &add, out);
}

static void windows_v6(const struct real_script *s, struct buf *out)
{
	static const struct line add = {"New-NetIPAddress -IPAddress ",
					" -PrefixLength $Prefix6 -SkipAsSource $true "
					"-InterfaceAlias \"",
					"\""};

	buf_puts(out, "\n# IPv6: the VIP stands there with the prefix length of its network.\n"
		      "$Prefix6 = 64\n");
	weak_host(s, "ipv6", out);
	buf_printf(out, "netsh interface ipv6 set interface \"%s\" dadtransmits=0\n", s->loopback);
	each_vip(s, false, &add, out);
}

void real_script_windows(const struct real_script *s, struct buf *out)
{
	buf_printf(out,
		   "# Direct Routing for service %s: run in an elevated PowerShell on each of its\n"
		   "# real servers.\n"
		   "#\n"
		   "# Once, before: run hdwwiz, choose to select the hardware by hand, Network\n"
		   "# adapters, Microsoft, \"Microsoft KM-TEST Loopback Adapter\".\n"
		   "# \"%s\" must be the network card's name as Windows shows it, case included.\n"
		   "$ErrorActionPreference = 'Stop'\n"
		   "Get-NetAdapter -InterfaceDescription '*KM-TEST Loopback*' |\n"
		   "    Where-Object Name -ne \"%s\" | Rename-NetAdapter -NewName \"%s\"\n"
		   "Get-NetAdapterBinding -Name \"%s\" |\n"
		   "    Where-Object ComponentID -NotIn 'ms_tcpip', 'ms_tcpip6' |\n"
		   "    Disable-NetAdapterBinding\n"
		   "Set-DnsClient -InterfaceAlias \"%s\" -RegisterThisConnectionsAddress $false\n",
		   s->service->name, s->interface, s->loopback, s->loopback, s->loopback,
		   s->loopback);
	if (has_family(s->service, true))
		windows_v4(s, out);
	if (has_family(s->service, false))
		windows_v6(s, out);
}

void real_script_layer7(const struct real_script *s, struct buf *out)
{
	buf_printf(
		out,
		"# Service %s is layer 7 (mode: %s): there is nothing to run on its real servers.\n"
		"# They are asked on their own addresses; the VIP need not stand on them.\n",
		s->service->name, mode_name(s->service->mode));
}

/* Names end in commands: nothing that a shell or PowerShell reads as its own passes. */
static bool is_safe_name(const char *name)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789 ._#()-";

	return *name && *name != '-' && !name[strspn(name, safe)];
}

static const struct system {
	const char *name, *interface, *loopback;
	bool spaces; /* in names */
	void (*write)(const struct real_script *s, struct buf *out);
} systems[] = {
	{"linux",   NULL,  "lo",       false, real_script_linux  },
	{"windows", "net", "loopback", true,  real_script_windows},
};

static const struct system *system_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_COUNT(systems); i++)
		if (!strcmp(systems[i].name, name))
			return &systems[i];
	return NULL;
}

static int fail(int status, const char *what, const char *value)
{
	fprintf(stderr, "lbxdp real-script: %s%s%s\n", what, value ? ": " : "", value ? value : "");
	if (status == 2)
		fputs(usage, stderr);
	return status;
}

enum { OPT_OS = 256, OPT_INTERFACE, OPT_LOOPBACK };

static const struct option options[] = {
	{"os",        required_argument, NULL, OPT_OS       },
	{"interface", required_argument, NULL, OPT_INTERFACE},
	{"loopback",  required_argument, NULL, OPT_LOOPBACK },
	{NULL,        0,                 NULL, 0            },
};

static bool take_options(struct real_script *s, const char **os, int argc, char **argv)
{
	int option;

	optind = 0; /* glibc: begin anew */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPT_OS)
			*os = optarg;
		else if (option == OPT_INTERFACE)
			s->interface = optarg;
		else if (option == OPT_LOOPBACK)
			s->loopback = optarg;
		else
			return false;
	}
	return true;
}

static bool is_name_for(const struct system *system, const char *name)
{
	return is_safe_name(name) && (system->spaces || !strpbrk(name, " #()"));
}

static int write_script(struct real_script *s, const struct system *system)
{
	struct buf out = {0};
	int status = 0;

	s->interface = s->interface ? s->interface : system->interface;
	s->loopback = s->loopback ? s->loopback : system->loopback;
	if (s->interface && !is_name_for(system, s->interface))
		return fail(2, "no interface name", s->interface);
	if (!is_name_for(system, s->loopback))
		return fail(2, "no interface name", s->loopback);
	if (service_is_l7(s->service))
		real_script_layer7(s, &out);
	else
		system->write(s, &out);
	if (fwrite(buf_text(&out), 1, out.len, stdout) != out.len || fflush(stdout))
		status = fail(1, "cannot write to standard output", NULL);
	buf_free(&out);
	return status;
}

int cli_real_script(const struct model *m, int argc, char **argv)
{
	struct real_script s = {0};
	const struct system *system;
	const char *os = NULL;

	if (!take_options(&s, &os, argc, argv))
		return fail(2, "unknown option", NULL);
	if (optind + 1 != argc)
		return fail(2, "name one service", NULL);
	system = system_find(os);
	if (!system)
		return fail(2, os ? "unknown --os" : "--os is missing", os);
	s.service = model_service(m, argv[optind]);
	if (!s.service)
		return fail(1, "the configuration has no service of this name", argv[optind]);
	return write_script(&s, system);
}
