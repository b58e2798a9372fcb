/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tc program of TProxy on the interfaces by which real servers answer. It is loaded when the
 * first of them wants it. Nothing is pinned: the filter's name says which instance made it, and
 * whether the qdisc that holds it was made for it. Spoken over netlink, as libbpf neither names a
 * filter nor lists those of others.
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

static const char with_qdisc[] = ",qdisc";

static const uint32_t ingress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
static const uint32_t egress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);

/* What stands on an interface. */
struct filters {
	char name[NAME_MAX]; /* ours begins with it; in force: the whole of it */
	bool ours;
	bool made_qdisc;
	uint32_t handle, info;
	size_t others;
};

/* "lbxdp:tproxy": an instance has a directory for its pins, and that a name. */
static void name_of(const char *pin_dir, char name[NAME_MAX])
{
	const char *slash = strrchr(pin_dir, '/');

	snprintf(name, NAME_MAX, "%.200s:tproxy", slash ? slash + 1 : pin_dir);
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
	const char *name = name_in(m);
	struct filters *f = arg;
	size_t len = strlen(f->name);
	bool plain, made;

	if (!name)
		return;
	plain = !strcmp(name, f->name);
	made = !strncmp(name, f->name, len) && !strcmp(name + len, with_qdisc);
	if (f->ours || (!plain && !made)) {
		f->others++;
		return;
	}
	f->ours = true;
	f->made_qdisc = made;
	f->handle = t->tcm_handle;
	f->info = t->tcm_info;
}

static int look(struct netlink *n, const char *pin_dir, uint32_t ifindex, struct filters *f)
{
	char buffer[256] __attribute__((aligned(8)));
	int err;

	*f = (struct filters){};
	name_of(pin_dir, f->name);
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
			   ifindex, ingress);
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
	struct nlmsghdr *m = tc_message(buffer, RTM_DELTFILTER, 0, ifindex, ingress);
	struct tcmsg *t = netlink_extra(m);

	t->tcm_handle = f->handle;
	t->tcm_info = f->info;
	mnl_attr_put_strz(m, TCA_KIND, "bpf");
	return netlink_request(n, m);
}

/* The qdisc stays where it was before us, and where others have put filters into it. */
static int remove_from(struct netlink *n, const char *pin_dir, uint32_t ifindex)
{
	struct filters f;
	int err = look(n, pin_dir, ifindex, &f);

	if (err || !f.ours)
		return err;
	err = delete_filter(n, ifindex, &f);
	if (!err && f.made_qdisc && !f.others)
		err = order_qdisc(n, RTM_DELQDISC, 0, ifindex);
	return err == -ENODEV || err == -ENOENT ? 0 : err; /* it went with its interface */
}

static int load(struct dataplane *d)
{
	if (d->tproxy)
		return 0;
	said_clear();
	d->tproxy = tproxy_bpf__open_and_load();
	return d->tproxy ? 0 : -errno;
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

static int attach(struct dataplane *d, struct netlink *n, uint32_t ifindex)
{
	int prog = bpf_program__fd(d->tproxy->progs.lbxdp_tproxy);
	struct filters f;
	int err = look(n, d->pin_dir, ifindex, &f), made;

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

int divert_put(struct dataplane *d, uint32_t ifindex)
{
	struct netlink n;
	int err = load(d);

	if (!err)
		err = netlink_open(&n, NETLINK_ROUTE);
	if (err)
		return err;
	err = attach(d, &n, ifindex);
	netlink_close(&n);
	return err;
}

int divert_remove(const char *pin_dir, uint32_t ifindex)
{
	struct netlink n;
	int err = netlink_open(&n, NETLINK_ROUTE);

	if (err)
		return err;
	err = remove_from(&n, pin_dir, ifindex);
	netlink_close(&n);
	return err;
}

void divert_close(struct dataplane *d)
{
	tproxy_bpf__destroy(d->tproxy);
}

bool dataplane_diverts_now(struct dataplane *d, uint32_t ifindex)
{
	struct filters f = {};
	struct netlink n;

	if (netlink_open(&n, NETLINK_ROUTE))
		return true; /* nothing is known */
	if (look(&n, d->pin_dir, ifindex, &f))
		f.ours = true;
	netlink_close(&n);
	return f.ours;
}

int dataplane_read_diverts(struct dataplane *d, struct plan *actual)
{
	const __u32 unknown = 1; /* of another life: the program is put in its place anew */
	struct if_nameindex *all = if_nameindex();
	struct netlink n;
	int err = all ? netlink_open(&n, NETLINK_ROUTE) : -errno;

	for (struct if_nameindex *i = all; !err && i->if_index; i++) {
		struct filters f;
		__u32 key = i->if_index;

		err = look(&n, d->pin_dir, key, &f);
		if (!err && f.ours)
			err = plan_put(actual, PLAN_DIVERTS, &key, &unknown);
	}
	if (all) {
		if_freenameindex(all);
		netlink_close(&n);
	}
	return err;
}
