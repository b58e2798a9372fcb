/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/message.h"

#include <errno.h>
#include <string.h>

size_t message_size(const struct check_order *o)
{
	if (o->kind == CHECK_ORDER_DELETE)
		return offsetof(struct check_order, spec);
	return offsetof(struct check_order, spec.steps) +
	       o->spec.step_count * sizeof(struct check_step);
}

int message_read(struct check_order *o, const void *bytes, size_t len)
{
	if (len < offsetof(struct check_order, spec) || len > sizeof(*o))
		return -EPROTO;
	memset(o, 0, sizeof(*o));
	memcpy(o, bytes, len);
	if ((unsigned int)o->kind > CHECK_ORDER_DELETE)
		return -EPROTO;
	if (o->kind == CHECK_ORDER_DELETE)
		return 0;
	if (o->spec.step_count > CHECK_STEPS_MAX || (unsigned int)o->spec.type >= CHECK_TYPE_COUNT)
		return -EPROTO;
	return len < message_size(o) ? -EPROTO : 0;
}
