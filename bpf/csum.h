/* SPDX-License-Identifier: GPL-2.0-only */
/* The Internet checksum (RFC 1071, RFC 1624), as sums of 16-bit words in network order. */
#ifndef LBXDP_BPF_CSUM_H
#define LBXDP_BPF_CSUM_H

#include "wire.h"

stage __u32 csum_word(__u32 sum, __u32 word)
{
	return sum + (word & 0xffff) + (word >> 16);
}

stage __u32 csum_words(__u32 sum, const void *from, __u32 count)
{
	for (__u32 i = 0; i < count; i++)
		sum = csum_word(sum, env_load32(from + 4 * i));
	return sum;
}

stage __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* What goes into a header's checksum field for these words. */
stage __be16 csum_finish(__u32 sum)
{
	return (__be16)~csum_fold(sum);
}

/* RFC 1624 equation 3: the checksum after one 16-bit word changed. */
stage __be16 csum_replace(__be16 checksum, __be16 was, __be16 is)
{
	return csum_finish((__u16)~checksum + (__u16)~was + is);
}

/* The same after count 32-bit words changed. */
stage __be16 csum_change(__be16 checksum, const void *was, const void *is, __u32 count)
{
	__u32 sum = (__u16)~checksum;

	for (__u32 i = 0; i < count; i++) {
		sum = csum_word(sum, ~env_load32(was + 4 * i));
		sum = csum_word(sum, env_load32(is + 4 * i));
	}
	return csum_finish(sum);
}

/* RFC 8200 8.1, RFC 9293 3.1. Addresses are added by the caller. */
stage __u32 csum_pseudo(__u8 proto, __u32 len)
{
	return csum_word(bpf_htons(proto), bpf_htonl(len));
}

#endif
