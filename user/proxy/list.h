/* SPDX-License-Identifier: GPL-2.0-only */
/* Doubly linked rings: members embed a link, so that leaving a list allocates and searches nothing.
 */
#ifndef LBXDP_PROXY_LIST_H
#define LBXDP_PROXY_LIST_H

#include <stdbool.h>

struct link {
	struct link *next, *prev; /* itself: a list without members, a member in no list */
};

static inline void list_init(struct link *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct link *l)
{
	return l->next == l;
}

/* Puts member at the end of the list. */
static inline void list_add(struct link *list, struct link *member)
{
	member->prev = list->prev;
	member->next = list;
	list->prev->next = member;
	list->prev = member;
}

static inline void list_remove(struct link *member)
{
	member->prev->next = member->next;
	member->next->prev = member->prev;
	list_init(member);
}

#endif
