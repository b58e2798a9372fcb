/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doors of proxy processes: listening sockets in main's run directory, proxy-PID.sock, each held by
 * the process of that number alone. Who can knock has found that very process.
 */
#ifndef LBXDP_PROXY_DOORS_H
#define LBXDP_PROXY_DOORS_H

#include <stddef.h>
#include <sys/types.h>

/* A door for a process that lives. Returns the socket or -errno. */
int door_open(const char *dir, pid_t pid);
void door_remove(const char *dir, pid_t pid); /* its process is gone */

/* Connects to the process, and names it by *pidfd as well. The door of one that is gone is removed.
 * Returns the socket or -errno. */
int door_knock(const char *dir, pid_t pid, int *pidfd);

/* The processes that have doors there. */
void doors_each(const char *dir, void (*fn)(void *arg, pid_t pid), void *arg);

/* Ends a process by its pidfd, and waits until it is gone. */
void door_kill(int pidfd);

/* Ends each process that has a door there. Returns how many. */
size_t doors_kill_all(const char *dir);

#endif
