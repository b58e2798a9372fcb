/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `down`: takes our programs off every interface and the pins away, with or without the maps being
 * open, so that it also works on what another version of lbxdp left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/alloc.h"
#include "dataplane/dispatch.h"
#include "dataplane/hook.h"
#include "dataplane/internal.h"
#include "dataplane/said.h"

static int remove_member(const char *pin_dir, uint32_t ifindex, bool native)
{
	struct member *m = member_pinned(pin_dir, ifindex);
	int err = m ? member_detach(m, ifindex, native) : 0;

	member_free(m);
	return err;
}

static int remove_from(const char *pin_dir, uint32_t ifindex, const int fd[PROGRAM_PINS])
{
	struct hook_state now;

	if (hook_query(ifindex, &now) || !now.id)
		return 0;
	for (size_t i = 0; i < PROGRAM_PINS; i++)
		if (fd[i] >= 0 && now.id == hook_program_id(fd[i]))
			return hook_detach(ifindex, fd[i], now.native);
	return remove_member(pin_dir, ifindex, now.native);
}

static int remove_from_all(const char *pin_dir, const int fd[PROGRAM_PINS], struct buf *why)
{
	struct if_nameindex *all = if_nameindex();
	int err = 0;

	if (!all)
		return -errno;
	for (struct if_nameindex *i = all; i->if_index; i++) {
		int e = remove_from(pin_dir, i->if_index, fd);

		for (enum dataplane_filter f = 0; f < FILTER_COUNT; f++) {
			int filter = divert_remove(pin_dir, f, i->if_index);

			e = e ? e : filter;
		}
		if (e && e != -ENODEV) {
			buf_printf(why, "%s: cannot detach: %s\n", i->if_name, said_why(e));
			err = err ? err : e;
		}
	}
	if_freenameindex(all);
	return err;
}

static bool is_ours(const char *name)
{
	return !strncmp(name, "lbx_", 4) || !strncmp(name, "prog", 4);
}

/* The version goes first: a removal that is cut short is not adopted by the next start. */
static int remove_pins(const char *pin_dir)
{
	DIR *dir = opendir(pin_dir);
	const struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	(void)unlinkat(dirfd(dir), map_names[MAP_SETTINGS], 0);
	while ((e = readdir(dir)))
		if (is_ours(e->d_name) && !unlinkat(dirfd(dir), e->d_name, 0))
			rewinddir(dir);
	closedir(dir);
	return rmdir(pin_dir) && errno != ENOENT ? -errno : 0;
}

int dataplane_remove(const char *pin_dir, struct buf *why)
{
	char path[PATH_MAX];
	int fd[PROGRAM_PINS], err;

	said_install();
	for (size_t i = 0; i < PROGRAM_PINS; i++) {
		snprintf(path, sizeof(path), "%s/%s", pin_dir, program_pins[i]);
		fd[i] = bpf_obj_get(path);
	}
	err = remove_from_all(pin_dir, fd, why);
	(void)guard_remove(pin_dir); /* it goes with its pin, if not before */
	for (size_t i = 0; i < PROGRAM_PINS; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	/* The pins of a program that still runs are the only handle to it. */
	return err ? err : remove_pins(pin_dir);
}
