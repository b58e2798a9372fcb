/* SPDX-License-Identifier: GPL-2.0-only */
/* Which local ports the kernel hands out by itself: ip-sysctl, ip_local_port_range and
 * ip_local_reserved_ports. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/net.h"

enum { LIST_LEN = 4096 };

/* False: it cannot be read. */
static bool read_setting(const char *path, char text[LIST_LEN])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, LIST_LEN - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

/* Does one piece of a list like "8080,9000-9010" hold all of first to last? The kernel joins pieces
 * that touch. */
static bool lists(const char *list, unsigned int first, unsigned int last)
{
	unsigned int from, to;
	int len;

	for (; sscanf(list, "%u%n", &from, &len) == 1; list += *list == ',') {
		list += len;
		to = from;
		if (sscanf(list, "-%u%n", &to, &len) == 1)
			list += len;
		if (from <= first && last <= to)
			return true;
	}
	return false;
}

bool net_ports_apart(uint16_t first, uint16_t last)
{
	char text[LIST_LEN];
	unsigned int low, high;

	if (!read_setting("/proc/sys/net/ipv4/ip_local_port_range", text) ||
	    sscanf(text, "%u %u", &low, &high) != 2)
		return true; /* nothing is to be said */
	if (high < first || low > last)
		return true;
	low = low > first ? low : first;
	high = high < last ? high : last;
	return read_setting("/proc/sys/net/ipv4/ip_local_reserved_ports", text) &&
	       lists(text, low, high);
}
