/* SPDX-License-Identifier: GPL-2.0-only */
/* What main reads of its processes, and of those of an earlier main. */
#include "base/alloc.h"
#include "proxy/client_internal.h"

struct proxy_counts proxy_client_service(const struct proxy_client *c, uint32_t id,
					 uint64_t *current, uint64_t *queued)
{
	return ledger_service(&c->ledger, id, current, queued);
}

struct proxy_counts proxy_client_real(const struct proxy_client *c, uint32_t id, uint64_t *current,
				      uint64_t *queued)
{
	return ledger_real(&c->ledger, id, current, queued);
}

uint64_t proxy_client_sessions(const struct proxy_client *c)
{
	return ledger_sessions(&c->ledger);
}

void proxy_client_clear_service(struct proxy_client *c, uint32_t id)
{
	ledger_clear_service(&c->ledger, id);
}

void proxy_client_clear_real(struct proxy_client *c, uint32_t id)
{
	ledger_clear_real(&c->ledger, id);
}

uint64_t proxy_client_pulse(const struct proxy_client *c, unsigned int index)
{
	return __atomic_load_n(&c->ledger.shared->pulse[c->process[index].column],
			       __ATOMIC_RELAXED);
}

struct proxy_vitals proxy_client_vitals(const struct proxy_client *c, unsigned int index)
{
	return c->ledger.shared->vitals[c->process[index].column];
}

/* Sessions of one process. */
struct session_filter {
	proxy_session_fn *fn;
	void *arg;
	pid_t pid;
};

static void pass_session(void *arg, const struct proxy_session *s)
{
	const struct session_filter *f = arg;

	f->fn(f->arg, f->pid, s);
}

void proxy_client_each_session(const struct proxy_client *c, proxy_session_fn *fn, void *arg)
{
	struct session_filter f = {.fn = fn, .arg = arg};

	for (unsigned int i = 0; i < c->count; i++) {
		f.pid = c->process[i].pid;
		ledger_each_session(&c->ledger, c->process[i].column, pass_session, &f);
	}
	proxy_client_each_earlier_session(c, fn, arg);
}

void proxy_client_each_earlier_session(const struct proxy_client *c, proxy_session_fn *fn,
				       void *arg)
{
	struct predecessor_view earlier[PROXY_PROCESSES_MAX];
	size_t count = predecessors_view(c->earlier, earlier, ARRAY_COUNT(earlier));
	struct session_filter f = {.fn = fn, .arg = arg};

	for (size_t i = 0; i < count; i++) {
		f.pid = earlier[i].pid;
		if (earlier[i].column != NO_COLUMN)
			ledger_each_session(&c->ledger, earlier[i].column, pass_session, &f);
	}
}

struct name_filter {
	proxy_name_fn *fn;
	void *arg;
	enum plan_table table;
};

static void pass_name(void *arg, uint32_t id, const char *name)
{
	const struct name_filter *f = arg;

	f->fn(f->arg, f->table, id, name);
}

void proxy_client_each_name(const struct proxy_client *c, proxy_name_fn *fn, void *arg)
{
	struct name_filter f = {.fn = fn, .arg = arg, .table = PLAN_PROXY_SERVICES};

	if (!c->ledger.inherited)
		return;
	ledger_each_service(&c->ledger, pass_name, &f);
	f.table = PLAN_PROXY_REALS;
	ledger_each_real(&c->ledger, pass_name, &f);
}

size_t proxy_client_earlier_room(const struct proxy_client *c)
{
	return predecessors_room(c->earlier);
}

size_t proxy_client_earlier(const struct proxy_client *c, struct predecessor_view *out, size_t room)
{
	return predecessors_view(c->earlier, out, room);
}

void proxy_client_ask_earlier(struct proxy_client *c)
{
	predecessors_count(c->earlier);
}
