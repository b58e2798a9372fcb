/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/tickets.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/log.h"

enum { RENEW_EVERY = 3600 * 1000 /* ms */ };

int tickets_renew(struct tickets *t)
{
	struct proxy_shared *m = t->shared;
	uint8_t fresh[sizeof(m->ticket_keys[0])];
	ssize_t n = getrandom(fresh, sizeof(fresh), 0);

	if (n != sizeof(fresh))
		return n < 0 ? -errno : -EIO;
	/* Odd: readers look away. */
	__atomic_store_n(&m->ticket_epoch, m->ticket_epoch + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(m->ticket_keys[1], m->ticket_keys[0], sizeof(fresh));
	memcpy(m->ticket_keys[0], fresh, sizeof(fresh));
	__atomic_store_n(&m->ticket_epoch, m->ticket_epoch + 1, __ATOMIC_RELEASE);
	explicit_bzero(fresh, sizeof(fresh));
	return 0;
}

static void hour_is_over(struct timer *timer)
{
	struct tickets *t = container_of(timer, struct tickets, timer);
	int err = tickets_renew(t);

	if (err)
		log_error("no new keys for TLS session tickets: %s", strerror(-err));
	timer_start(timer->loop, timer, RENEW_EVERY);
}

int tickets_start(struct tickets *t, struct loop *l, struct proxy_shared *shared)
{
	uint64_t epoch = shared->ticket_epoch;

	t->shared = shared;
	t->timer.fn = hour_is_over;
	timer_start(l, &t->timer, RENEW_EVERY);
	if (epoch && !(epoch & 1))
		return 0;                           /* an earlier main's; open sessions resume */
	shared->ticket_epoch = epoch + (epoch & 1); /* it died while it wrote them */
	return tickets_renew(t);
}

void tickets_stop(struct tickets *t)
{
	timer_stop(&t->timer);
}
