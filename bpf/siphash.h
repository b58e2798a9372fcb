/* SPDX-License-Identifier: GPL-2.0-only */
/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) over 64-bit words,
 * without the length that only inputs of several lengths need. */
#ifndef LBXDP_BPF_SIPHASH_H
#define LBXDP_BPF_SIPHASH_H

#include "env.h"

struct siphash {
	__u64 a, b, c, d;
};

stage __u64 siphash_rotate(__u64 x, __u32 bits)
{
	return x << bits | x >> (64 - bits);
}

stage void siphash_round(struct siphash *h)
{
	h->a += h->b;
	h->c += h->d;
	h->b = siphash_rotate(h->b, 13) ^ h->a;
	h->d = siphash_rotate(h->d, 16) ^ h->c;
	h->a = siphash_rotate(h->a, 32);
	h->c += h->b;
	h->a += h->d;
	h->b = siphash_rotate(h->b, 17) ^ h->c;
	h->d = siphash_rotate(h->d, 21) ^ h->a;
	h->c = siphash_rotate(h->c, 32);
}

stage struct siphash siphash_begin(const __u64 key[2])
{
	return (struct siphash){key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
				key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
}

stage void siphash_add(struct siphash *h, __u64 word)
{
	h->d ^= word;
	siphash_round(h);
	h->a ^= word;
}

stage __u64 siphash_end(struct siphash *h)
{
	h->c ^= 0xff;
	for (int i = 0; i < 3; i++)
		siphash_round(h);
	return h->a ^ h->b ^ h->c ^ h->d;
}

#endif
