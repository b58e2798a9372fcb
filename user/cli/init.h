/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp init exchange`: writes a first lbxdp.yaml, from options or by asking. */
#ifndef LBXDP_CLI_INIT_H
#define LBXDP_CLI_INIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/model.h"

enum { INIT_REALS_MAX = 64 };

struct init_real {
	const char *name, *ip;
};

struct init_answers {
	const char *vip, *interface;
	const char *helo;        /* NULL: the check says its usual name */
	const char *certificate; /* with l7-http: the PEM file */
	enum service_mode mode;
	bool imap, pop3;
	struct init_real reals[INIT_REALS_MAX];
	size_t real_count;
};

/* The commented file (init_write.c). What the answers have wrong, config_read will say of it. */
void init_write(const struct init_answers *a, struct buf *out);

/* The command; argv[0] is its word. Returns 0, 1 or 2. */
int cli_init(int argc, char **argv);

#endif
