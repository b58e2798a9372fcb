/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

int paths_init(struct paths *p, const char *instance)
{
	const char *dash = instance ? "-" : "", *name = instance ? instance : "";
	size_t len = strlen(name);

	if (instance && (!len || len > INSTANCE_NAME_MAX || strspn(name, plain) != len))
		return -EINVAL;
	snprintf(p->run_dir, sizeof(p->run_dir), "/run/lbxdp%s%s", dash, name);
	snprintf(p->pin_dir, sizeof(p->pin_dir), "/sys/fs/bpf/lbxdp%s%s", dash, name);
	snprintf(p->state_dir, sizeof(p->state_dir), "/var/lib/lbxdp%s%s", dash, name);
	snprintf(p->socket, sizeof(p->socket), "%s/control.sock", p->run_dir);
	snprintf(p->log, sizeof(p->log), "%s/lbxdp.log", p->run_dir);
	return 0;
}

int paths_set_socket(struct paths *p, const char *socket)
{
	if (strlen(socket) >= sizeof(p->socket))
		return -ENAMETOOLONG;
	strcpy(p->socket, socket);
	return 0;
}
