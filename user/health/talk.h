/* SPDX-License-Identifier: GPL-2.0-only */
/* What is said in one run of a check: HTTP or a dialogue behind one face. */
#ifndef LBXDP_HEALTH_TALK_H
#define LBXDP_HEALTH_TALK_H

#include "core/dialogue.h"
#include "core/http_check.h"
#include "health/recipe.h"

struct talk {
	const struct talk_kind *kind;
	struct slice say;                    /* not yet sent */
	bool over;                           /* outcome stands */
	const struct check_outcome *outcome; /* code, status and detail */
	union {
		struct dialogue dialogue;
		struct http_check http;
	};
};

void talk_start(struct talk *t, const struct recipe *r);

/* What came; returns how many bytes are done with. Call with all that is left over, also when
 * nothing new came but say has been sent. */
size_t talk_feed(struct talk *t, char *bytes, size_t len);

void talk_closed(struct talk *t, const char *how);
void talk_timeout(struct talk *t);

#endif
