/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/ports.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "lbxdp/abi.h"

enum { MAP_SIZE = LB_VIA_PORTS * sizeof(struct lb_via_port) };

struct ports {
	struct lb_via_port *row; /* packets read it */
	bool taken[LB_VIA_PORTS];
	uint16_t next;
};

struct ports *ports_new(int fd)
{
	void *row = MAP_FAILED;
	struct ports *p;

	if (fd >= 0)
		row = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (row == MAP_FAILED)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->row = row;
	/* Not where an earlier process began, whose connections may linger. */
	(void)getrandom(&p->next, sizeof(p->next), 0); /* cannot fail for so few bytes */
	return p;
}

void ports_free(struct ports *p)
{
	if (p)
		munmap(p->row, MAP_SIZE);
	free(p);
}

uint16_t ports_take(struct ports *p, uint32_t check)
{
	for (int tries = 0; tries < LB_VIA_PORTS; tries++) {
		uint32_t i = p->next++ % LB_VIA_PORTS;

		if (p->taken[i])
			continue;
		p->taken[i] = true;
		__atomic_store_n(&p->row[i].check, check, __ATOMIC_RELAXED);
		return LB_VIA_PORT_FIRST + i;
	}
	return 0;
}

void ports_give(struct ports *p, uint16_t port)
{
	p->taken[port - LB_VIA_PORT_FIRST] = false;
}
