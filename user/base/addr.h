/* SPDX-License-Identifier: GPL-2.0-only */
/* IP addresses and prefixes. IPv4 is held as ::ffff:a.b.c.d, so that one type serves both. */
#ifndef LBXDP_BASE_ADDR_H
#define LBXDP_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDR_TEXT_LEN = 46, ENDPOINT_TEXT_LEN = 56, MAC_TEXT_LEN = 18 };

struct addr {
	uint8_t byte[16];
};

/* A network: the first len bits of addr, 0..128; an IPv4 prefix of n bits has len 96 + n. */
struct prefix {
	struct addr addr;
	uint8_t len;
};

/* Text to address. Returns 0, or -EINVAL when text is not one IPv4 or IPv6 address. */
int addr_parse(struct addr *a, const char *text);

/* Writes the address into text (ADDR_TEXT_LEN bytes) and returns text. IPv4 is dotted. */
const char *addr_format(const struct addr *a, char *text);

/* "a.b.c.d:port" or "[v6]:port" into text (ENDPOINT_TEXT_LEN bytes); port in host order. */
const char *addr_format_port(const struct addr *a, uint16_t port, char *text);

bool addr_is_v4(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_is_unspecified(const struct addr *a); /* 0.0.0.0 or :: */
bool addr_is_link_local(const struct addr *a);  /* fe80::/10 */
bool addr_is_multicast(const struct addr *a);

/* From 4 or 16 bytes in network order. */
struct addr addr_from_v4(const void *bytes);
struct addr addr_from_v6(const void *bytes);

/* To and from socket addresses; port in host order. The length of *sa is returned. */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *sa);
int addr_from_sockaddr(struct addr *a, uint16_t *port, const struct sockaddr *sa);

bool prefix_contains(const struct prefix *p, const struct addr *a);

/* "aa:bb:cc:dd:ee:ff" into text (MAC_TEXT_LEN bytes). */
const char *mac_format(const uint8_t mac[6], char *text);

#endif
