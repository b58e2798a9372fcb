/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a new main and the proxy processes of an earlier one say to each other, one struct a record.
 * Either may be of another version of lbxdp, so it stands apart from struct proxy_order: what is
 * here never changes its place or meaning, and what is new comes with a new version.
 */
#ifndef LBXDP_CORE_HANDOVER_H
#define LBXDP_CORE_HANDOVER_H

#include <stdint.h>

enum { HANDOVER_MAGIC = 0x6c627864, HANDOVER_VERSION = 1 };

enum handover_kind {
	/* Main's. A process answers when its own main is gone. */
	HANDOVER_TAKE = 1,   /* answered by STATE, one LISTENER a socket, and DONE */
	HANDOVER_FINISH = 2, /* accept no more, end with the last session; in every version */
	HANDOVER_COUNT = 3,  /* answered by STATE */
	/* The process'. */
	HANDOVER_STATE = 4,    /* after TAKE the descriptor is the memory it shares with others */
	HANDOVER_LISTENER = 5, /* the descriptor is a listening socket */
	HANDOVER_DONE = 6,
};

enum handover_flag { HANDOVER_FINISHING = 1 << 0 };

struct handover_message {
	uint32_t magic;
	uint32_t version;
	uint32_t kind;  /* enum handover_kind */
	uint32_t flags; /* enum handover_flag, of STATE, as all that follows */
	uint64_t sessions;
	uint64_t memory_size;    /* of struct proxy_shared */
	uint32_t memory_version; /* PROXY_SHARED_VERSION */
	uint32_t column;         /* of the process in that memory */
	uint64_t pad[3];
};
_Static_assert(sizeof(struct handover_message) == 64, "struct handover_message changed size");

#endif
