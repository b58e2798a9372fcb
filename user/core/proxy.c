/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/proxy.h"

#define COLUMN(name)                                                                               \
	{offsetof(struct proxy_shared, name), sizeof(((struct proxy_shared *)0)->name[0])},

const struct proxy_column proxy_columns[PROXY_COLUMN_COUNT] = {PROXY_COLUMNS(COLUMN)};
