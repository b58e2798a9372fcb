/* SPDX-License-Identifier: GPL-2.0-only */
#include "daemon/power.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum { SOCKET_TYPE_MASK = 0xf }; /* <linux/net.h>, the kernel's own */

static const char user_name[] = "lbxdp";

static const cap_value_t main_list[] = {
	CAP_BPF,    CAP_PERFMON, CAP_NET_ADMIN,  CAP_NET_RAW, CAP_NET_BIND_SERVICE,
	CAP_SETUID, CAP_SETGID,  CAP_SYS_CHROOT, CAP_KILL,    CAP_DAC_READ_SEARCH,
	CAP_CHOWN,
};

/* Of a proxy: for IP_TRANSPARENT. */
static const cap_value_t proxy_list[] = {CAP_NET_RAW};

/* Permitted, raised only around the calls the kernel asks it for (dataplane/). */
static const cap_value_t on_demand[] = {CAP_SYS_ADMIN};

/* The system calls of an event loop over sockets with OpenSSL, and of malloc. */
static const int plain_calls[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(dup),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(ftruncate),
	SCMP_SYS(futex),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(listen),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(memfd_create),
	SCMP_SYS(mmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pread64),
	SCMP_SYS(prlimit64),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendfile),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(signalfd4),
	SCMP_SYS(tgkill),
	SCMP_SYS(time),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(uname),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* Bytes that go from socket to socket by way of a pipe, a socket that takes another's place. */
static const int proxy_calls[] = {
	SCMP_SYS(dup3),
	SCMP_SYS(pipe2),
	SCMP_SYS(splice),
};

int power_find_user(uid_t *uid, gid_t *gid, struct buf *why)
{
	const struct passwd *user = getpwnam(user_name);

	if (!user) {
		buf_printf(why,
			   "there is no user %s for the unprivileged processes; make it with: "
			   "useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin %s",
			   user_name, user_name);
		return -ENOENT;
	}
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return 0;
}

static int drop_bounding_set(void)
{
	for (int c = 0; c <= CAP_LAST_CAP; c++) {
		bool keep = false;

		for (size_t i = 0; i < ARRAY_COUNT(main_list); i++)
			keep |= main_list[i] == c;
		for (size_t i = 0; i < ARRAY_COUNT(on_demand); i++)
			keep |= on_demand[i] == c;
		if (!keep && cap_get_bound(c) > 0 && cap_drop_bound(c))
			return -errno;
	}
	return 0;
}

/* Adds those of list that the process has: a container may already hold some back. */
static int permit(cap_t set, cap_t now, const cap_value_t *list, size_t count, bool effective)
{
	for (size_t i = 0; i < count; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (cap_get_flag(now, list[i], CAP_PERMITTED, &has) || has != CAP_SET)
			continue;
		if (cap_set_flag(set, CAP_PERMITTED, 1, &list[i], CAP_SET) ||
		    (effective && cap_set_flag(set, CAP_EFFECTIVE, 1, &list[i], CAP_SET)))
			return -errno;
	}
	return 0;
}

int power_limit_main(void)
{
	cap_t set = cap_init(), now = cap_get_proc();
	int err = set && now ? drop_bounding_set() : -ENOMEM;

	if (!err)
		err = permit(set, now, main_list, ARRAY_COUNT(main_list), true);
	if (!err)
		err = permit(set, now, on_demand, ARRAY_COUNT(on_demand), false);
	if (!err && cap_set_proc(set))
		err = -errno;
	cap_free(set);
	cap_free(now);
	return err;
}

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

/* A proxy's are of type SOCK_STREAM, its flags aside: neither raw nor packet sockets. */
static int allow_sockets(scmp_filter_ctx filter, enum power_kept kept)
{
	const struct scmp_arg_cmp stream =
		SCMP_A1_32(SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_STREAM);

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), kept == POWER_PROXY,
				      &stream);
}

/* A call that is not on the list fails with EPERM: a libc that grows a new one degrades one check
 * and does not bring the process down over and over. */
static int filter_calls(enum power_kept kept)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = filter ? 0 : -ENOMEM;

	if (!err)
		err = allow(filter, plain_calls, ARRAY_COUNT(plain_calls));
	if (!err && kept == POWER_PROXY)
		err = allow(filter, proxy_calls, ARRAY_COUNT(proxy_calls));
	if (!err)
		err = allow_sockets(filter, kept);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

static int limit_capabilities(enum power_kept kept)
{
	cap_t set = cap_init(), now = cap_get_proc();
	int err = set && now ? 0 : -ENOMEM;

	if (!err && kept == POWER_PROXY)
		err = permit(set, now, proxy_list, ARRAY_COUNT(proxy_list), true);
	if (!err && cap_set_proc(set))
		err = -errno;
	cap_free(set);
	cap_free(now);
	return err;
}

int power_drop_all(const char *root, uid_t uid, gid_t gid, enum power_kept kept, struct buf *why)
{
	const char *step = "chroot";
	int err = 0;

	if (chroot(root) || chdir("/"))
		goto failed;
	step = "become another user";
	if (kept == POWER_PROXY && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		goto failed;
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		goto failed;
	step = "give up capabilities";
	errno = -limit_capabilities(kept);
	if (errno)
		goto failed;
	step = "set no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		goto failed;
	step = "filter system calls";
	errno = -filter_calls(kept);
	if (!errno)
		return 0;
failed:
	err = errno ? -errno : -EPERM;
	buf_printf(why, "cannot %s: %s", step, strerror(-err));
	return err;
}
