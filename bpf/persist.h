/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Persistence by source (R124): the real that a client, or the network it is in, had last, on
 * whichever port of the service. The least recently used entries make room; one whose time is over
 * is written anew. What it says is a hint: the caller judges whether the real may have the flow.
 */
#ifndef LBXDP_BPF_PERSIST_H
#define LBXDP_BPF_PERSIST_H

#include "maps.h"
#include "pkt.h"

/* The first bits of a word, as it stands in the packet. */
stage __be32 persist_mask(__s32 bits)
{
	if (bits <= 0)
		return 0;
	return bits >= 32 ? 0xffffffffU : bpf_htonl(0xffffffffU << (32 - bits));
}

/* An IPv4 address stands in the last word of four, and has its own count of bits. */
stage void persist_key(struct lb_persist_key *key, __u32 service, const struct lb_addr *client,
		       struct lb_policy policy)
{
	bool mapped = !env_load64(client->byte) && env_load32(client->byte + 8) == PKT_MAPPED;
	__s32 bits = mapped ? 96 + policy.mask4 : policy.mask6;

	key->service = service;
	for (int i = 0; i < 4; i++)
		env_store32(&key->client.byte[4 * i],
			    env_load32(&client->byte[4 * i]) & persist_mask(bits - 32 * i));
}

/* Signed, because another CPU may have seen the next tick already. */
stage bool persist_is_over(const struct lb_persist *e, __u32 now, __u32 timeout)
{
	return (__s32)(now - e->seen) > (__s32)timeout;
}

/* The real that is remembered, from now on for another timeout; 0: none. */
stage __u32 persist_find(const struct lb_persist_key *key, __u32 now, __u32 timeout)
{
	struct lb_persist *e = bpf_map_lookup_elem(&lbx_persist, key);

	if (!e || persist_is_over(e, now, timeout))
		return 0;
	e->seen = now;
	return e->real;
}

/* 0 where the client was not known. */
stage long persist_add(const struct lb_persist_key *key, __u32 real, __u32 now)
{
	struct lb_persist e = {.real = real, .seen = now};

	return bpf_map_update_elem(&lbx_persist, key, &e, BPF_NOEXIST);
}

#endif
