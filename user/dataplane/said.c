/* SPDX-License-Identifier: GPL-2.0-only */
#include "dataplane/said.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

static struct {
	char kernel[256];  /* netlink's extended error, as libbpf passes it on */
	char library[256]; /* the first warning: the later ones are about its consequences */
} said;

/* Keeps the first line of text, without its newline. */
static void keep(char *to, const char *text)
{
	static const char prefix[] = "libbpf: ";

	if (!strncmp(text, prefix, strlen(prefix)))
		text += strlen(prefix);
	snprintf(to, sizeof(said.kernel), "%.*s", (int)strcspn(text, "\n"), text);
}

static void listen(const char *format, va_list args)
{
	static const char from_kernel[] = "Kernel error message: ";
	char text[512];
	const char *mark;

	vsnprintf(text, sizeof(text), format, args);
	mark = strstr(text, from_kernel);
	if (mark)
		keep(said.kernel, mark + strlen(from_kernel));
	else if (!said.library[0])
		keep(said.library, text);
}

static int from_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		listen(format, args);
	return 0;
}

static int from_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	if (level == LIBXDP_WARN)
		listen(format, args);
	return 0;
}

void said_install(void)
{
	libbpf_set_print(from_libbpf);
	libxdp_set_print(from_libxdp);
}

void said_clear(void)
{
	said.kernel[0] = said.library[0] = '\0';
}

const char *said_why(int err)
{
	if (said.kernel[0])
		return said.kernel;
	if (said.library[0])
		return said.library;
	return strerror(err < 0 ? -err : err);
}
