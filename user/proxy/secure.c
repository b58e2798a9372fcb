/* SPDX-License-Identifier: GPL-2.0-only */
/* TLS towards clients and towards reals, made of rows and contents; held by those who use it, so
 * that a change is for those who come after it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "proxy/internal.h"

/* Two words of the shared table that another process may be changing. Returns the epoch of what
 * stands in keys, 0 when it was changed meanwhile. */
static uint64_t read_keys(const struct proxy_shared *m, struct tls_ticket_keys *keys)
{
	uint64_t epoch = __atomic_load_n(&m->ticket_epoch, __ATOMIC_ACQUIRE);

	memcpy(keys->current, m->ticket_keys[0], sizeof(keys->current));
	memcpy(keys->previous, m->ticket_keys[1], sizeof(keys->previous));
	keys->has_previous = epoch > 2;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (epoch & 1 || epoch != __atomic_load_n(&m->ticket_epoch, __ATOMIC_RELAXED))
		return 0;
	return epoch;
}

static void say_failure(const struct proxy_service *row, int err, const struct buf *why)
{
	log_error("service %s: TLS: %s", row->name, why->len ? buf_text(why) : strerror(-err));
}

struct service_tls *service_tls_new(struct engine *e, const struct proxy_service *row,
				    const struct slice *certificates, size_t count, struct slice ca)
{
	struct service_tls *t = xcalloc(1, sizeof(*t));
	struct tls_server_config c = {
		.certificates = certificates,
		.certificate_count = count,
		.client_ca = ca,
		.min_version = row->flags & PROXY_SERVICE_TLS13 ? TLS_1_3 : TLS_1_2,
		.http = row->flags & PROXY_SERVICE_HTTP,
	};
	struct buf why = {};
	int err;

	t->refs = 1;
	t->flags = row->flags & SERVICE_TLS_FLAGS;
	t->epoch = read_keys(e->shared, &c.tickets);
	err = tls_server_new(&t->server, &c, &why);
	explicit_bzero(&c.tickets, sizeof(c.tickets));
	if (err) {
		say_failure(row, err, &why);
		free(t);
	}
	buf_free(&why); /* warnings are main's to say, once for all processes */
	return err ? NULL : t;
}

struct service_tls *service_tls_hold(struct service_tls *t)
{
	t->refs++;
	return t;
}

void service_tls_release(struct service_tls *t)
{
	if (!t || --t->refs)
		return;
	tls_server_free(t->server);
	free(t);
}

static void renew_keys(const struct proxy_shared *m, struct service_tls *t)
{
	struct tls_ticket_keys keys;
	uint64_t epoch = read_keys(m, &keys);

	if (epoch) {
		tls_server_set_tickets(t->server, &keys);
		t->epoch = epoch;
	}
	explicit_bzero(&keys, sizeof(keys));
}

struct tls_link *service_tls_accept(struct engine *e, struct service_tls *t, int fd)
{
	if (__atomic_load_n(&e->shared->ticket_epoch, __ATOMIC_RELAXED) != t->epoch)
		renew_keys(e->shared, t);
	return tls_link_accept(t->server, fd);
}

static struct real_tls *real_tls_new(const struct real *r, struct content *ca, bool speaks_first)
{
	struct real_tls *t = xcalloc(1, sizeof(*t));
	struct tls_dialer_config c = {.speaks_first = speaks_first};
	struct buf why = {};
	int err;

	if (ca)
		c.ca = ca->text;
	t->refs = 1;
	t->ca = content_hold(ca);
	t->speaks_first = speaks_first;
	memcpy(t->sni, r->row.sni, sizeof(t->sni));
	err = tls_dialer_new(&t->dialer, &c, &why);
	if (err) {
		log_error("real %s: TLS: %s", r->row.name,
			  why.len ? buf_text(&why) : strerror(-err));
		real_tls_release(t);
		t = NULL;
	}
	buf_free(&why);
	return t;
}

void real_tls_release(struct real_tls *t)
{
	if (!t || --t->refs)
		return;
	tls_memory_forget(&t->memory);
	tls_dialer_free(t->dialer);
	content_release(t->ca);
	free(t);
}

/* What was remembered of a real counts for the same question only: same name, same CA. */
static bool is_current(const struct real_tls *t, const struct real *r, const struct content *ca,
		       bool speaks_first)
{
	return t && t->ca == ca && t->speaks_first == speaks_first && !strcmp(t->sni, r->row.sni);
}

int real_tls_connect(struct engine *e, struct real *r, struct end *end, bool speaks_first)
{
	bool verify = r->row.flags & PROXY_REAL_VERIFY;
	struct content *ca = verify ? e->real_cas[r->id] : NULL;
	struct tls_peer peer = {.name = r->row.sni[0] ? r->row.sni : NULL, .addr = &r->row.ip};

	if (verify && !ca)
		return -ENOKEY;
	if (!is_current(r->tls, r, ca, speaks_first)) {
		real_tls_release(r->tls);
		r->tls = real_tls_new(r, ca, speaks_first);
	}
	if (!r->tls)
		return -ENOMEM;
	end->tls = tls_link_connect(r->tls->dialer, end->watch.fd, &peer, &r->tls->memory);
	if (!end->tls)
		return -ENOMEM;
	end->real_tls = r->tls;
	r->tls->refs++;
	return 0;
}
