/* SPDX-License-Identifier: GPL-2.0-only */
#include "dataplane/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <xdp/libxdp.h>

#include "dataplane/power.h"
#include "lbxdp.skel.h"

struct member {
	struct lbxdp_bpf *skel; /* NULL: from a pin */
	struct xdp_program *prog;
};

static enum xdp_attach_mode mode_of(bool native)
{
	return native ? XDP_MODE_NATIVE : XDP_MODE_SKB;
}

void member_free(struct member *m)
{
	if (!m)
		return;
	if (m->prog)
		xdp_program__close(m->prog);
	lbxdp_bpf__destroy(m->skel);
	free(m);
}

/* An object that libxdp loads itself: as an extension of the dispatcher, or as it is. */
static int member_new(const struct dataplane *d, struct member **out)
{
	struct member *m = calloc(1, sizeof(*m));
	int err = m ? 0 : -ENOMEM;

	if (err)
		return err;
	m->skel = lbxdp_bpf__open();
	err = m->skel ? map_share(d, m->skel->obj) : -errno;
	if (!err) {
		m->prog = xdp_program__from_bpf_obj(m->skel->obj, "xdp.frags");
		err = (int)libxdp_get_error(m->prog);
	}
	if (err) {
		m->prog = NULL;
		member_free(m);
		return err;
	}
	*out = m;
	return 0;
}

bool dispatcher_runs(uint32_t ifindex)
{
	bool raised = power_raise();
	struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex((int)ifindex);
	bool found = !libxdp_get_error(all) && all && !xdp_multiprog__is_legacy(all);

	if (!libxdp_get_error(all))
		xdp_multiprog__close(all);
	power_lower(raised);
	return found;
}

int member_attach(const struct dataplane *d, uint32_t ifindex, bool native, struct member **out,
		  bool *dispatched)
{
	struct member *m;
	bool raised = power_raise();
	int err = member_new(d, &m);

	if (err)
		goto out;
	err = xdp_program__attach(m->prog, (int)ifindex, mode_of(native), 0);
	if (err) {
		member_free(m);
		goto out;
	}
	*dispatched = dispatcher_runs(ifindex);
	*out = m;
out:
	power_lower(raised);
	return err;
}

static const char *member_path(const char *pin_dir, uint32_t ifindex, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/prog-%u", pin_dir, ifindex);
	return path;
}

struct member *member_pinned(const char *pin_dir, uint32_t ifindex)
{
	struct member *m = calloc(1, sizeof(*m));
	char path[PATH_MAX];
	bool raised;

	if (!m)
		return NULL;
	if (access(member_path(pin_dir, ifindex, path), F_OK)) {
		free(m);
		return NULL;
	}
	raised = power_raise();
	m->prog = xdp_program__from_pin(path);
	if (libxdp_get_error(m->prog))
		m->prog = NULL;
	power_lower(raised);
	if (!m->prog || !member_runs(m, ifindex)) {
		member_free(m);
		return NULL;
	}
	return m;
}

int member_pin(const struct member *m, const char *pin_dir, uint32_t ifindex)
{
	char path[PATH_MAX];

	member_unpin(pin_dir, ifindex);
	return bpf_obj_pin(member_fd(m), member_path(pin_dir, ifindex, path)) ? -errno : 0;
}

void member_unpin(const char *pin_dir, uint32_t ifindex)
{
	char path[PATH_MAX];

	(void)unlink(member_path(pin_dir, ifindex, path)); /* may not be there */
}

int member_fd(const struct member *m)
{
	return xdp_program__fd(m->prog);
}

bool member_runs(const struct member *m, uint32_t ifindex)
{
	bool raised = power_raise();
	bool runs = xdp_program__is_attached(m->prog, (int)ifindex) != XDP_MODE_UNSPEC;

	power_lower(raised);
	return runs;
}

int member_detach(struct member *m, uint32_t ifindex, bool native)
{
	bool raised = power_raise();
	int err = xdp_program__detach(m->prog, (int)ifindex, mode_of(native), 0);

	power_lower(raised);
	return err;
}
