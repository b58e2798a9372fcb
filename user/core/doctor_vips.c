/* SPDX-License-Identifier: GPL-2.0-only */
/* The examination of VIPs: who else says that they are his (R89). */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "core/doctor.h"

enum { LINE = 640 };

/* A real server that has not had its ARP problem solved. */
static void type_for_real(const struct view_conflict *c, char *type)
{
	bool v4 = addr_is_v4(&c->vip);

	snprintf(type, LINE,
		 "on %s, Linux: %s; Windows: what lbxdp real-script %s --os windows prints (all of "
		 "it for Linux: --os linux)",
		 c->real,
		 v4 ? "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2, "
		      "with the VIP on lo"
		    : "ip -6 addr del it from the network card and have it on lo",
		 c->service);
}

static void type_for_other(const struct view_conflict *c, const char *vip, const char *mac,
			   char *type)
{
	snprintf(type, LINE,
		 "find %s (bridge fdb show, or the switch's table of MAC addresses) and take %s "
		 "off that host: Linux: ip addr show to %s, ip addr del; Windows: netsh interface "
		 "%s show addresses; an lbxdp there: lbxdp down",
		 mac, vip, vip, addr_is_v4(&c->vip) ? "ipv4" : "ipv6");
}

static void examine(const struct view_conflict *c, struct findings *out)
{
	char vip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN], seen[LINE], type[LINE], about[LINE];

	addr_format(&c->vip, vip);
	mac_format(c->mac, mac);
	snprintf(about, sizeof(about), "VIP %s", vip);
	snprintf(seen, sizeof(seen), "%s answers for it%s%s, which is %s", mac,
		 *c->interface ? " on " : "", c->interface,
		 c->real ? c->real : "none of the real servers known here");
	if (c->real)
		type_for_real(c, type);
	else
		type_for_other(c, vip, mac, type);
	findings_add(out, &(struct finding){
				  .severity = FINDING_ERROR,
				  .examination = "vip-elsewhere",
				  .about = about,
				  .seen = seen,
				  .why = "clients whose neighbour table has that address go there, "
					 "past the balancer",
				  .type = type,
			  });
}

static bool same(const struct view_conflict *a, const struct view_conflict *b)
{
	return addr_equal(&a->vip, &b->vip) && !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       !strcmp(a->interface, b->interface);
}

/* Services that share a VIP share its conflicts: each is told of once. */
static bool told(const struct view *v, size_t service, const struct view_conflict *c)
{
	for (size_t i = 0; i < service; i++)
		for (size_t j = 0; j < v->services[i].conflict_count; j++)
			if (same(&v->services[i].conflicts[j], c))
				return true;
	return false;
}

void doctor_examine_vips(const struct view *v, struct findings *out)
{
	for (size_t i = 0; i < v->service_count; i++)
		for (size_t j = 0; j < v->services[i].conflict_count; j++)
			if (!told(v, i, &v->services[i].conflicts[j]))
				examine(&v->services[i].conflicts[j], out);
}
