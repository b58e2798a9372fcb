/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linked into the program by SANITIZE=1 only, in front of a few calls (ld --wrap): every process
 * looks for leaks before it ends, and reports go to the file that LBXDP_REPORTS names.
 *
 * LeakSanitizer stops a process by a thread that traces it and reads /proc, so a child gets those
 * system calls beside its own and a /proc in its empty directory. Children are ended by SIGKILL,
 * which leaves no time to look: a SIGTERM goes first, and is heard between two rounds of the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPORT_FD_MIN = 100, LOOK_MSEC = 3000, LEAK_LEN = 64 };

void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));
int __real_kill(pid_t pid, int sig);
int __wrap_kill(pid_t pid, int sig);
int __real_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags);
int __wrap_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags);
int __real_epoll_wait(int fd, struct epoll_event *events, int count, int msec);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int count, int msec);
int __real_chroot(const char *path);
int __wrap_chroot(const char *path);
int __real_close_range(unsigned int first, unsigned int last, int flags);
int __wrap_close_range(unsigned int first, unsigned int last, int flags);
int __real_seccomp_load(scmp_filter_ctx filter);
int __wrap_seccomp_load(scmp_filter_ctx filter);

static const int tracer_calls[] = {
	SCMP_SYS(access),  SCMP_SYS(arch_prctl), SCMP_SYS(clone),      SCMP_SYS(getdents),
	SCMP_SYS(getppid), SCMP_SYS(getdents64), SCMP_SYS(kill),       SCMP_SYS(open),
	SCMP_SYS(openat),  SCMP_SYS(pipe),       SCMP_SYS(prctl),      SCMP_SYS(process_vm_readv),
	SCMP_SYS(ptrace),  SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(stat),
	SCMP_SYS(lstat),   SCMP_SYS(tkill),      SCMP_SYS(wait4),
};

static bool is_child;
static volatile sig_atomic_t told;

static void on_term(int sig)
{
	told = 1;
}

/* The runtime opens its own file by name, which a child in its empty directory cannot. */
static void open_reports(void)
{
	const char *path = getenv("LBXDP_REPORTS");
	int low = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, REPORT_FD_MIN);

	if (low >= 0)
		close(low);
	if (fd >= 0)
		__sanitizer_set_report_fd((void *)(intptr_t)fd);
}

/* So that the compiler does not see that nobody has it. */
static void forget(void *lost)
{
	memset(lost, 0, LEAK_LEN);
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_term};
	sigset_t term;

	open_reports();
	if (getenv("LBXDP_LEAK")) /* for the test of all this */
		forget(malloc(LEAK_LEN));
	is_child = argc > 1 && !strcmp(argv[1], "--role");
	if (!is_child)
		return;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	sigaction(SIGTERM, &action, NULL);
}

void __wrap__exit(int code)
{
	__lsan_do_leak_check();
	__real__exit(code);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int count, int msec)
{
	sigset_t none;
	int ready;

	if (!is_child)
		return __real_epoll_wait(fd, events, count, msec);
	sigemptyset(&none);
	ready = epoll_pwait(fd, events, count, msec, &none);
	if (told)
		__wrap__exit(0);
	return ready;
}

int __wrap_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)
{
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};

	if (sig == SIGKILL && !__real_pidfd_send_signal(pidfd, SIGTERM, info, flags))
		(void)poll(&gone, 1, LOOK_MSEC);
	return __real_pidfd_send_signal(pidfd, sig, info, flags);
}

int __wrap_kill(pid_t pid, int sig)
{
	int pidfd = sig == SIGKILL && pid > 0 ? pidfd_open(pid, 0) : -1;

	if (pidfd >= 0) {
		(void)__wrap_pidfd_send_signal(pidfd, sig, NULL, 0);
		close(pidfd);
	}
	return __real_kill(pid, sig);
}

/* In a mount namespace of its own: what is on the disk stays as it is. */
int __wrap_chroot(const char *path)
{
	char proc[PATH_MAX];

	snprintf(proc, sizeof(proc), "%s/proc", path);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("leaks", path, "tmpfs", 0, "mode=755") || mkdir(proc, 0755) ||
	    mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL))
		return -1;
	return __real_chroot(path);
}

/* The daemon closes what a shell left open, and is a process that the runtime does not know. */
int __wrap_close_range(unsigned int first, unsigned int last, int flags)
{
	int err = __real_close_range(first, last, flags);

	open_reports();
	return err;
}

int __wrap_seccomp_load(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(tracer_calls) / sizeof(*tracer_calls); i++) {
		int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, tracer_calls[i], 0);

		if (err)
			return err;
	}
	return __real_seccomp_load(filter);
}
