/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps as files: made or adopted, pinned, mapped into memory. Adoption is all or nothing: the
 * version in lbx_settings is written when every other map is pinned, so that a start that was cut
 * short leaves pins that the next one replaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/alloc.h"
#include "dataplane/internal.h"
#include "dataplane/power.h"
#include "lbxdp.skel.h"

static const char default_bpffs[] = "/sys/fs/bpf";

const char *const map_names[MAP_COUNT] = {
#define MAP_NAME(id, name) [MAP_##id] = #name,
	DATAPLANE_MAPS(MAP_NAME)
#undef MAP_NAME
};

const char *map_path(const struct dataplane *d, const char *name, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/%s", d->pin_dir, name) >= PATH_MAX)
		path[0] = '\0'; /* an empty path is refused by every call it is given to */
	return path;
}

static bool is_bpffs(const char *dir)
{
	struct statfs fs;

	return !statfs(dir, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* Where the system has not done it, as in a container. */
static bool mount_bpffs(const char *dir)
{
	bool raised, done;

	if (strcmp(dir, default_bpffs))
		return false;
	raised = power_raise();
	done = !mount("bpf", dir, "bpf", 0, "mode=0700");
	power_lower(raised);
	return done;
}

int map_make_dir(struct dataplane *d, struct buf *why)
{
	char parent[PATH_MAX];
	char *slash;

	memcpy(parent, d->pin_dir, sizeof(parent));
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return -EINVAL;
	*slash = '\0';
	if (!is_bpffs(parent) && !mount_bpffs(parent)) {
		buf_printf(why, "no BPF file system at %s; mount it with: mount -t bpf bpf %s",
			   parent, parent);
		return -ENOENT;
	}
	if (mkdir(d->pin_dir, 0700) && errno != EEXIST) {
		buf_printf(why, "cannot make %s: %s", d->pin_dir, strerror(errno));
		return -errno;
	}
	return 0;
}

/* What makes one map another: everything but its name and its content. The kernel adds
 * BPF_F_RDONLY_PROG to a device map by itself. */
static bool same_shape(const struct bpf_map *want, const struct bpf_map_info *is)
{
	return bpf_map__type(want) == is->type && bpf_map__key_size(want) == is->key_size &&
	       bpf_map__value_size(want) == is->value_size &&
	       bpf_map__max_entries(want) == is->max_entries &&
	       !((bpf_map__map_flags(want) ^ is->map_flags) & ~(__u32)BPF_F_RDONLY_PROG);
}

int map_open_pinned(const struct dataplane *d, enum map_id id, struct bpf_map_info *info)
{
	char path[PATH_MAX];
	__u32 len = sizeof(*info);
	int fd = bpf_obj_get(map_path(d, map_names[id], path));

	if (fd < 0)
		return -errno;
	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(fd, info, &len)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

/* The version of who made the pinned maps; 0: none are there, or they were never finished. */
static int pinned_version(const struct dataplane *d, uint32_t *version)
{
	struct bpf_map_info info;
	int fd = map_open_pinned(d, MAP_SETTINGS, &info), err = 0;
	uint32_t key = 0;
	void *row;

	*version = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	row = calloc(1, info.value_size + sizeof(*version));
	if (!row)
		err = -ENOMEM;
	else if (bpf_map_lookup_elem(fd, &key, row))
		err = -errno;
	else
		memcpy(version, row, sizeof(*version)); /* the first field in every version */
	free(row);
	close(fd);
	return err;
}

static bool is_flow_table(enum map_id id)
{
	return id == MAP_FLOWS4 || id == MAP_FLOWS6 || id == MAP_NAT;
}

/* Opens one pinned map into d->fd and gives it to the object. */
int map_adopt_one(struct dataplane *d, struct bpf_object *obj, enum map_id id, struct buf *why)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, map_names[id]);
	struct bpf_map_info info;
	int fd = map_open_pinned(d, id, &info);

	if (!map)
		return -ENOENT;
	if (fd < 0) {
		buf_printf(why, "%s/%s: %s", d->pin_dir, map_names[id], strerror(-fd));
		return fd == -ENOENT ? -EEXIST : fd;
	}
	d->fd[id] = fd;
	if (is_flow_table(id) && info.max_entries != d->flows) {
		buf_printf(why, "%s/%s holds %u flows, not %u", d->pin_dir, map_names[id],
			   info.max_entries, d->flows);
		return -EEXIST;
	}
	if (!same_shape(map, &info)) {
		buf_printf(why, "%s/%s has another size", d->pin_dir, map_names[id]);
		return -EEXIST;
	}
	return bpf_map__reuse_fd(map, fd);
}

/* Builds of this version there were without them: what is not pinned is made anew, empty. */
static bool may_be_missing(const struct dataplane *d, enum map_id id)
{
	char path[PATH_MAX];

	return (id == MAP_NAT_HALF || id == MAP_NAT_BRIEF || id == MAP_FLOODS ||
		id == MAP_CLAIMS) &&
	       access(map_path(d, map_names[id], path), F_OK) && errno == ENOENT;
}

static int adopt_all(struct dataplane *d, uint32_t version, struct bpf_object *obj, struct buf *why)
{
	int err = version == LB_ABI_VERSION ? 0 : carry_adopt(d, version, obj, why);

	for (enum map_id id = 0; !err && version == LB_ABI_VERSION && id < MAP_COUNT; id++)
		err = may_be_missing(d, id) ? 0 : map_adopt_one(d, obj, id, why);
	d->adopted = !err;
	if (err == -EEXIST)
		buf_puts(why, "; run `lbxdp down`, then `lbxdp up`");
	return err;
}

static int set_flows(struct bpf_object *obj, uint32_t flows)
{
	static const enum map_id tables[] = {MAP_FLOWS4, MAP_FLOWS6, MAP_NAT};

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, map_names[tables[i]]);
		int err = map ? bpf_map__set_max_entries(map, flows) : -ENOENT;

		if (err)
			return err;
	}
	return 0;
}

int map_adopt(struct dataplane *d, struct lbxdp_bpf *skel, uint32_t flows, struct buf *why)
{
	struct bpf_map_info info;
	uint32_t version;
	int err = pinned_version(d, &version), fd;

	if (err) {
		buf_printf(why, "cannot read the maps in %s: %s", d->pin_dir, strerror(-err));
		return err;
	}
	if (version && version != LB_ABI_VERSION && !carry_knows(version)) {
		buf_printf(why,
			   "%s holds the maps of another lbxdp (version %u, this is %u); run "
			   "`lbxdp down`, then `lbxdp up`",
			   d->pin_dir, version, LB_ABI_VERSION);
		return -EEXIST;
	}
	d->flows = flows;
	if (version && !flows) {
		fd = map_open_pinned(d, MAP_FLOWS4, &info);
		if (fd >= 0) {
			d->flows = info.max_entries;
			close(fd);
		}
	}
	if (!d->flows)
		d->flows = dataplane_default_flows((uint64_t)sysconf(_SC_PHYS_PAGES) *
						   (uint64_t)sysconf(_SC_PAGESIZE));
	err = set_flows(skel->obj, d->flows);
	if (!err && version)
		err = adopt_all(d, version, skel->obj, why);
	return err;
}

/* What was not adopted was made by the load. */
static int take_new(struct dataplane *d, enum map_id id)
{
	struct bpf_map *map = bpf_object__find_map_by_name(d->skel->obj, map_names[id]);

	d->fd[id] = map ? fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0) : -1;
	return d->fd[id] < 0 ? -errno : 0;
}

static int pin_one(struct dataplane *d, enum map_id id, struct buf *why)
{
	char path[PATH_MAX];

	map_path(d, map_names[id], path);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	if (bpf_obj_pin(d->fd[id], path)) {
		int err = -errno;

		buf_printf(why, "cannot pin %s: %s", path, strerror(-err));
		return err;
	}
	return 0;
}

/* The kernel keeps array values on multiples of 8 bytes. */
static size_t memory_size(const struct dataplane *d, enum map_id id)
{
	struct bpf_map *map = bpf_object__find_map_by_name(d->skel->obj, map_names[id]);

	return (size_t)((bpf_map__value_size(map) + 7) & ~7U) * bpf_map__max_entries(map);
}

static void *map_memory(struct dataplane *d, enum map_id id)
{
	void *at = mmap(NULL, memory_size(d, id), PROT_READ | PROT_WRITE, MAP_SHARED, d->fd[id], 0);

	return at == MAP_FAILED ? NULL : at;
}

static void unmap_memory(struct dataplane *d, enum map_id id, void *at)
{
	if (at)
		munmap(at, memory_size(d, id));
}

/* New flows stop making entries with a sixteenth of the table left for promotions under way. */
static void write_limits(struct dataplane *d)
{
	d->settings->flows_high = d->flows - d->flows / 16;
	d->settings->flows_low = d->flows - d->flows / 8;
}

static int publish_new(struct dataplane *d, struct buf *why)
{
	bool is_new[MAP_COUNT];
	int err = 0;

	for (enum map_id id = 0; !err && id < MAP_COUNT; id++) {
		is_new[id] = d->fd[id] < 0;
		if (is_new[id])
			err = take_new(d, id);
	}
	if (!err && d->carry)
		err = carry_fill(d, why);
	for (enum map_id id = 0; !err && id < MAP_COUNT; id++)
		if (is_new[id])
			err = pin_one(d, id, why);
	return err;
}

int map_publish(struct dataplane *d, struct buf *why)
{
	int err = publish_new(d, why);

	if (err)
		return err;
	d->filter = map_memory(d, MAP_VIP_FILTER);
	d->services = map_memory(d, MAP_SERVICES);
	d->slots = map_memory(d, MAP_SLOTS);
	d->reals = map_memory(d, MAP_REALS);
	d->conns = map_memory(d, MAP_REAL_CONNS);
	d->settings = map_memory(d, MAP_SETTINGS);
	d->trace_filters = map_memory(d, MAP_TRACE_FILTERS);
	if (!d->filter || !d->services || !d->slots || !d->reals || !d->conns || !d->settings ||
	    !d->trace_filters) {
		buf_printf(why, "cannot map the tables into memory: %s", strerror(errno));
		return -ENOMEM;
	}
	if (!d->adopted)
		write_limits(d);
	if (!d->settings->hash_key[0] && !d->settings->hash_key[1] &&
	    getrandom(d->settings->hash_key, sizeof(d->settings->hash_key), 0) < 0) {
		buf_printf(why, "cannot get random numbers: %s", strerror(errno));
		return -errno;
	}
	__atomic_store_n(&d->settings->abi, LB_ABI_VERSION, __ATOMIC_RELEASE);
	return 0;
}

uint32_t map_entries(const struct dataplane *d, enum map_id id)
{
	return bpf_map__max_entries(bpf_object__find_map_by_name(d->skel->obj, map_names[id]));
}

int map_share(const struct dataplane *d, struct bpf_object *obj)
{
	for (enum map_id id = 0; id < MAP_COUNT; id++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, map_names[id]);
		int err = map ? bpf_map__reuse_fd(map, d->fd[id]) : -ENOENT;

		if (err)
			return err;
	}
	return 0;
}

void map_close(struct dataplane *d)
{
	if (!d->skel)
		return;
	unmap_memory(d, MAP_VIP_FILTER, d->filter);
	unmap_memory(d, MAP_SERVICES, d->services);
	unmap_memory(d, MAP_SLOTS, d->slots);
	unmap_memory(d, MAP_REALS, d->reals);
	unmap_memory(d, MAP_REAL_CONNS, d->conns);
	unmap_memory(d, MAP_SETTINGS, d->settings);
	unmap_memory(d, MAP_TRACE_FILTERS, d->trace_filters);
	for (enum map_id id = 0; id < MAP_COUNT; id++)
		if (d->fd[id] >= 0)
			close(d->fd[id]);
	lbxdp_bpf__destroy(d->skel);
}

void map_unpin(struct dataplane *d)
{
	char path[PATH_MAX];

	/* The version goes first: a removal that is cut short is not adopted. */
	(void)unlink(map_path(d, map_names[MAP_SETTINGS], path));
	for (enum map_id id = 0; id < MAP_COUNT; id++)
		(void)unlink(map_path(d, map_names[id], path)); /* may be gone already */
}
