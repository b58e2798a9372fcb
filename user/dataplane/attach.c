/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Our program on the interfaces: first through libxdp, then alone; native mode before generic. The
 * pinned program "prog" tells the next daemon which programs are ours: it swaps each of them for
 * its own in one step.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/alloc.h"
#include "base/log.h"
#include "dataplane/dispatch.h"
#include "dataplane/hook.h"
#include "dataplane/internal.h"
#include "dataplane/said.h"

struct attachment {
	uint32_t ifindex;
	struct dataplane_attachment is;
	struct member *member; /* with a dispatcher */
};

struct attachments {
	size_t count;
	struct attachment row[LB_IFACES_MAX];
};

static struct attachment *find(const struct dataplane *d, uint32_t ifindex)
{
	for (size_t i = 0; i < d->attachments->count; i++)
		if (d->attachments->row[i].ifindex == ifindex)
			return &d->attachments->row[i];
	return NULL;
}

static struct attachment *find_or_add(struct dataplane *d, uint32_t ifindex)
{
	struct attachment *a = find(d, ifindex);

	if (a || d->attachments->count == LB_IFACES_MAX)
		return a;
	a = &d->attachments->row[d->attachments->count++];
	memset(a, 0, sizeof(*a));
	a->ifindex = ifindex;
	return a;
}

static void forget(struct dataplane *d, struct attachment *a)
{
	member_free(a->member);
	*a = d->attachments->row[--d->attachments->count];
}

/* Takes m; NULL: our one program runs there. */
static void set_attached(struct attachment *a, bool native, struct member *m)
{
	member_free(a->member);
	a->member = m;
	a->is.attached = true;
	a->is.native = native;
	a->is.dispatcher = m != NULL;
}

static void set_lost(struct attachment *a)
{
	member_free(a->member);
	a->member = NULL;
	a->is.attached = a->is.native = a->is.dispatcher = false;
}

static bool runs_now(const struct dataplane *d, const struct attachment *a)
{
	struct hook_state now;

	if (!a->is.attached || hook_query(a->ifindex, &now) || !now.id)
		return false;
	return a->member ? member_runs(a->member, a->ifindex) : now.id == d->prog_id;
}

/* What libxdp put there without a dispatcher becomes the one program that all interfaces share. */
static int make_common(struct dataplane *d, uint32_t ifindex, bool native, struct member *m)
{
	int err = hook_swap(ifindex, member_fd(m), d->prog_fd, native);

	if (err)
		(void)hook_detach(ifindex, member_fd(m), native); /* err is the cause to report */
	else
		d->no_dispatcher = true;
	member_free(m);
	return err;
}

static int attach_through_libxdp(struct dataplane *d, struct attachment *a, bool native)
{
	struct member *m;
	bool dispatched;
	int err = member_attach(d, a->ifindex, native, &m, &dispatched);

	if (err)
		return err;
	if (!dispatched) {
		err = make_common(d, a->ifindex, native, m);
		if (!err)
			set_attached(a, native, NULL);
		return err;
	}
	err = member_pin(m, d->pin_dir, a->ifindex);
	if (err) {
		(void)member_detach(m, a->ifindex, native); /* err is the cause to report */
		member_free(m);
		return err;
	}
	set_attached(a, native, m);
	return 0;
}

/* Where libxdp finds a reason to fail (no dispatcher object, no BPF file system), the program still
 * works alone; and its refusal is the kernel's own. */
static int attach_in_mode(struct dataplane *d, struct attachment *a, bool native)
{
	int err;

	if (!d->no_dispatcher && !attach_through_libxdp(d, a, native))
		return 0;
	said_clear();
	err = hook_attach(a->ifindex, d->prog_fd, native);
	if (!err)
		set_attached(a, native, NULL);
	return err;
}

/* Another mode may help against these. */
static bool try_other_mode(int err)
{
	return err != -EBUSY && err != -EEXIST && err != -ENODEV && err != -EPERM;
}

static int refuse_foreign(struct attachment *a, uint32_t id)
{
	char name[BPF_OBJ_NAME_LEN + 32], iface[IF_NAMESIZE] = "IFACE";

	(void)if_indextoname(a->ifindex, iface); /* IFACE stands when it is gone */
	snprintf(a->is.why, sizeof(a->is.why),
		 "XDP program %s runs there and cannot be shared; remove it with: ip link set dev "
		 "%s xdp off",
		 hook_program_name(id, name, sizeof(name)), iface);
	return -EBUSY;
}

static int attach_fresh(struct dataplane *d, struct attachment *a, const struct row_iface *row)
{
	struct hook_state now;
	int err = hook_query(a->ifindex, &now);

	if (err) {
		snprintf(a->is.why, sizeof(a->is.why), "%s", strerror(-err));
		return err;
	}
	if (now.id == d->prog_id) {
		set_attached(a, now.native, NULL);
		return 0;
	}
	if (now.id && !dispatcher_runs(a->ifindex))
		return refuse_foreign(a, now.id);
	if (!row->generic_only) {
		err = attach_in_mode(d, a, true);
		if (err)
			snprintf(a->is.why, sizeof(a->is.why), "native mode: %s", said_why(err));
		if (!err || row->native_only || !try_other_mode(err))
			return err;
	}
	err = attach_in_mode(d, a, false);
	if (err)
		snprintf(a->is.why, sizeof(a->is.why), "generic mode: %s", said_why(err));
	return err;
}

int attach_put(struct dataplane *d, const uint32_t *ifindex, const struct row_iface *row)
{
	struct attachment *a = find_or_add(d, *ifindex);

	if (!a)
		return -ENOSPC;
	if (runs_now(d, a))
		return 0;
	set_lost(a);
	a->is.why[0] = '\0';
	return attach_fresh(d, a, row);
}

int attach_remove(struct dataplane *d, uint32_t ifindex)
{
	struct attachment *a = find(d, ifindex);
	int err = 0;

	if (!a)
		return 0;
	if (runs_now(d, a))
		err = a->member ? member_detach(a->member, ifindex, a->is.native)
				: hook_detach(ifindex, d->prog_fd, a->is.native);
	if (err && err != -ENODEV)
		return err;
	if (a->member)
		member_unpin(d->pin_dir, ifindex);
	forget(d, a);
	return 0;
}

uint32_t attach_at(const struct dataplane *d, size_t index)
{
	for (size_t i = 0; i < d->attachments->count; i++)
		if (d->attachments->row[i].is.attached && !index--)
			return d->attachments->row[i].ifindex;
	return 0;
}

void dataplane_attachment(const struct dataplane *d, uint32_t ifindex,
			  struct dataplane_attachment *out)
{
	const struct attachment *a = find(d, ifindex);

	memset(out, 0, sizeof(*out));
	if (a)
		*out = a->is;
}

bool dataplane_attached_now(struct dataplane *d, uint32_t ifindex)
{
	struct attachment *a = find(d, ifindex);
	bool runs = a && runs_now(d, a);

	if (a && !runs)
		set_lost(a);
	return runs;
}

/* The programs of earlier daemons: the pinned one, and one that a crash left half-way. */
struct earlier {
	int fd[PROGRAM_PINS];
	uint32_t id[PROGRAM_PINS];
};

const char *const program_pins[PROGRAM_PINS] = {"prog", "prog_new"};

static void earlier_open(struct earlier *e, const struct dataplane *d)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < PROGRAM_PINS; i++) {
		e->fd[i] = bpf_obj_get(map_path(d, program_pins[i], path));
		e->id[i] = e->fd[i] >= 0 ? hook_program_id(e->fd[i]) : 0;
	}
}

static void earlier_close(struct earlier *e)
{
	for (size_t i = 0; i < ARRAY_COUNT(e->fd); i++)
		if (e->fd[i] >= 0)
			close(e->fd[i]);
}

/* Ours joins the dispatcher before the earlier one leaves it. */
static int adopt_member(struct dataplane *d, uint32_t ifindex, bool native)
{
	struct member *old = member_pinned(d->pin_dir, ifindex);
	struct attachment *a = old ? find_or_add(d, ifindex) : NULL;
	int err = 0;

	if (a)
		err = attach_through_libxdp(d, a, native);
	if (a && !err)
		err = member_detach(old, ifindex, native);
	member_free(old);
	return err;
}

static int adopt_iface(struct dataplane *d, const struct earlier *e, uint32_t ifindex)
{
	struct hook_state now;

	if (hook_query(ifindex, &now) || !now.id)
		return 0; /* gone meanwhile, or free */
	for (size_t i = 0; i < ARRAY_COUNT(e->id); i++) {
		struct attachment *a;
		int err;

		if (now.id != e->id[i])
			continue;
		a = find_or_add(d, ifindex);
		err = a ? hook_swap(ifindex, e->fd[i], d->prog_fd, now.native) : -ENOSPC;
		if (!err)
			set_attached(a, now.native, NULL);
		return err;
	}
	return adopt_member(d, ifindex, now.native);
}

static int adopt_ifaces(struct dataplane *d, const struct earlier *e, struct buf *why)
{
	struct if_nameindex *all = if_nameindex();
	int err = 0;

	if (!all)
		return -errno;
	for (struct if_nameindex *i = all; !err && i->if_index; i++) {
		err = adopt_iface(d, e, i->if_index);
		if (err)
			buf_printf(why, "%s: cannot take over from the earlier program: %s",
				   i->if_name, said_why(err));
	}
	if_freenameindex(all);
	return err;
}

static int pin_program(struct dataplane *d, const char *name, struct buf *why)
{
	char path[PATH_MAX];
	int err = 0;

	(void)unlink(map_path(d, name, path)); /* may not be there */
	if (bpf_obj_pin(d->prog_fd, path)) {
		err = -errno;
		buf_printf(why, "cannot pin %s: %s", path, strerror(-err));
	}
	return err;
}

/* Some kernels cannot rename in a BPF file system; then there is a moment with two names. */
static int rename_program(struct dataplane *d, struct buf *why)
{
	char from[PATH_MAX], to[PATH_MAX];
	int err;

	map_path(d, program_pins[1], from);
	map_path(d, program_pins[0], to);
	if (!rename(from, to))
		return 0;
	err = pin_program(d, program_pins[0], why);
	if (!err)
		(void)unlink(from); /* the next start removes it */
	return err;
}

int attach_open(struct dataplane *d, struct buf *why)
{
	struct earlier e;
	int err;

	d->attachments = calloc(1, sizeof(*d->attachments));
	if (!d->attachments)
		return -ENOMEM;
	d->prog_id = hook_program_id(d->prog_fd);
	earlier_open(&e, d);
	err = pin_program(d, program_pins[1], why);
	if (!err)
		err = adopt_ifaces(d, &e, why);
	if (!err)
		err = rename_program(d, why);
	earlier_close(&e);
	return err;
}

void attach_close(struct dataplane *d)
{
	if (!d->attachments)
		return;
	while (d->attachments->count)
		forget(d, &d->attachments->row[0]);
	free(d->attachments);
}
