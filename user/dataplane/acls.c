/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of clients in lbx_acl. A new list is written beside the old one, under a number of its own,
 * and switched to by one 64-bit store of the service's gate; the old one goes when no packet can be
 * asking for it any more, some rows at a time. judge.c then judges the flows the service has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "core/acl.h"
#include "dataplane/internal.h"

enum {
	GRACE_MSEC = 200,   /* an XDP program runs for microseconds; this is an age */
	REAP_A_CALL = 2048, /* rows; about a millisecond */
	BATCH_ROWS = 512,
};

/* The rows of one list. */
struct list {
	uint32_t number;
	struct acl *acl;
	size_t left; /* the first so many entries still have rows */
	uint64_t since;
	struct list *next; /* of those that leave */
};

struct acls {
	struct list *of[LB_SERVICES_MAX];
	struct list *first, **last;          /* leaving, oldest first */
	uint32_t number;                     /* of the newest list */
	uint32_t judged_in[LB_SERVICES_MAX]; /* the walk that judges its flows */
	uint32_t switches;
};

union gate {
	struct lb_gate gate;
	uint64_t whole;
};

static struct lb_gate load_gate(const struct dataplane *d, uint32_t service)
{
	const void *at = &d->services[service].gate;
	union gate u = {.whole = __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE)};

	return u.gate;
}

static void store_gate(struct dataplane *d, uint32_t service, struct lb_gate gate)
{
	union gate u = {.gate = gate};
	void *at = &d->services[service].gate;

	__atomic_store_n((uint64_t *)at, u.whole, __ATOMIC_RELEASE);
}

static struct lb_acl_key key_of(uint32_t number, const struct prefix *p)
{
	struct lb_acl_key key = {.prefix = LB_ACL_LIST_BITS + p->len, .list = number};

	memcpy(key.addr.byte, p->addr.byte, sizeof(key.addr.byte));
	return key;
}

/* The verdict of a list; 0: there is no such list. */
static uint32_t ask(const struct dataplane *d, uint32_t number, const struct addr *a)
{
	const struct prefix whole = {.addr = *a, .len = LB_ACL_KEY_BITS - LB_ACL_LIST_BITS};
	struct lb_acl_key key = key_of(number, &whole);
	uint32_t verdict = 0;

	if (bpf_map_lookup_elem(d->fd[MAP_ACL], &key, &verdict))
		return 0;
	return verdict;
}

/* Every list that has rows has one for every address: ::/0, the first, goes last. */
static uint32_t new_number(struct dataplane *d)
{
	const struct addr any = {};

	do
		d->acls->number++;
	while (!d->acls->number || ask(d, d->acls->number, &any));
	return d->acls->number;
}

static void list_free(struct list *l)
{
	if (!l)
		return;
	free(l->acl);
	free(l);
}

/* Takes acl, which may be NULL: no memory. */
static struct list *list_new(uint32_t number, struct acl *acl)
{
	struct list *l = acl ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		free(acl);
		return NULL;
	}
	*l = (struct list){.number = number, .acl = acl, .left = acl->count};
	return l;
}

static void leave(struct acls *acls, struct list *l)
{
	if (!l)
		return;
	l->since = clock_msec();
	l->next = NULL;
	*acls->last = l;
	acls->last = &l->next;
}

static int write_rows(const struct dataplane *d, const struct list *l)
{
	struct lb_acl_key keys[BATCH_ROWS];
	uint32_t verdicts[BATCH_ROWS];

	for (size_t at = 0; at < l->acl->count;) {
		uint32_t count = 0;

		for (; count < BATCH_ROWS && at < l->acl->count; count++, at++) {
			keys[count] = key_of(l->number, &l->acl->entries[at].prefix);
			verdicts[count] = l->acl->entries[at].verdict;
		}
		if (bpf_map_update_batch(d->fd[MAP_ACL], keys, verdicts, &count, NULL))
			return -errno;
	}
	return 0;
}

/* Those that the service has now; and sessions, by who asks. */
static void judge_flows(struct dataplane *d, uint32_t service)
{
	d->acls->switches++;
	d->acls->judged_in[service] = judge_later(d, true);
}

int acls_put(struct dataplane *d, uint32_t service, const struct acl *acl, bool host)
{
	struct acl *copy = malloc(acl_size(acl));
	struct list *l;
	int err;

	if (copy)
		memcpy(copy, acl, acl_size(acl));
	l = list_new(new_number(d), copy);
	if (!l)
		return -ENOMEM;
	err = write_rows(d, l);
	if (err) {
		leave(d->acls, l);
		return err;
	}
	store_gate(d, service, (struct lb_gate){.list = l->number, .host = host});
	leave(d->acls, d->acls->of[service]);
	d->acls->of[service] = l;
	judge_flows(d, service);
	return 0;
}

int acls_remove(struct dataplane *d, uint32_t service)
{
	store_gate(d, service, (struct lb_gate){});
	leave(d->acls, d->acls->of[service]);
	d->acls->of[service] = NULL;
	return 0;
}

const struct acl *acls_now(const struct dataplane *d, uint32_t service, bool *host)
{
	*host = load_gate(d, service).host;
	return d->acls->of[service] ? d->acls->of[service]->acl : NULL;
}

void acls_reap(struct dataplane *d)
{
	struct acls *acls = d->acls;
	size_t room = REAP_A_CALL;
	uint64_t now = clock_msec();

	while (room && acls->first && now - acls->first->since >= GRACE_MSEC) {
		struct list *l = acls->first;

		for (; room && l->left; room--) {
			struct lb_acl_key key =
				key_of(l->number, &l->acl->entries[--l->left].prefix);

			/* A list that was refused half-way lacks some. */
			(void)bpf_map_delete_elem(d->fd[MAP_ACL], &key);
		}
		if (l->left)
			return;
		acls->first = l->next;
		if (!acls->first)
			acls->last = &acls->first;
		list_free(l);
	}
}

uint32_t dataplane_acl_switches(const struct dataplane *d)
{
	return d->acls->switches;
}

bool dataplane_denies(const struct dataplane *d, uint32_t service, const struct addr *client)
{
	uint32_t number = service < LB_SERVICES_MAX ? load_gate(d, service).list : 0;

	return number && ask(d, number, client) != LB_ACL_ALLOW;
}

bool acls_judged_in(const struct dataplane *d, uint32_t service, uint32_t walk)
{
	return service < LB_SERVICES_MAX && d->acls->judged_in[service] == walk;
}

/* Adoption: every row of the map, by list. */
struct found {
	uint32_t list;
	struct acl_entry entry;
};

struct rows {
	struct found *at;
	size_t count, room;
};

static int by_list(const void *left, const void *right)
{
	const struct found *l = left, *r = right;

	return l->list < r->list ? -1 : l->list > r->list;
}

static int keep_rows(struct rows *r, const struct lb_acl_key *keys, const uint32_t *verdicts,
		     uint32_t count)
{
	if (r->count + count > r->room) {
		size_t room = 2 * (r->count + count);
		struct found *at = reallocarray(r->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		r->at = at;
		r->room = room;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct found *f = &r->at[r->count++];

		*f = (struct found){.list = keys[i].list};
		f->entry.prefix.len = (uint8_t)(keys[i].prefix - LB_ACL_LIST_BITS);
		f->entry.verdict = (uint8_t)verdicts[i];
		memcpy(f->entry.prefix.addr.byte, keys[i].addr.byte, sizeof(keys[i].addr.byte));
	}
	return 0;
}

static int read_rows(const struct dataplane *d, struct rows *r)
{
	struct lb_acl_key keys[BATCH_ROWS], at;
	uint32_t verdicts[BATCH_ROWS], count;
	bool begun = false, ended = false;
	int err = 0;

	while (!err && !ended) {
		count = BATCH_ROWS;
		if (bpf_map_lookup_batch(d->fd[MAP_ACL], begun ? &at : NULL, &at, keys, verdicts,
					 &count, NULL)) {
			if (errno != ENOENT)
				return -errno;
			ended = true;
		}
		begun = true;
		err = keep_rows(r, keys, verdicts, count);
	}
	return err;
}

static struct list *list_of_rows(const struct found *rows, size_t count)
{
	struct acl_entry *entries = calloc(count, sizeof(*entries));
	struct list *l;

	if (!entries)
		return NULL;
	for (size_t i = 0; i < count; i++)
		entries[i] = rows[i].entry;
	l = list_new(rows->list, acl_from_entries(entries, count));
	free(entries);
	return l;
}

static struct list **owner_of(struct dataplane *d, uint32_t number)
{
	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++)
		if (load_gate(d, id).list == number)
			return &d->acls->of[id];
	return NULL;
}

/* A list without a service is one that a daemon did not live to remove, and flows of the others may
 * be ones that it did not live to judge. */
static int recall(struct dataplane *d, struct rows *r)
{
	for (size_t i = 0, end; i < r->count; i = end) {
		struct list *l, **owner = owner_of(d, r->at[i].list);

		for (end = i + 1; end < r->count && r->at[end].list == r->at[i].list;)
			end++;
		l = list_of_rows(&r->at[i], end - i);
		if (!l)
			return -ENOMEM;
		d->acls->number = l->number;
		if (!owner) {
			leave(d->acls, l);
			continue;
		}
		*owner = l;
		judge_flows(d, (uint32_t)(owner - d->acls->of));
	}
	return 0;
}

int acls_open(struct dataplane *d)
{
	struct rows rows = {};
	int err;

	d->acls = calloc(1, sizeof(*d->acls));
	if (!d->acls)
		return -ENOMEM;
	d->acls->last = &d->acls->first;
	err = read_rows(d, &rows);
	if (!err && rows.count)
		qsort(rows.at, rows.count, sizeof(*rows.at), by_list);
	if (!err)
		err = recall(d, &rows);
	free(rows.at);
	return err;
}

void acls_close(struct dataplane *d)
{
	struct acls *acls = d->acls;

	if (!acls)
		return;
	for (uint32_t id = 0; id < LB_SERVICES_MAX; id++)
		list_free(acls->of[id]);
	while (acls->first) {
		struct list *l = acls->first;

		acls->first = l->next;
		list_free(l);
	}
	free(acls);
}
