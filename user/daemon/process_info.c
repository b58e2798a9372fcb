/* SPDX-License-Identifier: GPL-2.0-only */
#include "daemon/process_info.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "io/cgroup.h"

static uint64_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir));)
		count += e->d_name[0] != '.';
	closedir(dir);
	return count ? count - 1 : 0; /* the directory itself was open */
}

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long total, resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(f);
	return (uint64_t)resident * sysconf(_SC_PAGESIZE);
}

/* Field 22 of /proc/self/stat: ticks since boot; the command in parentheses may hold spaces. */
static double start_time(void)
{
	FILE *f = fopen("/proc/self/stat", "re");
	unsigned long long ticks = 0;
	struct timespec boot, wall;
	char line[1024], *end;

	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f) && (end = strrchr(line, ')')))
		(void)sscanf(end + 2,
			     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			     "%*d %*d %llu",
			     &ticks);
	fclose(f);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return wall.tv_sec - boot.tv_sec + (double)ticks / sysconf(_SC_CLK_TCK);
}

/* The least of what we and our control group may have. */
static uint64_t memory_max(void)
{
	uint64_t max = cgroup_memory_max(CGROUP_SELF, CGROUP_MOUNT);
	struct rlimit space;

	if (getrlimit(RLIMIT_AS, &space) || space.rlim_cur == RLIM_INFINITY)
		return max;
	return !max || space.rlim_cur < max ? space.rlim_cur : max;
}

void process_info_read(struct view *v)
{
	struct rlimit files;
	struct rusage used;

	if (!getrusage(RUSAGE_SELF, &used))
		v->process.cpu_seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec +
					 (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	if (!getrlimit(RLIMIT_NOFILE, &files))
		v->process.max_fds = files.rlim_cur;
	v->process.memory_max = memory_max();
	v->process.open_fds = open_fds();
	v->process.resident_bytes = resident_bytes();
	v->process.start_time = start_time();
}
