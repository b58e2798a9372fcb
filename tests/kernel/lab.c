/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

void lab_enter(void)
{
	if (geteuid()) {
		fprintf(stderr, "this test needs root\n");
		exit(77);
	}
	must(!unshare(CLONE_NEWNET | CLONE_NEWNS), "unshare");
	must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
	must(!mount("sysfs", "/sys", "sysfs", 0, NULL), "mount sysfs");
	must(!mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), "mount bpf");
	must(!system("ip link set lo up"), "ip link set lo up");
}

static int run(const char *format, va_list args, const char *tail)
{
	char command[1024];
	size_t len = (size_t)vsnprintf(command, sizeof(command), format, args);

	assert_true(len + strlen(tail) < sizeof(command));
	strcpy(command + len, tail);
	return system(command);
}

void lab_run(const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = run(format, args, "");
	va_end(args);
	if (status)
		fail_msg("%s: status %d", format, status);
}

bool lab_try(const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = run(format, args, " >/dev/null 2>&1");
	va_end(args);
	return !status;
}

uint32_t lab_ifindex(const char *name)
{
	uint32_t index = if_nametoindex(name);

	assert_int_not_equal(index, 0);
	return index;
}

static int open_ns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void lab_ns_make(struct lab_ns *n)
{
	n->here = open_ns();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	lab_run("ip link set lo up");
	n->there = open_ns();
	lab_ns_leave(n);
}

void lab_ns_enter(const struct lab_ns *n)
{
	assert_int_equal(setns(n->there, CLONE_NEWNET), 0);
}

void lab_ns_leave(const struct lab_ns *n)
{
	assert_int_equal(setns(n->here, CLONE_NEWNET), 0);
}

void lab_ns_close(struct lab_ns *n)
{
	close(n->there);
	close(n->here);
}

uint64_t lab_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t lab_until(uint64_t msec)
{
	const char *patience = getenv("LBXDP_PATIENCE");

	return lab_now() + msec * (patience ? strtod(patience, NULL) : 1);
}
