/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* No process can shorten what another reads. */
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static int map_memory(struct ledger *l)
{
	l->shared =
		mmap(NULL, sizeof(*l->shared), PROT_READ | PROT_WRITE, MAP_SHARED, l->memory, 0);
	if (l->shared != MAP_FAILED)
		return 0;
	l->shared = NULL;
	return -errno;
}

int ledger_make(struct ledger *l)
{
	l->memory = memfd_create("lbxdp-proxy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (l->memory < 0)
		return -errno;
	if (ftruncate(l->memory, sizeof(*l->shared)) || fcntl(l->memory, F_ADD_SEALS, SEALS))
		return -errno;
	return map_memory(l);
}

int ledger_inherit(struct ledger *l, int fd)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS), err; /* -1: no memory of this kind */

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) ||
	    st.st_size != sizeof(*l->shared))
		return -EINVAL;
	l->memory = fd;
	err = map_memory(l);
	if (err)
		l->memory = -1;
	l->inherited = !err;
	return err;
}

void ledger_fini(struct ledger *l)
{
	if (l->shared)
		(void)munmap(l->shared, sizeof(*l->shared)); /* it was mapped */
	if (l->memory >= 0)
		close(l->memory);
	l->shared = NULL;
	l->memory = -1;
}

/* A hole reads as zeros and takes no memory. */
int ledger_clear_column(const struct ledger *l, unsigned int column)
{
	int err = 0;

	for (const struct proxy_column *g = proxy_columns; g < proxy_columns + PROXY_COLUMN_COUNT;
	     g++)
		if (fallocate(l->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      g->at + column * g->len, g->len))
			err = -errno;
	__atomic_store_n(&l->shared->session_rows[column], 0, __ATOMIC_RELAXED);
	return err;
}

/* Counts are read while processes add to them. */
static struct proxy_counts read_counts(const struct proxy_counts *from)
{
	struct proxy_counts to;
	const uint64_t *word = (const uint64_t *)from;
	uint64_t *copy = (uint64_t *)&to;

	for (size_t i = 0; i < sizeof(to) / sizeof(*copy); i++)
		copy[i] = __atomic_load_n(&word[i], __ATOMIC_RELAXED);
	return to;
}

/* One gauge over all processes; row is the length of a process' column. */
static uint64_t sum(const struct ledger *l, const uint32_t *first, size_t row)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < l->columns; i++)
		total += __atomic_load_n(first + i * row, __ATOMIC_RELAXED);
	return total;
}

struct proxy_counts ledger_service(const struct ledger *l, uint32_t id, uint64_t *current,
				   uint64_t *queued)
{
	*current = sum(l, &l->shared->service_current[0][id], LB_SERVICES_MAX);
	*queued = sum(l, &l->shared->service_queued[0][id], LB_SERVICES_MAX);
	return read_counts(&l->shared->service[id]);
}

struct proxy_counts ledger_real(const struct ledger *l, uint32_t id, uint64_t *current,
				uint64_t *queued)
{
	*current = sum(l, &l->shared->real_current[0][id], LB_REALS_MAX);
	*queued = sum(l, &l->shared->real_queued[0][id], LB_REALS_MAX);
	return read_counts(&l->shared->real[id]);
}

uint64_t ledger_sessions(const struct ledger *l)
{
	uint64_t total = 0;

	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++)
		total += sum(l, &l->shared->service_current[0][id], LB_SERVICES_MAX);
	return total;
}

void ledger_each_session(const struct ledger *l, unsigned int column, ledger_session_fn *fn,
			 void *arg)
{
	uint32_t used = __atomic_load_n(&l->shared->session_rows[column], __ATOMIC_ACQUIRE);

	for (uint32_t row = 0; row < used && row < PROXY_SESSIONS_MAX; row++) {
		struct proxy_session copy = l->shared->session[column][row];

		if (copy.service && copy.service < LB_SERVICES_MAX && copy.real < LB_REALS_MAX)
			fn(arg, &copy);
	}
}

static void set_name(char *to, const char *name)
{
	if (!strcmp(to, name))
		return;
	strncpy(to, name, PROXY_ID_NAME_LEN - 1);
}

void ledger_name_service(const struct ledger *l, uint32_t id, const char *name)
{
	set_name(l->shared->service_name[id], name);
}

void ledger_name_real(const struct ledger *l, uint32_t id, const char *name)
{
	set_name(l->shared->real_name[id], name);
}

/* By reading the file: a look at memory that was never written would make it take place. */
static void each_name(const struct ledger *l, char (*names)[PROXY_ID_NAME_LEN], uint32_t count,
		      ledger_name_fn *fn, void *arg)
{
	off_t at = (const char *)names - (const char *)l->shared;
	char part[64][PROXY_ID_NAME_LEN];

	for (uint32_t first = 0; first < count; first += 64) {
		off_t from = at + (off_t)first * PROXY_ID_NAME_LEN;

		if (pread(l->memory, part, sizeof(part), from) != sizeof(part))
			return;
		for (uint32_t i = 0; i < 64; i++) {
			part[i][PROXY_ID_NAME_LEN - 1] = '\0';
			if (first + i && part[i][0])
				fn(arg, first + i, part[i]);
		}
	}
}

void ledger_each_service(const struct ledger *l, ledger_name_fn *fn, void *arg)
{
	each_name(l, l->shared->service_name, LB_SERVICES_MAX, fn, arg);
}

void ledger_each_real(const struct ledger *l, ledger_name_fn *fn, void *arg)
{
	each_name(l, l->shared->real_name, LB_REALS_MAX, fn, arg);
}

void ledger_clear_service(const struct ledger *l, uint32_t id)
{
	memset(&l->shared->service[id], 0, sizeof(l->shared->service[id]));
	set_name(l->shared->service_name[id], "");
}

void ledger_clear_real(const struct ledger *l, uint32_t id)
{
	memset(&l->shared->real[id], 0, sizeof(l->shared->real[id]));
	set_name(l->shared->real_name[id], "");
}
