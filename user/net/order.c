/* SPDX-License-Identifier: GPL-2.0-only */
/* What we tell the kernel to do about a neighbour. */
#include <errno.h>
#include <linux/neighbour.h>

#include "net/internal.h"

struct order {
	uint16_t type, flags, state;
	uint8_t entry_flags;
	uint32_t extended_flags;
	const uint8_t *mac;
};

static int send_order(struct net *n, const struct row_neighbour *key, const struct order *o)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_message(buffer, o->type, o->flags, sizeof(struct ndmsg));
	struct ndmsg *nd = netlink_extra(m);
	bool v4 = addr_is_v4(&key->ip);

	nd->ndm_family = v4 ? AF_INET : AF_INET6;
	nd->ndm_ifindex = (int)key->ifindex;
	nd->ndm_state = o->state;
	nd->ndm_flags = o->entry_flags;
	mnl_attr_put(m, NDA_DST, v4 ? 4 : 16, key->ip.byte + (v4 ? 12 : 0));
	if (o->mac)
		mnl_attr_put(m, NDA_LLADDR, 6, o->mac);
	if (o->extended_flags)
		mnl_attr_put_u32(m, NDA_FLAGS_EXT, o->extended_flags);
	return netlink_request(&n->order, m);
}

/* Managed entries came with Linux 5.16. An older kernel ignores the word; there our own asking
 * alone keeps the entry fresh. */
int order_resolve(struct net *n, const struct row_neighbour *key)
{
	return send_order(n, key,
			  &(struct order){.type = RTM_NEWNEIGH,
					  .flags = NLM_F_CREATE,
					  .entry_flags = NTF_USE,
					  .extended_flags = NTF_EXT_MANAGED});
}

int order_void(struct net *n, const struct row_neighbour *key)
{
	return send_order(
		n, key,
		&(struct order){.type = RTM_NEWNEIGH, .flags = NLM_F_REPLACE, .state = NUD_FAILED});
}

int order_probe(struct net *n, const struct row_neighbour *key, const uint8_t mac[6])
{
	return send_order(n, key,
			  &(struct order){.type = RTM_NEWNEIGH,
					  .flags = NLM_F_REPLACE,
					  .state = NUD_PROBE,
					  .mac = mac});
}

int order_forget(struct net *n, const struct row_neighbour *key)
{
	int err = send_order(n, key, &(struct order){.type = RTM_DELNEIGH});

	return err == -ENOENT || err == -ENODEV ? 0 : err;
}
