/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Local ports of checks through a VIP. By its port the data plane knows a connection and by whose
 * VIP it is to go, so a port belongs to one run at a time, and no two runs of a check follow each
 * other on one port: what is still on its way then finds its row.
 */
#ifndef LBXDP_HEALTH_PORTS_H
#define LBXDP_HEALTH_PORTS_H

#include <stdint.h>

struct ports;

/* fd: lbx_via_ports (include/lbxdp/abi.h), mapped, and still the caller's. NULL when that cannot
 * be. */
struct ports *ports_new(int fd);
void ports_free(struct ports *p); /* NULL: nothing */

/* The next free port, which now is the check's; 0: all are in use. */
uint16_t ports_take(struct ports *p, uint32_t check);

/* The run is over; the row stays until another run gets the port. */
void ports_give(struct ports *p, uint16_t port);

#endif
