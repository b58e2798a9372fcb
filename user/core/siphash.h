/* SPDX-License-Identifier: GPL-2.0-only */
/* SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a hash whose
 * collisions nobody can aim at who does not know the key. Pure. */
#ifndef LBXDP_CORE_SIPHASH_H
#define LBXDP_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* Of len bytes, under the 128-bit key in two words of the host. The same on every host of the same
 * byte order. */
uint64_t siphash(const uint64_t key[2], const void *bytes, size_t len);

#endif
