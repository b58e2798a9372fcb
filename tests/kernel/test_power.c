/* SPDX-License-Identifier: GPL-2.0-only */
/* What a child may still do once it has given its powers up: needs root. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "daemon/power.h"
#include "kernel/lab.h"

static int open_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int use_anothers_address(int family)
{
	int fd = socket(family, SOCK_STREAM, 0), one = 1, err;

	if (fd < 0)
		return errno;
	err = family == AF_INET ? setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one))
				: setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &one, sizeof(one));
	err = err ? errno : 0;
	close(fd);
	return err;
}

static int open_raw(void)
{
	return open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int open_packet(void)
{
	return open_socket(AF_PACKET, SOCK_RAW, 0);
}

static int open_datagram(void)
{
	return open_socket(AF_INET, SOCK_DGRAM, 0);
}

static int open_stream(void)
{
	return open_socket(AF_INET6, SOCK_STREAM, 0);
}

static int transparent4(void)
{
	return use_anothers_address(AF_INET);
}

static int transparent6(void)
{
	return use_anothers_address(AF_INET6);
}

static int become_root(void)
{
	return setuid(0) ? EPERM : 0;
}

/* In a child without power: what the call says, as an errno. */
static int without_power(enum power_kept kept, int (*call)(void))
{
	struct buf why = {};
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(power_drop_all("/sys/fs/bpf", 65534, 65534, kept, &why) ? 255 : call());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static void a_child_opens_streams_and_uses_others_addresses_only_as_a_proxy(void **state)
{
	static const struct {
		int (*call)(void);
		int plain, proxy;
	} cases[] = {
		{open_stream,   0,     0    },
                {open_datagram, 0,     EPERM},
                {open_raw,      EPERM, EPERM},
		{open_packet,   EPERM, EPERM},
                {transparent4,  EPERM, 0    },
                {transparent6,  EPERM, 0    },
		{become_root,   EPERM, EPERM},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(without_power(POWER_PLAIN, cases[i].call), cases[i].plain);
		assert_int_equal(without_power(POWER_PROXY, cases[i].call), cases[i].proxy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_opens_streams_and_uses_others_addresses_only_as_a_proxy),
	};

	lab_enter();
	return cmocka_run_group_tests_name("power (kernel)", tests, NULL, NULL);
}
