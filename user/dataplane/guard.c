/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program that judges clients of layer 7 where XDP does not see them (bpf/guard.h), in the
 * network namespace of this process. Its pinned link keeps it there when no daemon runs; who adopts
 * the maps puts his own program in its place, in one step.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/internal.h"
#include "dataplane/said.h"
#include "guard.skel.h"

/* As the maps', the name says to every version's `down` that the pin is ours. */
static const char pin_name[] = "lbx_guard";

static const char own_namespace[] = "/proc/self/ns/net";

static int open_link(const char *pin_dir, char path[PATH_MAX])
{
	int fd = -ENAMETOOLONG;

	if (snprintf(path, PATH_MAX, "%s/%s", pin_dir, pin_name) < PATH_MAX) {
		fd = bpf_obj_get(path);
		fd = fd < 0 ? -errno : fd;
	}
	return fd;
}

/* Not one that somebody detached, or that is another namespace's. */
static bool is_attached_here(int link)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	struct stat here;

	return !bpf_obj_get_info_by_fd(link, &info, &len) && info.type == BPF_LINK_TYPE_NETNS &&
	       !stat(own_namespace, &here) && info.netns.netns_ino == here.st_ino;
}

/* In the place of what is pinned there, if anything is. */
static int attach_anew(const char *path, int prog)
{
	int ns = open(own_namespace, O_RDONLY | O_CLOEXEC), link = -1, err = 0;

	if (ns >= 0)
		link = bpf_link_create(prog, ns, BPF_SK_LOOKUP, NULL);
	if (link < 0 || (unlink(path) && errno != ENOENT) || bpf_obj_pin(link, path))
		err = -errno;
	if (link >= 0)
		close(link);
	if (ns >= 0)
		close(ns);
	return err;
}

static int attach(const struct dataplane *d, int prog)
{
	char path[PATH_MAX];
	int link = open_link(d->pin_dir, path), err;

	if (link < 0 && link != -ENOENT)
		return link;
	if (link >= 0 && is_attached_here(link))
		err = bpf_link_update(link, prog, NULL) ? -errno : 0;
	else
		err = attach_anew(path, prog);
	if (link >= 0)
		close(link);
	return err;
}

/* The link holds the program, and the program the maps. */
int guard_put(struct dataplane *d)
{
	struct guard_bpf *guard = guard_bpf__open();
	int err = guard ? map_share(d, guard->obj) : -errno;

	said_clear();
	if (!err)
		err = guard_bpf__load(guard);
	if (!err)
		err = attach(d, bpf_program__fd(guard->progs.lbxdp_guard));
	guard_bpf__destroy(guard);
	return err;
}

/* Detached first: the kernel lets go of a link whose last name is gone only some time later. */
int guard_remove(const char *pin_dir)
{
	char path[PATH_MAX];
	int link = open_link(pin_dir, path), err = 0;

	if (link < 0)
		return link == -ENOENT ? 0 : link;
	(void)bpf_link_detach(link); /* its namespace may be gone */
	if (unlink(path) && errno != ENOENT)
		err = -errno;
	close(link);
	return err;
}

bool guard_pinned(const char *pin_dir)
{
	char path[PATH_MAX];
	int link = open_link(pin_dir, path);

	if (link >= 0)
		close(link);
	return link >= 0;
}

bool dataplane_guards_now(const struct dataplane *d)
{
	char path[PATH_MAX];
	int link = open_link(d->pin_dir, path);
	bool is = link >= 0 && is_attached_here(link);

	if (link >= 0)
		close(link);
	return is;
}
