/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reals' MAC addresses. The kernel resolves; we decide what to believe: a MAC that a host has
 * confirmed to our own request, and while one is believed, another one only after it has been asked
 * for anew by broadcast (F7). Each wanted neighbour is asked every few seconds, so that a MAC that
 * changed silently is noticed (F32): the kernel asks the old MAC, gets no answer, says "failed",
 * and we ask everybody.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/internal.h"

enum {
	TICK_MSEC = 1000,
	ASKED_A_TICK = 500,    /* about; more neighbours than that are asked less often */
	ASK_TICKS = 3,         /* each neighbour is asked so often */
	ECHO_MSEC = 500,       /* a "failed" that follows our order so soon is its own */
	ASK_AGAIN_MSEC = 1000, /* not before */
	COMPLAIN_MSEC = 60000, /* a line a minute about an address that two claim */
	CONFIRMED = NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP,
	FIXED = NUD_PERMANENT | NUD_NOARP,
	DOUBTFUL = NUD_STALE | NUD_DELAY | NUD_PROBE,
};

/* Asking everybody: the kernel's entry is voided, and who answers after that is believed. */
enum asking {
	ASKING_NOTHING,
	ASKING_SOON,   /* too early to ask again */
	ASKING_VOIDED, /* ordered; the kernel's "failed" is still to be heard */
	ASKING_ALL,    /* what is confirmed now is an answer */
};

struct neighbour {
	struct row_neighbour key;
	struct net_neighbour is;
	bool wanted;
	bool known; /* found or missed: `is` says something */
	enum asking asking;
	uint64_t asked, complained; /* loop_now() */
};

struct neighbours {
	struct net *net;
	struct neighbour *at; /* sorted by key */
	size_t count;
	struct timer tick;
	unsigned int round;
};

static size_t place_of(const struct neighbours *all, const struct row_neighbour *key, bool *found)
{
	size_t low = 0, high = all->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(&all->at[mid].key, key, sizeof(*key)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*found = low < all->count && !memcmp(&all->at[low].key, key, sizeof(*key));
	return low;
}

static struct neighbour *find(const struct neighbours *all, const struct row_neighbour *key)
{
	bool found;
	size_t i = place_of(all, key, &found);

	return found ? &all->at[i] : NULL;
}

static struct neighbour *find_or_add(struct neighbours *all, const struct row_neighbour *key)
{
	bool found;
	size_t i = place_of(all, key, &found);
	struct neighbour *n;

	if (found)
		return &all->at[i];
	all->at = xrealloc(all->at, all->count + 1, sizeof(*all->at));
	n = &all->at[i];
	memmove(n + 1, n, (all->count++ - i) * sizeof(*n));
	memset(n, 0, sizeof(*n));
	n->key = *key;
	n->is.ip = key->ip;
	n->is.ifindex = key->ifindex;
	return n;
}

static void forget(struct neighbours *all, struct neighbour *n)
{
	size_t i = (size_t)(n - all->at);

	memmove(n, n + 1, (--all->count - i) * sizeof(*n));
}

static const char *iface_name(const struct net *net, const struct neighbour *n)
{
	const struct net_iface *i = net_iface_at(net, n->key.ifindex);

	return i ? i->name : "?";
}

/* The entry is voided, so that the kernel asks by broadcast and nothing older is believed. */
static int ask_all(struct net *net, struct neighbour *n)
{
	uint64_t now = loop_now(net->loop);
	int err;

	if (n->asked && now - n->asked < ASK_AGAIN_MSEC) {
		n->asking = ASKING_SOON;
		return 0;
	}
	n->asked = now;
	err = order_void(net, &n->key);
	n->asking = err == -ENOENT ? ASKING_ALL : ASKING_VOIDED;
	return order_resolve(net, &n->key);
}

/* Whom we believe is asked whether it is still there. */
static int ask_one(struct net *net, struct neighbour *n)
{
	n->asked = loop_now(net->loop);
	(void)order_probe(net, &n->key, n->is.mac); /* without an entry there is one now: */
	return order_resolve(net, &n->key);
}

static void believe(struct net *net, struct neighbour *n, const uint8_t *mac)
{
	bool changed = !n->is.valid || memcmp(n->is.mac, mac, sizeof(n->is.mac));
	char ip[ADDR_TEXT_LEN], text[MAC_TEXT_LEN];

	n->asking = ASKING_NOTHING;
	n->known = true;
	if (!changed)
		return;
	if (n->wanted)
		log_info("neighbour %s on %s: at %s", addr_format(&n->key.ip, ip),
			 iface_name(net, n), mac_format(mac, text));
	memcpy(n->is.mac, mac, sizeof(n->is.mac));
	n->is.valid = true;
	net->dirty = true;
}

static void disbelieve(struct net *net, struct neighbour *n)
{
	char ip[ADDR_TEXT_LEN];

	n->asking = ASKING_NOTHING;
	if (n->is.valid && n->wanted && net_iface_at(net, n->key.ifindex))
		log_warning("neighbour %s on %s: no answer", addr_format(&n->key.ip, ip),
			    iface_name(net, n));
	net->dirty |= n->is.valid || !n->known;
	n->known = true;
	n->is.valid = false;
}

static void complain(struct net *net, struct neighbour *n, const uint8_t *mac)
{
	char ip[ADDR_TEXT_LEN], old[MAC_TEXT_LEN], new[MAC_TEXT_LEN];
	uint64_t now = loop_now(net->loop);

	if (n->complained && now - n->complained < COMPLAIN_MSEC)
		return;
	n->complained = now;
	log_warning("neighbour %s on %s: %s claims the address of %s; asking again",
		    addr_format(&n->key.ip, ip), iface_name(net, n), mac_format(mac, new),
		    mac_format(n->is.mac, old));
}

/* The kernel has an address for a wanted neighbour. */
static void heard_address(struct net *net, struct neighbour *n, uint16_t state, const uint8_t *mac)
{
	bool same = n->is.valid && !memcmp(mac, n->is.mac, sizeof(n->is.mac));

	if (state & FIXED ||
	    (state & CONFIRMED && (same || !n->is.valid || n->asking == ASKING_ALL))) {
		believe(net, n, mac);
		return;
	}
	if (same || n->asking != ASKING_NOTHING)
		return;
	if (n->is.valid)
		complain(net, n, mac);
	(void)ask_all(net, n); /* when it fails, the tick asks again */
}

/* A "failed" that comes early is the echo of our own order: the kernel asks for seconds. */
static void heard_failure(struct net *net, struct neighbour *n)
{
	uint64_t now = loop_now(net->loop);

	if (n->asking != ASKING_NOTHING && now - n->asked < ECHO_MSEC) {
		n->asking = ASKING_ALL; /* who answers from now on is believed */
	} else if (n->asking != ASKING_NOTHING || !n->is.valid) {
		disbelieve(net, n);
	} else {
		/* The old MAC is silent: somebody else may have the address now. */
		n->asking = ASKING_ALL;
		n->asked = now;
		(void)order_resolve(net, &n->key); /* when it fails, the tick asks again */
	}
}

/* Others than the wanted ones are kept while the kernel is sure: they may be wanted soon. */
static void heard_unwanted(struct neighbours *all, const struct row_neighbour *key, uint16_t state,
			   const uint8_t *mac)
{
	struct neighbour *n = find(all, key);

	if (mac && state & CONFIRMED) {
		n = find_or_add(all, key);
		memcpy(n->is.mac, mac, sizeof(n->is.mac));
		n->is.valid = n->known = true;
	} else if (n && !(state & DOUBTFUL && mac && !memcmp(mac, n->is.mac, sizeof(n->is.mac)))) {
		forget(all, n);
	}
}

static bool parse(const struct nlmsghdr *m, struct row_neighbour *key, const uint8_t **mac)
{
	const struct ndmsg *nd = netlink_extra(m);
	const struct nlattr *a;
	bool found = false;
	size_t len = nd->ndm_family == AF_INET ? 4 : 16;

	if ((nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6) || nd->ndm_flags & NTF_PROXY)
		return false;
	memset(key, 0, sizeof(*key));
	key->ifindex = (uint32_t)nd->ndm_ifindex;
	*mac = NULL;
	mnl_attr_for_each(a, m, sizeof(*nd))
	{
		const void *at = mnl_attr_get_payload(a);

		if (mnl_attr_get_type(a) == NDA_DST && mnl_attr_get_payload_len(a) == len) {
			key->ip = len == 4 ? addr_from_v4(at) : addr_from_v6(at);
			found = true;
		} else if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == 6) {
			*mac = at;
		}
	}
	return found;
}

static bool iface_is_up(const struct net *net, uint32_t ifindex)
{
	const struct net_iface *i = net_iface_at(net, ifindex);

	return i && i->up;
}

void neighbours_heard(struct net *net, const struct nlmsghdr *m)
{
	struct row_neighbour key;
	const uint8_t *mac;
	struct neighbour *n;
	uint16_t state = ((const struct ndmsg *)netlink_extra(m))->ndm_state;

	if (!parse(m, &key, &mac))
		return;
	n = find(net->neighbours, &key);
	if (!n || !n->wanted) {
		heard_unwanted(net->neighbours, &key, m->nlmsg_type == RTM_NEWNEIGH ? state : 0,
			       mac);
	} else if (m->nlmsg_type == RTM_DELNEIGH) {
		/* Flushed, or the link went down. The MAC stays until somebody says otherwise. */
		n->asking = ASKING_ALL;
		n->asked = loop_now(net->loop);
		if (iface_is_up(net, key.ifindex))
			(void)order_resolve(net, &n->key); /* when it fails, the tick asks again */
	} else if (state & NUD_FAILED) {
		heard_failure(net, n);
	} else if (mac && state & (CONFIRMED | DOUBTFUL)) {
		heard_address(net, n, state, mac);
	}
}

static void ask_in_turn(struct net *net, struct neighbour *n)
{
	if (n->asking == ASKING_NOTHING && n->is.valid)
		(void)ask_one(net, n); /* when it fails, the next turn asks again */
	else if (n->asking == ASKING_VOIDED)
		(void)ask_all(net, n); /* the "failed" was lost */
	else
		(void)order_resolve(net, &n->key);
}

static void ticked(struct timer *t)
{
	struct neighbours *all = container_of(t, struct neighbours, tick);
	struct net *net = all->net;
	size_t period = ASK_TICKS + all->count / ASKED_A_TICK;

	all->round++;
	for (size_t i = 0; i < all->count; i++) {
		struct neighbour *n = &all->at[i];

		if (!n->wanted || !iface_is_up(net, n->key.ifindex))
			continue;
		if (n->asking == ASKING_SOON)
			(void)ask_all(net, n); /* when it fails, the next turn asks again */
		else if ((i + all->round) % period == 0 &&
			 loop_now(net->loop) - n->asked >= ASK_AGAIN_MSEC)
			ask_in_turn(net, n);
	}
	timer_start(net->loop, t, TICK_MSEC);
}

int neighbours_open(struct net *net)
{
	net->neighbours = calloc(1, sizeof(*net->neighbours));
	if (!net->neighbours)
		return -ENOMEM;
	net->neighbours->net = net;
	net->neighbours->tick.fn = ticked;
	timer_start(net->loop, &net->neighbours->tick, TICK_MSEC);
	return 0;
}

void neighbours_close(struct net *net)
{
	if (!net->neighbours)
		return;
	timer_stop(&net->neighbours->tick);
	free(net->neighbours->at);
	free(net->neighbours);
}

static void dumped(void *arg, const struct nlmsghdr *m)
{
	neighbours_heard(arg, m);
}

int neighbours_read_all(struct net *net)
{
	struct neighbours *all = net->neighbours;
	char buffer[256] __attribute__((aligned(8)));
	int err = -EINTR;

	for (size_t i = all->count; i-- > 0;)
		if (!all->at[i].wanted)
			forget(all, &all->at[i]);

	for (int tries = 0; err == -EINTR && tries < 8; tries++) /* it changed meanwhile */
		err = netlink_query(
			&net->ask,
			netlink_message(buffer, RTM_GETNEIGH, NLM_F_DUMP, sizeof(struct ndmsg)),
			dumped, net);
	return err;
}

void neighbours_link_up(struct net *net, uint32_t ifindex)
{
	struct neighbours *all = net->neighbours;

	for (size_t i = 0; i < all->count; i++)
		if (all->at[i].wanted && all->at[i].key.ifindex == ifindex)
			(void)order_resolve(net, &all->at[i].key); /* the tick asks again */
}

void neighbours_link_gone(struct net *net, uint32_t ifindex)
{
	struct neighbours *all = net->neighbours;

	for (size_t i = all->count; i-- > 0;) {
		struct neighbour *n = &all->at[i];

		if (n->key.ifindex != ifindex)
			continue;
		if (n->wanted)
			disbelieve(net, n); /* an interface of the same number may come */
		else
			forget(all, n);
	}
}

int neighbours_put(struct net *net, const struct row_neighbour *key)
{
	struct neighbour *n;
	int err;

	if (!net_iface_at(net, key->ifindex))
		return -ENODEV;
	n = find_or_add(net->neighbours, key);
	if (n->wanted)
		return 0;
	n->wanted = true;
	err = n->is.valid ? order_resolve(net, &n->key) : ask_all(net, n);
	if (err)
		forget(net->neighbours, n);
	return err;
}

int neighbours_delete(struct net *net, const struct row_neighbour *key)
{
	struct neighbour *n = find(net->neighbours, key);
	int err = order_forget(net, key); /* also what an earlier daemon left behind */

	if (n)
		forget(net->neighbours, n);
	return err;
}

bool net_neighbour(const struct net *net, uint32_t ifindex, const struct addr *ip,
		   struct net_neighbour *out)
{
	struct row_neighbour key;
	const struct neighbour *n;

	memset(&key, 0, sizeof(key));
	key.ip = *ip;
	key.ifindex = ifindex;
	n = find(net->neighbours, &key);
	if (!n || !n->known)
		return false;
	*out = n->is;
	return true;
}

void net_suspect(struct net *net, uint32_t ifindex, const struct addr *ip)
{
	struct row_neighbour key;
	struct neighbour *n;

	memset(&key, 0, sizeof(key));
	key.ip = *ip;
	key.ifindex = ifindex;
	n = find(net->neighbours, &key);
	if (n && n->wanted && loop_now(net->loop) - n->asked >= ASK_AGAIN_MSEC)
		ask_in_turn(net, n);
}
