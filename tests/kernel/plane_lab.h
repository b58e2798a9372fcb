/* SPDX-License-Identifier: GPL-2.0-only */
/* A data plane in the running kernel, pinned where nobody else's is. Includers include cmocka's
 * headers first. */
#ifndef LBXDP_TESTS_KERNEL_PLANE_LAB_H
#define LBXDP_TESTS_KERNEL_PLANE_LAB_H

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/dataplane.h"
#include "kernel/lab.h"

#define PIN_DIR "/sys/fs/bpf/lbxdp"

enum { SWEEPING_MSEC = 10000 };

static const struct dataplane_options options = {.pin_dir = PIN_DIR, .flows = 4096};

static inline struct dataplane *must_open(void)
{
	struct dataplane *d = NULL;
	struct buf why = {};
	int err = dataplane_open(&d, &options, &why);

	if (err)
		fail_msg("dataplane_open: %d: %s", err, buf_text(&why));
	assert_string_equal(buf_text(&why), "");
	buf_free(&why);
	return d;
}

static inline void end(struct dataplane *d)
{
	assert_int_equal(dataplane_destroy(d), 0);
	dataplane_close(d);
	assert_int_equal(access(PIN_DIR, F_OK), -1);
}

/* After a failed test. */
static inline int remove_all(void **state)
{
	struct buf why = {};

	(void)dataplane_remove(PIN_DIR, &why);
	buf_free(&why);
	return 0;
}

static inline int put(struct dataplane *d, enum plan_table t, const void *key, const void *value)
{
	const struct plan_sink *s = dataplane_sink(d);

	return s->put(s->to, t, key, value, NULL);
}

static inline int pinned(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), PIN_DIR "/%s", name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

/* Slices, far more often than the daemon's, until want holds; false when it never did. */
static inline bool sweep_until(struct dataplane *d, bool (*want)(struct dataplane *d))
{
	uint64_t until = lab_until(SWEEPING_MSEC);

	do {
		dataplane_sweep(d);
		if (want(d))
			return true;
	} while (lab_now() < until && !poll(NULL, 0, 1));
	return false;
}

#endif
