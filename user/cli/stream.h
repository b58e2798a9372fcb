/* SPDX-License-Identifier: GPL-2.0-only */
/* Replies of the daemon that go on: printed as they come. */
#ifndef LBXDP_CLI_STREAM_H
#define LBXDP_CLI_STREAM_H

#include <stdbool.h>

struct stream {
	const char *socket;
	bool lasts;       /* until a signal: SIGINT, SIGTERM or SIGHUP */
	bool says_more;   /* after that signal the daemon has still something to say */
	bool sealed;      /* ends as admin_stream_seal() says, or is not whole */
	const char *lost; /* what it means that the daemon ended the reply; NULL: it is whole */
};

/* Sends the request and prints its reply. Returns the exit code. */
int stream_run(const struct stream *s, const char *const *words, int count);

#endif
