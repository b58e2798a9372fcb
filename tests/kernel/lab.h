/* SPDX-License-Identifier: GPL-2.0-only */
/* A network and a BPF file system of the test's own: they end with the process. */
#ifndef LBXDP_TESTS_KERNEL_LAB_H
#define LBXDP_TESTS_KERNEL_LAB_H

#include <stdbool.h>
#include <stdint.h>

/* New network and mount namespaces, an empty BPF file system, links up. Exits with 77 (skipped)
 * without root. */
void lab_enter(void);

/* Runs a shell command; the test fails when it does. */
void lab_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether a shell command succeeds; its output is thrown away. */
bool lab_try(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint32_t lab_ifindex(const char *name);

/* A second network namespace, by descriptor. Enter it, do something, come back. */
struct lab_ns {
	int here, there;
};
void lab_ns_make(struct lab_ns *n);
void lab_ns_enter(const struct lab_ns *n);
void lab_ns_leave(const struct lab_ns *n);
void lab_ns_close(struct lab_ns *n);

/* Milliseconds of the monotonic clock. */
uint64_t lab_now(void);

/* By when what takes a good machine at most msec has to be; LBXDP_PATIENCE says how many times
 * slower this one may be. */
uint64_t lab_until(uint64_t msec);

#endif
