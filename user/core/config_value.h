/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One value of the file: text to number, duration, port list, listener, label, and back. Each
 * reader returns NULL, or what is wrong with the text (a sentence's end: "needs a unit ...").
 */
#ifndef LBXDP_CORE_CONFIG_VALUE_H
#define LBXDP_CORE_CONFIG_VALUE_H

#include "base/addr.h"
#include "base/buf.h"
#include "core/model.h"
#include "core/prefix.h"

/* Decimal digits only. */
const char *value_uint(const char *text, uint32_t *out);

/* Milliseconds: "250ms", "6s", "30m", "2h", "1d". */
const char *value_duration(const char *text, uint32_t *msec);

/* The shortest text of a duration, in one unit. */
void value_print_duration(uint32_t msec, struct buf *out);

/* One entry of "143,993,1000-1010": *text moves past it and its comma. */
const char *value_port_range(const char **text, struct port_range *out);

/* "127.0.0.1:9443" or "[::1]:9443". */
const char *value_listen(const char *text, struct addr *a, uint16_t *port);

/* An address that packets of a service can have. */
const char *value_address(const char *text, struct addr *a);

/* "192.168.30.50", "192.168.30.0/24" or "192.168.30.50-192.168.30.60" into out (PREFIX_RANGE_MAX),
 * *count of them. A network with bits behind its length is refused; the right one is then out[0]
 * and *count is 1, else 0. */
const char *value_prefixes(const char *text, struct prefix *out, size_t *count);

bool value_is_loopback(const struct addr *a);

/* Names of services and reals: LB_NAME_LEN - 1 bytes at most, printable, no '/' and no '*'. */
const char *value_label(const char *text);

const char *value_interface(const char *text);

/* True when text holds no control characters, and no spaces unless allowed. */
bool value_is_printable(const char *text, bool spaces);

/* A token of RFC 9110 5.6.2: names of header fields and cookies. */
bool value_is_token(const char *text);

/* C escapes (\r \n \t \\ \" \xHH) to bytes, into room bytes. */
const char *value_unescape(const char *text, char *out, size_t room);

/* The opposite, so that value_unescape reads the same bytes. */
void value_escape(const char *text, struct buf *out);

/* A word as YAML, in double quotes where YAML needs or people expect them. */
void value_print_word(const char *text, struct buf *out);

#endif
