/* SPDX-License-Identifier: GPL-2.0-only */
/* Where an instance keeps what: `--instance NAME` sets a second daemon apart on one host. */
#ifndef LBXDP_CLI_PATHS_H
#define LBXDP_CLI_PATHS_H

struct paths {
	char socket[108]; /* as long as a socket's name can be */
	char run_dir[64], pin_dir[64], state_dir[64];
	char log[80];
};

enum { INSTANCE_NAME_MAX = 32 };

/* instance NULL: the first one. Returns 0, or -EINVAL for a name that is no plain word. */
int paths_init(struct paths *p, const char *instance);

/* Another socket. Returns 0 or -ENAMETOOLONG. */
int paths_set_socket(struct paths *p, const char *socket);

#endif
