/* SPDX-License-Identifier: GPL-2.0-only */
#include "host_env.h"

#include <stdlib.h>

enum { HOST_BUCKETS = 1024, HOST_TAILROOM = 256, HOST_JIFFY_SHIFT = 20 };

/* A row of a hash: key and value behind it, in the order of insertion. */
struct host_row {
	struct host_row *chain, *older, *newer;
	__u8 *value;
	__u8 key[];
};

static struct host_map *maps;

static struct {
	__u8 *block, *rest; /* the linear part begins 2 bytes into its block: headers are aligned */
	size_t linear, rest_len;
	__u64 clock;
} host = {.clock = 1000ULL << 40};

static bool is_array(const struct host_map *m)
{
	return m->type == BPF_MAP_TYPE_ARRAY || m->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

void host_map_add(struct host_map *m)
{
	if (is_array(m))
		m->values = calloc(m->max, m->value_size);
	else if (m->type == BPF_MAP_TYPE_RINGBUF)
		m->values = malloc(m->max);
	else
		m->bucket = calloc(HOST_BUCKETS, sizeof(*m->bucket));
	m->next = maps;
	maps = m;
}

struct host_map *host_map_find(const char *name)
{
	struct host_map *m = maps;

	while (m && strcmp(m->name, name))
		m = m->next;
	return m;
}

static struct host_row **place(const struct host_map *m, const void *key)
{
	struct host_row **at;
	__u32 hash = 0;

	for (__u32 i = 0; i < m->key_size; i++)
		hash = hash * 31 + ((const __u8 *)key)[i];
	at = &m->bucket[hash % HOST_BUCKETS];
	while (*at && memcmp((*at)->key, key, m->key_size))
		at = &(*at)->chain;
	return at;
}

static void drop(struct host_map *m, struct host_row **at)
{
	struct host_row *row = *at;

	*at = row->chain;
	*(row->older ? &row->older->newer : &m->oldest) = row->newer;
	*(row->newer ? &row->newer->older : &m->newest) = row->older;
	m->count--;
	free(row->value);
	free(row);
}

void host_map_clear(struct host_map *m)
{
	if (is_array(m))
		memset(m->values, 0, (size_t)m->max * m->value_size);
	else
		while (m->oldest)
			drop(m, place(m, m->oldest->key));
}

int host_map_next(struct host_map *m, const void *prev, void *key)
{
	struct host_row *row = prev ? *place(m, prev) : NULL;

	row = row ? row->newer : prev ? NULL : m->oldest;
	if (!row)
		return -ENOENT;
	memmove(key, row->key, m->key_size);
	return 0;
}

/* Do the first bits of two byte strings agree? */
static bool same_bits(const __u8 *a, const __u8 *b, __u32 bits)
{
	if (memcmp(a, b, bits / 8))
		return false;
	return !(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8));
}

/* The longest prefix, by trying all. A key begins with the number of bits that count. */
static void *match_prefix(const struct host_map *m, const void *key)
{
	const struct host_row *best = NULL;
	__u32 wanted, bits, most = 0;

	memcpy(&wanted, key, sizeof(wanted));
	for (struct host_row *row = m->oldest; row; row = row->newer) {
		memcpy(&bits, row->key, sizeof(bits));
		if (bits > wanted || (best && bits <= most) ||
		    !same_bits(row->key + 4, (const __u8 *)key + 4, bits))
			continue;
		best = row;
		most = bits;
	}
	return best ? best->value : NULL;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	struct host_map *m = map;
	struct host_row *row;
	__u32 index;

	if (is_array(m)) {
		memcpy(&index, key, sizeof(index));
		return index < m->max ? m->values + (size_t)index * m->value_size : NULL;
	}
	if (m->type == BPF_MAP_TYPE_LPM_TRIE)
		return match_prefix(m, key);
	row = *place(m, key);
	return row ? row->value : NULL;
}

static long insert(struct host_map *m, const void *key, const void *value)
{
	struct host_row *row, **at;

	if (m->refuses)
		return -ENOMEM;
	if (m->count >= m->max) {
		if (m->type != BPF_MAP_TYPE_LRU_HASH)
			return -E2BIG;
		drop(m, place(m, m->oldest->key));
	}
	at = place(m, key);
	row = calloc(1, sizeof(*row) + m->key_size);
	row->value = malloc(m->value_size);
	memcpy(row->key, key, m->key_size);
	memcpy(row->value, value, m->value_size);
	row->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = row;
	m->newest = *at = row;
	m->count++;
	return 0;
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	struct host_map *m = map;
	bool hashed = m->type == BPF_MAP_TYPE_LPM_TRIE;
	struct host_row *exact = hashed ? *place(m, key) : NULL;
	void *row = !hashed ? bpf_map_lookup_elem(m, key) : exact ? exact->value : NULL;

	if (!row)
		return is_array(m) ? -E2BIG : insert(m, key, value);
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	memcpy(row, value, m->value_size);
	return 0;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	struct host_map *m = map;
	struct host_row **at = is_array(m) ? NULL : place(m, key);

	if (!at || !*at)
		return at ? -ENOENT : -EINVAL;
	drop(m, at);
	return 0;
}

long bpf_loop(__u32 times, long (*fn)(__u32 i, void *ctx), void *ctx, __u64 flags)
{
	__u32 i = 0;

	while (i < times)
		if (fn(i++, ctx))
			break;
	return i;
}

long bpf_redirect_map(void *map, __u64 key, __u64 flags)
{
	__u32 index = key;

	return bpf_map_lookup_elem(map, &index) ? XDP_REDIRECT : (long)(flags & 3);
}

/* count is in bytes. */
long bpf_ringbuf_output(void *ring, void *data, __u64 size, __u64 flags)
{
	struct host_map *m = ring;

	if (m->count + size > m->max)
		return -EAGAIN;
	memcpy(m->values + m->count, data, size);
	m->count += size;
	return 0;
}

bool host_ring_take(struct host_map *m, void *record, size_t size)
{
	if (m->count < size)
		return false;
	memcpy(record, m->values, size);
	m->count -= size;
	memmove(m->values, m->values + size, m->count);
	return true;
}

void host_frame_set(const void *bytes, size_t len)
{
	free(host.block);
	free(host.rest);
	host.linear = len < HOST_LINEAR_MAX ? len : HOST_LINEAR_MAX;
	host.rest_len = len - host.linear;
	host.block = malloc(host.linear + 2);
	host.rest = malloc(host.rest_len + 1);
	memcpy(host.block + 2, bytes, host.linear);
	memcpy(host.rest, (const __u8 *)bytes + host.linear, host.rest_len);
}

size_t host_frame_get(void *bytes)
{
	memcpy(bytes, host.block + 2, host.linear);
	memcpy((__u8 *)bytes + host.linear, host.rest, host.rest_len);
	return host.linear + host.rest_len;
}

/* Every pointer into the frame is stale afterwards: the block is another one. */
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta)
{
	size_t len = host.linear + host.rest_len, linear = host.linear, want = len + delta;
	__u8 *block;

	if (delta > HOST_TAILROOM || (delta < 0 && (size_t)-delta + 14 > len))
		return -EINVAL;
	if (host.rest_len && want > linear) {
		host.rest = realloc(host.rest, want - linear + 1);
		if (want > len)
			memset(host.rest + host.rest_len, 0, want - len);
		host.rest_len = want - linear;
		want = linear;
	} else {
		host.rest_len = 0;
	}
	block = calloc(1, want + 2);
	memcpy(block, host.block, (want < linear ? want : linear) + 2);
	free(host.block);
	host.block = block;
	host.linear = want;
	return 0;
}

__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx)
{
	return host.linear + host.rest_len;
}

__u64 bpf_ktime_get_coarse_ns(void)
{
	return host.clock;
}

__u64 bpf_ktime_get_ns(void)
{
	return host.clock;
}

__u64 bpf_jiffies64(void)
{
	return host.clock >> HOST_JIFFY_SHIFT;
}

void host_clock_add(__u64 ns)
{
	host.clock += ns;
}

void *env_data(const struct xdp_md *ctx)
{
	return host.block + 2;
}

void *env_data_end(const struct xdp_md *ctx)
{
	return host.block + 2 + host.linear;
}
