/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers for names: the row ids of services, reals and checks. A number stays with its name until
 * it is released, and then comes round again as late as possible. */
#ifndef LBXDP_CORE_IDS_H
#define LBXDP_CORE_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct ids;

/* Numbers 1 .. max - 1. */
struct ids *ids_new(uint32_t max);
void ids_free(struct ids *s);

/* The number of name, a new one if it has none; 0 when all are taken. */
uint32_t ids_get(struct ids *s, const char *name);
uint32_t ids_find(const struct ids *s, const char *name); /* 0: has none */

/* Gives name this very number (adoption). False when either is taken. */
bool ids_claim(struct ids *s, const char *name, uint32_t id);

void ids_release(struct ids *s, uint32_t id);
const char *ids_name(const struct ids *s, uint32_t id); /* NULL: free */

#endif
