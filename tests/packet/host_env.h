/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel gives the data plane, natively: maps, helpers, one frame, a clock that stands
 * still. Entries and frames are heap blocks of their exact size, so that the address sanitizer
 * sees every read too far, every use of a removed entry and every stale packet pointer.
 */
#ifndef TESTS_PACKET_HOST_ENV_H
#define TESTS_PACKET_HOST_ENV_H

#include <errno.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

struct host_row;

struct host_map {
	const char *name;
	__u32 type, key_size, value_size, max;
	bool refuses; /* fails every insertion */
	struct host_map *next;
	__u8 *values;             /* array types */
	struct host_row **bucket; /* hash types ... */
	struct host_row *oldest, *newest;
	__u32 count;
};

void host_map_add(struct host_map *m);
struct host_map *host_map_find(const char *name);
void host_map_clear(struct host_map *m);
/* The key after prev in age; NULL: the first. -ENOENT at the end. */
int host_map_next(struct host_map *m, const void *prev, void *key);

#define LB_MAP(name_, type_, key_, value_, max_, flags_)                                           \
	static struct host_map name_ = {.name = #name_,                                            \
					.type = type_,                                             \
					.key_size = sizeof(key_),                                  \
					.value_size = sizeof(value_),                              \
					.max = max_};                                              \
	__attribute__((constructor)) static void name_##_add(void)                                 \
	{                                                                                          \
		host_map_add(&name_);                                                              \
	}                                                                                          \
	struct host_map

/* What was put into a ring buffer and not taken yet is one block, each record of its own length. */
#define LB_RING(name_, bytes_)                                                                     \
	static struct host_map name_ = {                                                           \
		.name = #name_, .type = BPF_MAP_TYPE_RINGBUF, .max = bytes_};                      \
	__attribute__((constructor)) static void name_##_add(void)                                 \
	{                                                                                          \
		host_map_add(&name_);                                                              \
	}                                                                                          \
	struct host_map

/* Takes the oldest record, of size bytes; false: there is none. */
bool host_ring_take(struct host_map *m, void *record, size_t size);

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_loop(__u32 times, long (*fn)(__u32 i, void *ctx), void *ctx, __u64 flags);
long bpf_redirect_map(void *map, __u64 key, __u64 flags);
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta);
__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx);
__u64 bpf_ktime_get_coarse_ns(void);
__u64 bpf_ktime_get_ns(void);
long bpf_ringbuf_output(void *ring, void *data, __u64 size, __u64 flags);
__u64 bpf_jiffies64(void);

/* As the kernel's test run: what does not fit the first page is a fragment. */
enum { HOST_LINEAR_MAX = 3520 };

void host_frame_set(const void *bytes, size_t len);
size_t host_frame_get(void *bytes);
void host_clock_add(__u64 ns);

void *env_data(const struct xdp_md *ctx);
void *env_data_end(const struct xdp_md *ctx);

#define bpf_htons(x) ((__be16)__builtin_bswap16(x))
#define bpf_ntohs(x) ((__u16)__builtin_bswap16(x))
#define bpf_htonl(x) ((__be32)__builtin_bswap32(x))
#define bpf_ntohl(x) ((__u32)__builtin_bswap32(x))

#define env_branch()    ((void)0)
#define env_kept(value) ((void)(value))

static __always_inline __u32 env_load32(const void *from)
{
	__u32 value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static __always_inline __u64 env_load64(const void *from)
{
	__u64 value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static __always_inline void env_store32(void *to, __u32 value)
{
	memcpy(to, &value, sizeof(value));
}

static __always_inline void env_store64(void *to, __u64 value)
{
	memcpy(to, &value, sizeof(value));
}

#endif
