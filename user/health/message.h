/* SPDX-License-Identifier: GPL-2.0-only */
/* Orders as they travel: struct check_order without the steps that are not used. */
#ifndef LBXDP_HEALTH_MESSAGE_H
#define LBXDP_HEALTH_MESSAGE_H

#include <stddef.h>

#include "core/check.h"

/* How many bytes of *o travel. */
size_t message_size(const struct check_order *o);

/* Bytes to *o, the rest zero. Returns 0 or -EPROTO. */
int message_read(struct check_order *o, const void *bytes, size_t len);

#endif
