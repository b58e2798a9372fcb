/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A proxy process: accepts clients of layer-7 services, connects to reals and relays. It has no
 * power; what it needs comes over the channel (core/proxy.h).
 */
#ifndef LBXDP_PROXY_PROXY_H
#define LBXDP_PROXY_PROXY_H

struct proxy_fds {
	int channel;
	int index; /* which of the proxy processes this is: its column in struct proxy_shared */
};

/* Runs until the channel closes; from PROXY_ORDER_DOOR on, until a later main has it finish and its
 * last session has ended. Called after the process gave up its powers. Returns an exit
 * code. */
int proxy_main(const struct proxy_fds *fds);

#endif
