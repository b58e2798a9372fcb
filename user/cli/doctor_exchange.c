/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp doctor exchange NAME`: names resolved, each server asked over HTTPS. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/doctor.h"
#include "core/doctor_exchange.h"
#include "dataplane/dataplane.h"
#include "health/probe.h"

enum { TIMEOUT_MSEC = 5000 };

static void resolve(struct exchange_name *n)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int code = getaddrinfo(n->name, NULL, &hints, &found);
	uint16_t port;

	if (code) {
		n->error = gai_strerror(code);
		return;
	}
	for (const struct addrinfo *i = found; i && n->count < EXCHANGE_ADDRS_MAX; i = i->ai_next)
		if (!addr_from_sockaddr(&n->addrs[n->count], &port, i->ai_addr))
			n->count++;
	freeaddrinfo(found);
}

/* One HTTPS request under a name, as a client of that name would make it. */
static void see(const struct exchange_server *s, const char *name, const char *path,
		struct exchange_sight *to)
{
	struct check_spec spec = {
		.type = CHECK_HTTPS,
		.addr = s->addr,
		.port = s->port,
		.timeout = TIMEOUT_MSEC,
		.interval = TIMEOUT_MSEC,
		.fast_interval = TIMEOUT_MSEC,
		.fall = 1,
		.rise = 1,
		.method = "GET",
	};
	struct probe_sight sight;

	snprintf(spec.request, sizeof(spec.request), "%s", path);
	snprintf(spec.host, sizeof(spec.host), "%s", name);
	snprintf(spec.sni, sizeof(spec.sni), "%s", name);
	probe_see(&spec, &sight);
	to->showed = sight.showed;
	memcpy(to->fingerprint, sight.shown.fingerprint, sizeof(to->fingerprint));
	to->not_after = sight.shown.not_after;
	to->is_for = sight.is_for;
	to->outcome = sight.outcome;
}

static void see_server(const struct exchange_facts *f, struct exchange_server *s)
{
	see(s, f->names[EXCHANGE_MAIL].name, "/", &s->sight[EXCHANGE_MAIL]);
	if (s->sight[EXCHANGE_MAIL].showed) /* who shows none is told of once */
		see(s, f->names[EXCHANGE_AUTODISCOVER].name, "/autodiscover/autodiscover.xml",
		    &s->sight[EXCHANGE_AUTODISCOVER]);
}

static int examine(const struct cli *c, struct exchange_facts *f, const struct model *m, bool json)
{
	struct arena *a = arena_new();
	struct findings found = {};
	uint64_t silence;
	bool balancer = !dataplane_silence(c->paths.pin_dir, &silence);
	struct exchange_server *servers = exchange_servers(f, m, !balancer, a);
	int code;

	f->now = clock_wall();
	for (int w = 0; w < EXCHANGE_NAMES; w++)
		resolve(&f->names[w]);
	for (size_t i = 0; i < f->server_count; i++)
		see_server(f, &servers[i]);
	exchange_examine(f, &found);
	code = doctor_print(&found, json);
	findings_free(&found);
	arena_free(a);
	return code;
}

int doctor_exchange(const struct cli *c, const char *name, bool json)
{
	struct exchange_facts f = {};
	struct buf messages = {};
	struct model *m;
	int code;

	if (!exchange_names(&f, name))
		return cli_fail(CLI_USAGE,
				"%s is no host name; name the one that clients use, "
				"such as mail.example.com",
				name);
	m = doctor_model(c, &messages);
	if (!m)
		cli_print(stderr, buf_text(&messages));
	code = m ? examine(c, &f, m, json) : CLI_FAILED;
	model_free(m);
	buf_free(&messages);
	return code;
}
