/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What checks cost: starts the probe process as the daemon does, orders COUNT checks of one type
 * every INTERVAL ms on loopback servers, and prints the CPU that the process used meanwhile.
 * Usage: checks TYPE PORT COUNT INTERVAL SECONDS [REQUEST]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "health/client.h"
#include "health/probe.h"

enum { ADDRESSES = 100, WARM_UP = 5000 /* ms: the first results and the full handshakes */ };

struct bench {
	struct loop *loop;
	struct health_client *client;
	struct timer warm, end;
	pid_t child;
	unsigned long results, passed, resident_kb;
	double cpu, wall;
	unsigned int msec;
};

static struct bench bench;

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_of(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) ? 0 : seconds(clock);
}

static unsigned long resident_of(pid_t pid)
{
	unsigned long total = 0, resident = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void report(void *arg, const struct check_report *r)
{
	bench.results++;
	bench.passed += check_code_passed(r->outcome.code);
}

static void lost(void *arg)
{
	fprintf(stderr, "the probe process died\n");
	exit(1);
}

static void warmed_up(struct timer *t)
{
	bench.results = bench.passed = 0;
	bench.cpu = cpu_of(bench.child);
	bench.wall = seconds(CLOCK_MONOTONIC);
	timer_start(bench.loop, &bench.end, bench.msec);
}

static void finish(struct timer *t)
{
	bench.cpu = cpu_of(bench.child) - bench.cpu;
	bench.wall = seconds(CLOCK_MONOTONIC) - bench.wall;
	bench.resident_kb = resident_of(bench.child);
	loop_stop(bench.loop);
}

static void start_probe(int fd[2])
{
	struct probe_fds fds = {.channel = fd[1], .icmp4 = -1, .icmp6 = -1};

	bench.child = fork();
	if (!bench.child) {
		close(fd[0]);
		_exit(probe_main(&fds));
	}
	close(fd[1]);
}

static void order(const struct plan_sink *sink, uint32_t id, char **arg)
{
	struct check_spec spec = {
		.type = check_type_parse(arg[1]),
		.port = atoi(arg[2]),
		.interval = atoi(arg[4]),
		.fast_interval = 1000,
		.timeout = 2000,
		.rise = 2,
		.fall = 2,
	};
	char text[ADDR_TEXT_LEN];

	snprintf(text, sizeof(text), "127.0.1.%u", 1 + id % ADDRESSES);
	addr_parse(&spec.addr, text);
	if (arg[6])
		snprintf(spec.request, sizeof(spec.request), "%s", arg[6]);
	sink->put(sink->to, PLAN_CHECKS, &id,
		  &(struct row_check){.spec = &spec, .addr = spec.addr, .port = spec.port}, NULL);
}

int main(int argc, char **argv)
{
	struct health_client_events events = {.report = report, .lost = lost};
	int fd[2], count;

	if (argc < 6 || channel_pair(fd))
		return 2;
	count = atoi(argv[3]);
	bench.msec = 1000 * atoi(argv[5]);
	start_probe(fd);
	bench.loop = loop_new();
	bench.warm.fn = warmed_up;
	bench.end.fn = finish;
	bench.client = health_client_new(bench.loop, &events);
	health_client_connect(bench.client, fd[0]);
	for (int id = 0; id < count; id++)
		order(health_client_sink(bench.client), id, argv);
	timer_start(bench.loop, &bench.warm, WARM_UP);
	loop_run(bench.loop);
	printf("%.1f %.0f %.2f %.0f %lu\n", 100 * bench.cpu / bench.wall,
	       bench.results / bench.wall, 100.0 * bench.passed / (bench.results ?: 1),
	       bench.results ? 1e6 * bench.cpu / bench.results : 0, bench.resident_kb);
	health_client_free(bench.client);
	loop_free(bench.loop);
	kill(bench.child, SIGTERM);
	waitpid(bench.child, NULL, 0);
	return 0;
}
