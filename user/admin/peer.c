/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/peer.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

int peer_of(struct peer *p, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	p->uid = cred.uid;
	p->gid = cred.gid;
	p->pid = cred.pid;
	len = sizeof(p->groups);
	/* A longer list, or a kernel without the question, leaves the first group to judge by. */
	p->group_count = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->groups, &len)
				 ? 0
				 : len / sizeof(p->groups[0]);
	return 0;
}

bool peer_may_order(const struct peer *p, uid_t self, gid_t group)
{
	if (p->uid == 0 || p->uid == self)
		return true;
	if (group == (gid_t)-1)
		return false;
	for (size_t i = 0; i < p->group_count; i++)
		if (p->groups[i] == group)
			return true;
	return p->gid == group;
}

const char *peer_name(const struct peer *p, char *text)
{
	snprintf(text, PEER_NAME_LEN, "uid %u pid %d", p->uid, p->pid);
	return text;
}
