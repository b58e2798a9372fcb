/* SPDX-License-Identifier: GPL-2.0-only */
#include "dataplane/hook.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/power.h"

static __u32 mode_flag(bool native)
{
	return native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

int hook_query(uint32_t ifindex, struct hook_state *s)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, o);
	int err = bpf_xdp_query((int)ifindex, 0, &o);

	if (err)
		return err;
	s->native = o.drv_prog_id || o.hw_prog_id;
	s->id = o.drv_prog_id ? o.drv_prog_id : o.skb_prog_id ? o.skb_prog_id : o.prog_id;
	return 0;
}

int hook_attach(uint32_t ifindex, int fd, bool native)
{
	return bpf_xdp_attach((int)ifindex, fd, mode_flag(native) | XDP_FLAGS_UPDATE_IF_NOEXIST,
			      NULL);
}

int hook_swap(uint32_t ifindex, int old_fd, int fd, bool native)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, o, .old_prog_fd = old_fd);

	return bpf_xdp_attach((int)ifindex, fd, mode_flag(native) | XDP_FLAGS_REPLACE, &o);
}

int hook_detach(uint32_t ifindex, int fd, bool native)
{
	return hook_swap(ifindex, fd, -1, native);
}

uint32_t hook_program_id(int fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

const char *hook_program_name(uint32_t id, char *text, size_t room)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	bool raised = power_raise();
	int fd = bpf_prog_get_fd_by_id(id);

	power_lower(raised);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.name[0])
		snprintf(text, room, "%s (id %u)", info.name, id);
	else
		snprintf(text, room, "id %u", id);
	if (fd >= 0)
		close(fd);
	return text;
}
