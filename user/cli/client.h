/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line's end of the control socket. */
#ifndef LBXDP_CLI_CLIENT_H
#define LBXDP_CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Sends one request. Returns a descriptor to read the reply from, or -errno. */
int client_send(const char *socket, const char *const *words, size_t count);

/* Sends a request and reads the whole reply. Returns its exit code (0 to 2), or -errno. */
int client_ask(const char *socket, const char *const *words, size_t count, struct buf *reply);

/* Takes the first line of a reply off. Returns the exit code, or -EPROTO. */
int client_take_code(struct buf *reply);

/* No daemon listens at socket: err is that of a connection to nowhere. */
bool client_absent(int err);

/* One line on stderr: what is wrong and what to do. Returns CLI_FAILED. */
int client_complain(const char *socket, int err);

/* Asks and prints: the reply on stdout when it is 0, else on stderr. Returns the exit code. */
int client_relay(const char *socket, const char *const *words, size_t count);

#endif
