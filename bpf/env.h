/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the code runs: in the kernel, or natively in a test. Nothing else in bpf/ knows. Gives
 * types, helpers, byte order, LB_MAP and loads that may be unaligned.
 */
#ifndef LBXDP_BPF_ENV_H
#define LBXDP_BPF_ENV_H

#ifdef __bpf__

#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define EEXIST 17

/* A map with BTF, so that bpftool prints its rows by field name. */
#define LB_MAP(name_, type_, key_, value_, max_, flags_)                                           \
	struct {                                                                                   \
		__uint(type, type_);                                                               \
		__uint(max_entries, max_);                                                         \
		__uint(map_flags, flags_);                                                         \
		__type(key, key_);                                                                 \
		__type(value, value_);                                                             \
	} name_ SEC(".maps")

/* A ring buffer: the kernel knows bytes only. */
#define LB_RING(name_, bytes_)                                                                     \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, bytes_);                                                       \
	} name_ SEC(".maps")

static __always_inline void *env_data(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *env_data_end(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/* One wide instruction each, at any address: the hash of a map reads wide words, and a wide load
 * from narrow stores stalls. */
static __always_inline __u32 env_load32(const void *from)
{
	return *(const __u32 *)from;
}

static __always_inline __u64 env_load64(const void *from)
{
	return *(const __u64 *)from;
}

static __always_inline void env_store32(void *to, __u32 value)
{
	*(__u32 *)to = value;
}

static __always_inline void env_store64(void *to, __u64 value)
{
	*(__u64 *)to = value;
}

/* What comes before stays a branch: the verifier follows branches, not sums of conditions. */
#define env_branch() __asm__ volatile("")

/* This value is kept where it is needed later, not computed anew: the verifier knows the bounds of
 * the one that was compared. */
#define env_kept(value) __asm__ volatile("" : "+r"(value))

#else
#include "host_env.h"
#endif

#define stage static __always_inline
/*
 * A global function: the verifier walks it once, for any arguments, instead of once for each way
 * that leads to it. It takes the result for any number, and packet pointers are stale afterwards.
 * Weak, so that the compiler does not know better and leave out a check the verifier wants.
 */
#define separate __attribute__((noinline, weak))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A value another CPU may be changing: read once, in one piece. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

#endif
