/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tc programs on the interfaces of real servers: of TProxy where they answer, of checks through
 * a VIP where these leave. Each is loaded when the first interface wants it. Nothing is pinned: the
 * filter's name says which instance made it, and whether the qdisc that holds it was made for us.
 * Spoken over netlink, as libbpf neither names a filter nor lists those of others.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/internal.h"
#include "dataplane/said.h"
#include "io/netlink.h"
#include "lbxdp/tproxy.h"
#include "tproxy.skel.h"
#include "via.skel.h"

static const char with_qdisc[] = ",qdisc";

static const uint32_t ingress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
static const uint32_t egress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);

static const struct {
	const char *name;
	uint32_t direction;
	enum plan_table table;
} kinds[FILTER_COUNT] = {
	[FILTER_TPROXY] = {"tproxy", TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), PLAN_DIVERTS    },
	[FILTER_VIA] = {"via",    TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),  PLAN_VIA_FILTERS},
};

/* What stands on an interface, seen from one of our filters. */
struct filters {
	uint32_t direction;
	char name[NAME_MAX];     /* ours begins with it; in force: the whole of it */
	char instance[NAME_MAX]; /* that of each of our filters does */
	bool ours;
	bool made_qdisc; /* as our filter says, or else another of this instance */
	uint32_t handle, info;
	size_t others;
};

/* "lbxdp:tproxy": an instance has a directory for its pins, and that a name. */
static void name_of(const char *pin_dir, enum dataplane_filter which, struct filters *f)
{
	const char *slash = strrchr(pin_dir, '/');

	snprintf(f->instance, NAME_MAX, "%.200s:", slash ? slash + 1 : pin_dir);
	snprintf(f->name, NAME_MAX, "%.201s%s", f->instance, kinds[which].name);
}

static struct nlmsghdr *tc_message(void *buffer, uint16_t type, uint16_t flags, uint32_t ifindex,
				   uint32_t parent)
{
	struct nlmsghdr *m = netlink_message(buffer, type, flags, sizeof(struct tcmsg));
	struct tcmsg *t = netlink_extra(m);

	t->tcm_family = AF_UNSPEC;
	t->tcm_ifindex = (int)ifindex;
	t->tcm_parent = parent;
	return m;
}

static const char *name_in(const struct nlmsghdr *m)
{
	const struct nlattr *a, *b, *options = NULL, *name = NULL;

	mnl_attr_for_each(a, m, sizeof(struct tcmsg))
	{
		if (mnl_attr_get_type(a) == TCA_OPTIONS)
			options = a;
	}
	if (!options)
		return NULL; /* the head of a chain, not a filter */
	mnl_attr_for_each_nested(b, options)
	{
		if (mnl_attr_get_type(b) == TCA_BPF_NAME)
			name = b;
	}
	return name ? mnl_attr_get_str(name) : "";
}

static void take_filter(void *arg, const struct nlmsghdr *m)
{
	const struct tcmsg *t = netlink_extra(m);
	const char *name = name_in(m), *comma;
	struct filters *f = arg;
	size_t len = strlen(f->name);
	bool made;

	if (!name)
		return;
	comma = strrchr(name, ',');
	made = comma && !strcmp(comma, with_qdisc) &&
	       !strncmp(name, f->instance, strlen(f->instance));
	f->made_qdisc |= made;
	if (f->ours || strncmp(name, f->name, len) || strcmp(name + len, made ? with_qdisc : "")) {
		f->others++;
		return;
	}
	f->ours = true;
	f->handle = t->tcm_handle;
	f->info = t->tcm_info;
}

static int look(struct netlink *n, const char *pin_dir, enum dataplane_filter which,
		uint32_t ifindex, struct filters *f)
{
	char buffer[256] __attribute__((aligned(8)));
	int err;

	*f = (struct filters){.direction = kinds[which].direction};
	name_of(pin_dir, which, f);
	err = netlink_query(n, tc_message(buffer, RTM_GETTFILTER, NLM_F_DUMP, ifindex, ingress),
			    take_filter, f);
	if (!err)
		err = netlink_query(n,
				    tc_message(buffer, RTM_GETTFILTER, NLM_F_DUMP, ifindex, egress),
				    take_filter, f);
	/* No such interface, or nothing that holds filters. */
	return err == -ENODEV || err == -EINVAL ? 0 : err;
}

static int order_qdisc(struct netlink *n, uint16_t type, uint16_t flags, uint32_t ifindex)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = tc_message(buffer, type, flags, ifindex, TC_H_CLSACT);
	struct tcmsg *t = netlink_extra(m);

	t->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(m, TCA_KIND, "clsact");
	return netlink_request(n, m);
}

static int put_filter(struct netlink *n, uint32_t ifindex, const struct filters *f, int prog)
{
	char buffer[1024] __attribute__((aligned(8)));
	struct nlmsghdr *m =
		tc_message(buffer, RTM_NEWTFILTER, NLM_F_CREATE | (f->ours ? 0 : NLM_F_EXCL),
			   ifindex, f->direction);
	struct tcmsg *t = netlink_extra(m);
	struct nlattr *options;
	char name[NAME_MAX + sizeof(with_qdisc)];

	t->tcm_handle = f->handle;
	t->tcm_info =
		f->ours ? f->info : TC_H_MAKE(LB_TPROXY_FILTER_PRIORITY << 16, htons(ETH_P_ALL));
	snprintf(name, sizeof(name), "%s%s", f->name, f->made_qdisc ? with_qdisc : "");
	mnl_attr_put_strz(m, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(m, TCA_OPTIONS);
	mnl_attr_put_u32(m, TCA_BPF_FD, (uint32_t)prog);
	mnl_attr_put_strz(m, TCA_BPF_NAME, name);
	mnl_attr_put_u32(m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(m, options);
	return netlink_request(n, m);
}

static int delete_filter(struct netlink *n, uint32_t ifindex, const struct filters *f)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = tc_message(buffer, RTM_DELTFILTER, 0, ifindex, f->direction);
	struct tcmsg *t = netlink_extra(m);

	t->tcm_handle = f->handle;
	t->tcm_info = f->info;
	mnl_attr_put_strz(m, TCA_KIND, "bpf");
	return netlink_request(n, m);
}

/* The qdisc stays where it was before us, and where others have put filters into it. */
static int remove_from(struct netlink *n, const char *pin_dir, enum dataplane_filter which,
		       uint32_t ifindex)
{
	struct filters f;
	int err = look(n, pin_dir, which, ifindex, &f);

	if (err || !f.ours)
		return err;
	err = delete_filter(n, ifindex, &f);
	if (!err && f.made_qdisc && !f.others)
		err = order_qdisc(n, RTM_DELQDISC, 0, ifindex);
	return err == -ENODEV || err == -ENOENT ? 0 : err; /* it went with its interface */
}

static int load_tproxy(struct dataplane *d)
{
	if (!d->tproxy)
		d->tproxy = tproxy_bpf__open_and_load();
	return d->tproxy ? bpf_program__fd(d->tproxy->progs.lbxdp_tproxy) : -errno;
}

/* Its rows are those that XDP has. */
static int load_via(struct dataplane *d)
{
	struct via_bpf *via = d->via ? d->via : via_bpf__open();
	int err = via ? 0 : -errno;

	if (!err && !d->via)
		err = bpf_map__reuse_fd(via->maps.lbx_vias, d->fd[MAP_VIAS]);
	if (!err && !d->via)
		err = bpf_map__reuse_fd(via->maps.lbx_via_ports, d->fd[MAP_VIA_PORTS]);
	if (!err && !d->via)
		err = via_bpf__load(via);
	if (err) {
		via_bpf__destroy(via);
		return err;
	}
	d->via = via;
	return bpf_program__fd(via->progs.lbxdp_via);
}

/* The program's descriptor, or -errno. */
static int load(struct dataplane *d, enum dataplane_filter which)
{
	said_clear();
	return which == FILTER_VIA ? load_via(d) : load_tproxy(d);
}

/* For when somebody deletes the filter alone, and with it what its name says. */
static bool is_our_qdisc(const struct dataplane *d, uint32_t ifindex)
{
	for (size_t i = 0; i < d->our_qdisc_count; i++)
		if (d->our_qdisc[i] == ifindex)
			return true;
	return false;
}

static void note_our_qdisc(struct dataplane *d, uint32_t ifindex)
{
	if (!is_our_qdisc(d, ifindex) && d->our_qdisc_count < LB_IFACES_MAX)
		d->our_qdisc[d->our_qdisc_count++] = ifindex;
}

static int attach(struct dataplane *d, struct netlink *n, enum dataplane_filter which,
		  uint32_t ifindex, int prog)
{
	struct filters f;
	int err = look(n, d->pin_dir, which, ifindex, &f), made;

	if (err)
		return err;
	made = f.ours ? -EEXIST : order_qdisc(n, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex);
	if (made && made != -EEXIST)
		return made;
	f.made_qdisc |= !made || is_our_qdisc(d, ifindex);
	err = put_filter(n, ifindex, &f, prog); /* of one that is there, it takes the place */
	if (!err && f.made_qdisc)
		note_our_qdisc(d, ifindex);
	if (err && !made)
		(void)order_qdisc(n, RTM_DELQDISC, 0, ifindex); /* err is the cause to report */
	return err;
}

int divert_put(struct dataplane *d, enum dataplane_filter which, uint32_t ifindex)
{
	struct netlink n;
	int prog = load(d, which), err = prog < 0 ? prog : netlink_open(&n, NETLINK_ROUTE);

	if (err)
		return err;
	err = attach(d, &n, which, ifindex, prog);
	netlink_close(&n);
	return err;
}

int divert_remove(const char *pin_dir, enum dataplane_filter which, uint32_t ifindex)
{
	struct netlink n;
	int err = netlink_open(&n, NETLINK_ROUTE);

	if (err)
		return err;
	err = remove_from(&n, pin_dir, which, ifindex);
	netlink_close(&n);
	return err;
}

void divert_close(struct dataplane *d)
{
	tproxy_bpf__destroy(d->tproxy);
	via_bpf__destroy(d->via);
}

bool dataplane_filters_now(struct dataplane *d, enum dataplane_filter which, uint32_t ifindex)
{
	struct filters f = {};
	struct netlink n;

	if (netlink_open(&n, NETLINK_ROUTE))
		return true; /* nothing is known */
	if (look(&n, d->pin_dir, which, ifindex, &f))
		f.ours = true;
	netlink_close(&n);
	return f.ours;
}

int dataplane_via_ports(const struct dataplane *d)
{
	return d->fd[MAP_VIA_PORTS];
}

static int read_filters(struct dataplane *d, struct netlink *n, __u32 ifindex, struct plan *actual)
{
	const __u32 unknown = 1; /* of another life: the program is put in its place anew */
	int err = 0;

	for (enum dataplane_filter i = 0; !err && i < FILTER_COUNT; i++) {
		struct filters f;

		err = look(n, d->pin_dir, i, ifindex, &f);
		if (!err && f.ours)
			err = plan_put(actual, kinds[i].table, &ifindex, &unknown);
	}
	return err;
}

static int read_guard(struct dataplane *d, struct plan *actual)
{
	const __u32 zero = 0, unknown = 1; /* as with filters */

	return guard_pinned(d->pin_dir) ? plan_put(actual, PLAN_GUARD, &zero, &unknown) : 0;
}

int dataplane_read_filters(struct dataplane *d, struct plan *actual)
{
	struct if_nameindex *all = if_nameindex();
	struct netlink n;
	int err = all ? netlink_open(&n, NETLINK_ROUTE) : -errno;

	for (struct if_nameindex *i = all; !err && i->if_index; i++)
		err = read_filters(d, &n, i->if_index, actual);
	if (all) {
		if_freenameindex(all);
		netlink_close(&n);
	}
	return err ? err : read_guard(d, actual);
}
