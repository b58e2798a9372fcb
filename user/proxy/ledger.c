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

static int map_memory(struct ledger *t)
{
	t->shared =
		mmap(NULL, sizeof(*t->shared), PROT_READ | PROT_WRITE, MAP_SHARED, t->memory, 0);
	if (t->shared != MAP_FAILED)
		return 0;
	t->shared = NULL;
	return -errno;
}

int ledger_make(struct ledger *t)
{
	t->memory = memfd_create("lbxdp-proxy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (t->memory < 0)
		return -errno;
	if (ftruncate(t->memory, sizeof(*t->shared)) || fcntl(t->memory, F_ADD_SEALS, SEALS))
		return -errno;
	return map_memory(t);
}

int ledger_inherit(struct ledger *t, int fd)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) || st.st_size != sizeof(*t->shared) ||
	    (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		return -EINVAL;
	t->memory = fd;
	err = map_memory(t);
	if (err)
		t->memory = -1;
	t->inherited = !err;
	return err;
}

void ledger_fini(struct ledger *t)
{
	if (t->shared)
		(void)munmap(t->shared, sizeof(*t->shared)); /* it was mapped */
	if (t->memory >= 0)
		close(t->memory);
	t->shared = NULL;
	t->memory = -1;
}

/* A hole reads as zeros and takes no memory. */
static int punch(const struct ledger *t, const void *from, size_t len)
{
	off_t at = (const char *)from - (const char *)t->shared;

	return fallocate(t->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len) ? -errno
											 : 0;
}

int ledger_clear_column(const struct ledger *t, unsigned int column)
{
	int err = 0;

	for (size_t i = 0; !err && i < PROXY_COLUMN_COUNT; i++) {
		const struct proxy_column *c = &proxy_columns[i];

		err = punch(t, (const char *)t->shared + c->at + column * c->len, c->len);
	}
	__atomic_store_n(&t->shared->session_rows[column], 0, __ATOMIC_RELAXED);
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
static uint64_t sum(const struct ledger *t, const uint32_t *first, size_t row)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < t->columns; i++)
		total += __atomic_load_n(first + i * row, __ATOMIC_RELAXED);
	return total;
}

struct proxy_counts ledger_service(const struct ledger *t, uint32_t id, uint64_t *current,
				   uint64_t *queued)
{
	*current = sum(t, &t->shared->service_current[0][id], LB_SERVICES_MAX);
	*queued = sum(t, &t->shared->service_queued[0][id], LB_SERVICES_MAX);
	return read_counts(&t->shared->service[id]);
}

struct proxy_counts ledger_real(const struct ledger *t, uint32_t id, uint64_t *current,
				uint64_t *queued)
{
	*current = sum(t, &t->shared->real_current[0][id], LB_REALS_MAX);
	*queued = sum(t, &t->shared->real_queued[0][id], LB_REALS_MAX);
	return read_counts(&t->shared->real[id]);
}

uint64_t ledger_sessions(const struct ledger *t)
{
	uint64_t total = 0;

	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++)
		total += sum(t, &t->shared->service_current[0][id], LB_SERVICES_MAX);
	return total;
}

void ledger_each_session(const struct ledger *t, unsigned int column, ledger_session_fn *fn,
			 void *arg)
{
	uint32_t used = __atomic_load_n(&t->shared->session_rows[column], __ATOMIC_ACQUIRE);

	for (uint32_t row = 0; row < used && row < PROXY_SESSIONS_MAX; row++) {
		struct proxy_session copy = t->shared->session[column][row];

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

void ledger_name_service(const struct ledger *t, uint32_t id, const char *name)
{
	set_name(t->shared->service_name[id], name);
}

void ledger_name_real(const struct ledger *t, uint32_t id, const char *name)
{
	set_name(t->shared->real_name[id], name);
}

/* By reading the file: a look at memory that was never written would make it take place. */
static void each_name(const struct ledger *t, char (*names)[PROXY_ID_NAME_LEN], uint32_t count,
		      ledger_name_fn *fn, void *arg)
{
	off_t at = (const char *)names - (const char *)t->shared;
	char part[64][PROXY_ID_NAME_LEN];

	for (uint32_t first = 0; first < count; first += 64) {
		off_t from = at + (off_t)first * PROXY_ID_NAME_LEN;

		if (pread(t->memory, part, sizeof(part), from) != sizeof(part))
			return;
		for (uint32_t i = 0; i < 64; i++) {
			part[i][PROXY_ID_NAME_LEN - 1] = '\0';
			if (first + i && part[i][0])
				fn(arg, first + i, part[i]);
		}
	}
}

void ledger_each_service(const struct ledger *t, ledger_name_fn *fn, void *arg)
{
	each_name(t, t->shared->service_name, LB_SERVICES_MAX, fn, arg);
}

void ledger_each_real(const struct ledger *t, ledger_name_fn *fn, void *arg)
{
	each_name(t, t->shared->real_name, LB_REALS_MAX, fn, arg);
}

void ledger_clear_service(const struct ledger *t, uint32_t id)
{
	memset(&t->shared->service[id], 0, sizeof(t->shared->service[id]));
	set_name(t->shared->service_name[id], "");
}

void ledger_clear_real(const struct ledger *t, uint32_t id)
{
	memset(&t->shared->real[id], 0, sizeof(t->shared->real[id]));
	set_name(t->shared->real_name[id], "");
}
