/* SPDX-License-Identifier: GPL-2.0-only */
/* The alphabet of HTTP/1 (RFC 9110 section 5): what names, values, numbers and lists are made of.
 * Pure; the same for what is read leniently (core/http1.h) and strictly (core/http_message.h). */
#ifndef LBXDP_CORE_HTTP_TEXT_H
#define LBXDP_CORE_HTTP_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Of each byte, the alphabets that it belongs to. */
enum { HTTP_TOKEN = 1, HTTP_HOST = 2 };
extern const uint8_t http_alphabets[256];

/* 5.6.2: a letter, a digit, or one of !#$%&'*+-.^_`|~ */
static inline bool http_is_token(char c)
{
	return http_alphabets[(uint8_t)c] & HTTP_TOKEN;
}

/* RFC 3986 2.3: a letter, a digit, or one of -._~; what a host is made of here. */
static inline bool http_is_host(char c)
{
	return http_alphabets[(uint8_t)c] & HTTP_HOST;
}

/* 5.5: what a value is made of: blank, tab, visible ASCII, and bytes from 0x80 on. */
bool http_is_text(char c);

/* How many of the first len bytes, at most len, are of that alphabet without a gap. */
size_t http_token_span(const char *at, size_t len);
size_t http_text_span(const char *at, size_t len);
size_t http_visible_span(const char *at, size_t len); /* 0x21 to 0x7e */

/* 0 to 15, or -1. */
int http_hex_digit(char c);

/* 1*DIGIT and nothing else; false when it might not fit. */
bool http_number(struct slice text, uint64_t *number);

/* Takes the next element off a comma-separated list, without blanks around it; it may be empty.
 * False at the end. */
bool http_list_next(struct slice *list, struct slice *element);

#endif
