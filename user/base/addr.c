/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

int addr_parse(struct addr *a, const char *text)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*a = addr_from_v4(bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*a = addr_from_v6(bytes);
	else
		return -EINVAL;
	return 0;
}

const char *addr_format(const struct addr *a, char *text)
{
	if (addr_is_v4(a))
		return inet_ntop(AF_INET, a->byte + 12, text, ADDR_TEXT_LEN);
	return inet_ntop(AF_INET6, a->byte, text, ADDR_TEXT_LEN);
}

const char *addr_format_port(const struct addr *a, uint16_t port, char *text)
{
	char plain[ADDR_TEXT_LEN];

	addr_format(a, plain);
	snprintf(text, ENDPOINT_TEXT_LEN, addr_is_v4(a) ? "%s:%u" : "[%s]:%u", plain, port);
	return text;
}

bool addr_is_v4(const struct addr *a)
{
	return !memcmp(a->byte, mapped, sizeof(mapped));
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return !memcmp(a->byte, b->byte, sizeof(a->byte));
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->byte, zero, 16) || (addr_is_v4(a) && !memcmp(a->byte + 12, zero, 4));
}

bool addr_is_link_local(const struct addr *a)
{
	return a->byte[0] == 0xfe && (a->byte[1] & 0xc0) == 0x80;
}

bool addr_is_multicast(const struct addr *a)
{
	return addr_is_v4(a) ? (a->byte[12] & 0xf0) == 0xe0 : a->byte[0] == 0xff;
}

struct addr addr_from_v4(const void *bytes)
{
	struct addr a;

	memcpy(a.byte, mapped, sizeof(mapped));
	memcpy(a.byte + 12, bytes, 4);
	return a;
}

struct addr addr_from_v6(const void *bytes)
{
	struct addr a;

	memcpy(a.byte, bytes, 16);
	return a;
}

socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *sa)
{
	struct sockaddr_in *in4 = (void *)sa;
	struct sockaddr_in6 *in6 = (void *)sa;

	memset(sa, 0, sizeof(*sa));
	if (addr_is_v4(a)) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, a->byte + 12, 4);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->byte, 16);
	return sizeof(*in6);
}

int addr_from_sockaddr(struct addr *a, uint16_t *port, const struct sockaddr *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->sa_family == AF_INET) {
		*a = addr_from_v4(&in4->sin_addr);
		*port = ntohs(in4->sin_port);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		*a = addr_from_v6(&in6->sin6_addr);
		*port = ntohs(in6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned int whole = p->len / 8, rest = p->len % 8;

	if (memcmp(p->addr.byte, a->byte, whole))
		return false;
	return !rest || !((p->addr.byte[whole] ^ a->byte[whole]) >> (8 - rest));
}

const char *mac_format(const uint8_t mac[6], char *text)
{
	snprintf(text, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}
