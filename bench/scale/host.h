/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Main without its children and without neighbours: its own code from the file to the maps, in
 * namespaces of its own. Every real's MAC address is known at once; rows for the probe, the proxies
 * and the kernel's neighbours are taken and go nowhere.
 */
#ifndef LBXDP_BENCH_SCALE_HOST_H
#define LBXDP_BENCH_SCALE_HOST_H

#include "daemon/state.h"

/* New network and mount namespaces with a BPF file system and the interface eth0. */
void host_enter(void);

/* Loads the program, with flow tables of so many entries, and takes the model. */
struct daemon *host_open(struct model *m, uint32_t flows);
void host_close(struct daemon *d);

/* Reads a file of that text. */
struct model *host_read(const struct buf *text);

/* Ends the program with a message unless ok. */
void host_must(bool ok, const char *what);

/* How long something took, by the clock and of this thread's CPU time, user and system; in whatever
 * unit its row says. */
struct host_took {
	double wall, cpu;
};

/* From a beginning to now, in seconds. */
struct host_took host_began(void);
struct host_took host_since(struct host_took began);

/* A row of the report: what, its unit, how often, and what it may take at most; NAN: nothing is
 * said of that. scale: units a second. */
void host_row(const char *label, const char *unit, double scale, struct host_took *samples,
	      size_t count, double limit);

/* sweep.c */
void sweep_measure(struct daemon *d, uint32_t flows, double seconds);

#endif
