/* SPDX-License-Identifier: GPL-2.0-only */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "dataplane/expiry.h"
#include "dataplane/internal.h"
#include "dataplane/said.h"
#include "lbxdp.skel.h"

enum { FLOWS_MIN = 16384, FLOWS_MAX = 1000000 };

/* A flow in both families' tables costs about 256 bytes; they get a sixteenth of the memory. */
uint32_t dataplane_default_flows(uint64_t memory_bytes)
{
	uint64_t flows = memory_bytes / 16 / 256;

	return flows < FLOWS_MIN ? FLOWS_MIN : flows > FLOWS_MAX ? FLOWS_MAX : (uint32_t)flows;
}

uint32_t dataplane_flows_limit(const struct dataplane *d)
{
	return d->flows;
}

bool dataplane_adopted(const struct dataplane *d)
{
	return d->adopted;
}

static int load_program(struct dataplane *d, uint32_t flows, struct buf *why)
{
	int err;

	d->skel = lbxdp_bpf__open();
	err = d->skel ? map_adopt(d, d->skel, flows, why) : -errno;
	if (err)
		return err;
	said_clear();
	err = lbxdp_bpf__load(d->skel);
	if (err) {
		buf_printf(why, "the kernel refuses the program: %s", said_why(err));
		return err;
	}
	d->prog_fd = bpf_program__fd(d->skel->progs.lbxdp);
	return map_publish(d, why);
}

/* What is kept in memory about maps that are adopted. */
static int recall(struct dataplane *d, struct buf *why)
{
	static const struct lb_real none;
	int err = rings_open(d, why);

	if (!err)
		err = acls_open(d);

	for (uint32_t id = 1; !err && id < LB_REALS_MAX; id++)
		if (d->reals[id].service) {
			d->real_top = id + 1;
			nat_note_real(d, &none, &d->reals[id]);
			d->reset_reals += !!(d->reals[id].flags & LB_REAL_RESET);
		}
	return err ? err : sink_read_vips(d);
}

static struct dataplane *dataplane_new(const char *pin_dir)
{
	struct dataplane *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	for (size_t i = 0; i < MAP_COUNT; i++)
		d->fd[i] = -1;
	d->cpus = libbpf_num_possible_cpus();
	if (d->cpus <= 0 ||
	    snprintf(d->pin_dir, sizeof(d->pin_dir), "%s", pin_dir) >= (int)sizeof(d->pin_dir)) {
		free(d);
		return NULL;
	}
	sink_init(d);
	return d;
}

/* From the start on, not from the first sweep: packets and people ask how old the view is (F24). */
static void beat(struct dataplane *d)
{
	__atomic_store_n(&d->settings->heartbeat, expiry_now(), __ATOMIC_RELAXED);
}

int dataplane_open(struct dataplane **out, const struct dataplane_options *o, struct buf *why)
{
	struct dataplane *d = dataplane_new(o->pin_dir);
	size_t said = why->len;
	int err;

	if (!d)
		return -ENOMEM;
	said_install();
	err = map_make_dir(d, why);
	if (!err)
		err = load_program(d, o->flows, why);
	if (!err)
		err = sweep_open(d);
	if (!err)
		err = judge_open(d);
	if (!err)
		err = reset_open(d);
	if (!err)
		err = trace_open(d);
	if (!err)
		err = nat_open(d);
	if (!err)
		err = recall(d, why);
	if (!err)
		err = attach_open(d, why);
	if (!err) {
		carry_finish(d);
		beat(d);
		*out = d;
		return 0;
	}
	if (why->len == said)
		buf_printf(why, "cannot open the data plane: %s", said_why(err));
	if (!d->adopted && err != -EEXIST)
		map_unpin(d);
	dataplane_close(d);
	return err;
}

const char *dataplane_library_version(void)
{
	return libbpf_version_string();
}

void dataplane_close(struct dataplane *d)
{
	if (!d)
		return;
	attach_close(d);
	divert_close(d);
	trace_close(d);
	nat_close(d);
	reset_close(d);
	judge_close(d);
	sweep_close(d);
	acls_close(d);
	rings_close(d);
	carry_free(d);
	map_close(d);
	free(d);
}

int dataplane_destroy(struct dataplane *d)
{
	struct buf why = {};
	int err = dataplane_remove(d->pin_dir, &why);

	if (err)
		log_error("data plane: %s", buf_text(&why));
	buf_free(&why);
	return err;
}
