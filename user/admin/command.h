/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of the control socket: one table of names, arguments, who may, and what is done. */
#ifndef LBXDP_ADMIN_COMMAND_H
#define LBXDP_ADMIN_COMMAND_H

#include <stdbool.h>

#include "admin/admin.h"
#include "admin/line.h"

/* What becomes of the connection after the reply. */
enum command_then {
	COMMAND_CLOSE,
	COMMAND_WAIT,   /* no reply yet: it comes when ready says so */
	COMMAND_HOLD,   /* stays open; the isolation ends when the client goes */
	COMMAND_STREAM, /* the reply goes on; who does not read it for long is dropped */
	COMMAND_FOLLOW, /* likewise, but may stop reading for as long as it likes */
	COMMAND_STOP,   /* the daemon ends; the connection stays open until the process is gone */
};

struct command_request {
	const struct admin_ops *ops;
	const char *who;
	bool may_order;
	const void *token; /* names the connection to isolate */
	const struct line_words *words;
	/* Filled in. */
	struct buf out;
	enum command_then then;
	bool (*ready)(void *arg); /* COMMAND_WAIT: an op that says when the wait is over */
};

/* Runs one request. Returns the exit code: 0 done, 1 failed, 2 usage. Orders leave an audit line.
 */
int command_run(struct command_request *r);

#endif
