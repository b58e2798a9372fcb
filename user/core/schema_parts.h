/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tables of the schema are written with: inside core/schema*.c only. */
#ifndef LBXDP_CORE_SCHEMA_PARTS_H
#define LBXDP_CORE_SCHEMA_PARTS_H

#include "core/config_draft.h"
#include "core/schema.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

#define FIELD(type, member)                                                                        \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

#define ARRAY(type, member, item, count)                                                           \
	.offset = offsetof(struct type, member), .size = sizeof(struct item),                      \
	.counter = offsetof(struct type, count)

#define NEUTRAL "none off 0 auto"

#define HTTP   (1u << MODE_L7_HTTP)
#define LAYER7 (1u << MODE_L7_TCP | HTTP)
#define SNAT   (1u << MODE_L4_SNAT)
#define NAT    (1u << MODE_L4_NAT | SNAT)
#define DIRECT (1u << MODE_L4_DR)
#define LAYER4 (DIRECT | NAT)

/* Where this version has no answer yet; the design names them. */
#define LATER(name, words, text)                                                                   \
	{                                                                                          \
		.key = name, .type = SCHEMA_LATER, .neutral = words, .help = text                  \
	}

/* A service's timeout of layer 7; defaults.timeouts has it for all of them. */
#define CONNECT_HELP "Layer 7: a connect to a real server."
#define CLIENT_HELP                                                                                \
	"Layer 7: a client that neither sends nor takes anything; who has sent his last byte and " \
	"taken all is not held to it."
#define SERVER_HELP "Layer 7: a real server that neither sends nor takes anything; likewise."
#define REQUEST_HELP                                                                               \
	"Layer 7: a whole request head, a TLS handshake of a client; three times that, a request " \
	"body that brings less than 500 bytes a second (RPC_IN_DATA may)."
#define QUEUE_HELP  "Layer 7: a wait for a place at a real server, or for its first check."
#define TUNNEL_HELP "Layer 7: an upgraded connection (WebSocket, CONNECT) without a byte."

/* schema_words.c: NULL past the last word. */
const char *word_mode(uint32_t value);
const char *word_scheduler(uint32_t value);
const char *word_on_down(uint32_t value);
const char *word_on_miss(uint32_t value);
const char *word_check_type(uint32_t value);
const char *word_protocol(uint32_t value);
const char *word_proxy_header(uint32_t value);
const char *word_xdp_mode(uint32_t value);
const char *word_on_stop(uint32_t value);
const char *word_require(uint32_t value);
const char *word_via(uint32_t value);
const char *word_verify(uint32_t value);
const char *word_on_off(uint32_t value);
const char *word_tls_oldest(uint32_t value);
const char *word_forwarded(uint32_t value);
const char *word_same_site(uint32_t value);
const char *word_redirect(uint32_t value);
const char *word_redirect_code(uint32_t value);

/* What is wrong with a text, or NULL; an empty one is right. */
const char *judge_line(const char *text);
const char *judge_token(const char *text);
const char *judge_file(const char *text);
const char *judge_method(const char *text);
const char *judge_path(const char *text);
const char *judge_host(const char *text);
const char *judge_cookie(const char *text);

extern const struct schema_row schema_default_check[], schema_check[];        /* schema_check.c */
extern const struct schema_row schema_service[], schema_reals[];              /* schema_service.c */
extern const struct schema_row schema_l7_timeouts[], schema_proxy_protocol[]; /* schema_l7.c */
extern const struct schema_row schema_tls[], schema_persistence[], schema_redirect[];
extern const struct schema_row schema_request_headers[], schema_response_headers[];
extern const struct schema_row schema_rewrite[], schema_routes[];

/* schema_l7.c: whether there is something to print of a service. */
bool says_tls(const void *service);
bool says_persistence(const void *service);
bool says_redirect(const void *service);
bool says_check(const void *service);
bool says_trust(const void *service);

#endif
