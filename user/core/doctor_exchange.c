/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/doctor_exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { LINE = 1024, EXPIRY_DAYS = 30, DAY = 86400 };

/* Letters, digits, "-" and dots between; what is no name must not reach a resolver or a header. */
static bool is_host_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	size_t len = strlen(name);

	return len && len < EXCHANGE_NAME_LEN - strlen("autodiscover.") && strchr(name, '.') &&
	       !name[strspn(name, letters)] && *name != '.' && *name != '-' &&
	       name[len - 1] != '.' && !strstr(name, "..");
}

bool exchange_names(struct exchange_facts *f, const char *mail)
{
	const char *domain = strchr(mail, '.');

	if (!is_host_name(mail))
		return false;
	domain = strchr(domain + 1, '.') ? domain + 1 : mail;
	(void)snprintf(f->names[EXCHANGE_MAIL].name, EXCHANGE_NAME_LEN, "%s", mail);
	(void)snprintf(f->names[EXCHANGE_AUTODISCOVER].name, EXCHANGE_NAME_LEN, "autodiscover.%s",
		       domain);
	return true;
}

static bool has_port(const struct service_config *s, uint16_t port)
{
	const struct service_config *front = s->parent ? s->parent : s;

	for (size_t i = 0; i < front->port_range_count; i++)
		if (front->ports[i].first <= port && port <= front->ports[i].last)
			return true;
	return false;
}

static bool is_listed(const struct exchange_facts *f, const struct addr *addr, uint16_t port)
{
	for (size_t i = 0; i < f->server_count; i++)
		if (addr_equal(&f->servers[i].addr, addr) && f->servers[i].port == port)
			return true;
	return false;
}

static bool has_vip(const struct exchange_facts *f, const struct addr *vip)
{
	for (size_t i = 0; i < f->vip_count; i++)
		if (addr_equal(&f->vips[i], vip))
			return true;
	return false;
}

struct listing {
	struct exchange_facts *facts;
	struct exchange_server *servers;
	struct addr *vips;
	bool dr_vips;
	struct arena *arena;
};

static void list_server(struct listing *l, const char *label, bool is_vip, const struct addr *addr,
			uint16_t port)
{
	if (!is_listed(l->facts, addr, port))
		l->servers[l->facts->server_count++] = (struct exchange_server){
			.label = label, .is_vip = is_vip, .addr = *addr, .port = port};
}

/* From here, a service of layer 7 is asked as by any client: who has no list knows us too. */
static void list_vips(struct listing *l, const struct service_config *s)
{
	bool asked = l->dr_vips || (service_is_l7(s) && !s->acl);
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < s->vip_count; i++) {
		if (!has_vip(l->facts, &s->vips[i]))
			l->vips[l->facts->vip_count++] = s->vips[i];
		if (asked)
			list_server(
				l, arena_printf(l->arena, "VIP %s", addr_format(&s->vips[i], text)),
				true, &s->vips[i], EXCHANGE_PORT);
	}
}

/* Where TLS ends at lbxdp, only reals that it is made anew to show a certificate. */
static void list_reals(struct listing *l, const struct service_config *s)
{
	const struct service_config *front = s->parent ? s->parent : s;
	bool ends_here = front->l7.tls.certificate_count != 0;

	for (size_t i = 0; i < s->real_count; i++) {
		const struct real_config *r = &s->reals[i];

		if (!r->backup && (!ends_here || r->reencrypt))
			list_server(l, arena_printf(l->arena, "real %s/%s", s->name, r->name),
				    false, &r->ip, r->port ? r->port : EXCHANGE_PORT);
	}
}

struct exchange_server *exchange_servers(struct exchange_facts *f, const struct model *m,
					 bool dr_vips, struct arena *a)
{
	struct listing l = {.facts = f, .dr_vips = dr_vips, .arena = a};
	size_t servers = 0, vips = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		servers += m->services[i].real_count + m->services[i].vip_count;
		vips += m->services[i].vip_count;
	}
	f->servers = l.servers = arena_alloc(a, servers + 1, sizeof(*l.servers));
	f->vips = l.vips = arena_alloc(a, vips + 1, sizeof(*l.vips));
	for (size_t i = 0; i < m->service_count; i++) {
		const struct service_config *s = &m->services[i];

		if (s->protocol != IPPROTO_TCP || !has_port(s, EXCHANGE_PORT))
			continue;
		if (!s->parent)
			list_vips(&l, s);
		list_reals(&l, s);
	}
	return l.servers;
}

/* One being written. */
struct note {
	const struct exchange_facts *facts;
	struct findings *out;
	const char *name; /* of the examination */
	char about[LINE], seen[LINE], type[LINE];
};

static void add(struct note *n, enum finding_severity s, const char *why)
{
	findings_add(n->out, &(struct finding){
				     .severity = s,
				     .examination = n->name,
				     .about = n->about,
				     .seen = n->seen,
				     .why = why,
				     .type = n->type,
			     });
}

static void vip_list(const struct exchange_facts *f, char *text, size_t room)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < f->vip_count && len + ADDR_TEXT_LEN + 4 < room; i++) {
		char vip[ADDR_TEXT_LEN];

		len += (size_t)snprintf(text + len, room - len, "%s%s", i ? " or " : "",
					addr_format(&f->vips[i], vip));
	}
}

static void examine_names(struct note *n)
{
	for (int w = 0; w < EXCHANGE_NAMES; w++) {
		const struct exchange_name *name = &n->facts->names[w];
		char vips[LINE / 2];

		vip_list(n->facts, vips, sizeof(vips));
		snprintf(n->about, LINE, "name %s", name->name);
		snprintf(n->type, LINE, "in DNS, inside and outside: %s A or AAAA %s", name->name,
			 vips);
		if (!name->count) {
			snprintf(n->seen, LINE, "it does not resolve: %s",
				 name->error ? name->error : "no address");
			add(n, FINDING_ERROR, "clients find no server by it");
		}
		for (size_t i = 0; i < name->count; i++) {
			char addr[ADDR_TEXT_LEN];

			if (has_vip(n->facts, &name->addrs[i]))
				continue;
			snprintf(n->seen, LINE, "it resolves to %s, which is no VIP on port 443",
				 addr_format(&name->addrs[i], addr));
			add(n, FINDING_ERROR, "clients that use it go past the balancer");
		}
	}
}

static void about_server(struct note *n, const struct exchange_server *s)
{
	char at[ENDPOINT_TEXT_LEN];

	addr_format_port(&s->addr, s->port, at);
	snprintf(n->about, LINE, "%s (%s)", s->label, at);
	snprintf(n->type, LINE, "lbxdp probe https %s --host %s --sni %s", at,
		 n->facts->names[EXCHANGE_MAIL].name, n->facts->names[EXCHANGE_MAIL].name);
}

static void examine_reached(struct note *n)
{
	for (size_t i = 0; i < n->facts->server_count; i++) {
		const struct exchange_server *s = &n->facts->servers[i];
		const struct exchange_sight *sight = &s->sight[EXCHANGE_MAIL];
		char outcome[CHECK_DETAIL_LEN];

		if (sight->showed)
			continue;
		about_server(n, s);
		snprintf(n->seen, LINE, "it shows no certificate: %s%s%s",
			 check_outcome_format(&sight->outcome, outcome, sizeof(outcome)),
			 *sight->outcome.detail ? ": " : "", sight->outcome.detail);
		add(n, FINDING_ERROR, "HTTPS does not work there");
	}
}

/* The certificate that most reals show; the first of these where several are as many. */
static const char *common_fingerprint(const struct exchange_facts *f)
{
	const char *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < f->server_count; i++) {
		const struct exchange_sight *a = &f->servers[i].sight[EXCHANGE_MAIL];
		size_t count = 0;

		for (size_t j = 0; j < f->server_count && a->showed && !f->servers[i].is_vip; j++) {
			const struct exchange_sight *b = &f->servers[j].sight[EXCHANGE_MAIL];

			count += b->showed && !f->servers[j].is_vip &&
				 !strcmp(a->fingerprint, b->fingerprint);
		}
		if (count > most) {
			most = count;
			best = a->fingerprint;
		}
	}
	return best;
}

static void examine_same(struct note *n)
{
	const char *common = common_fingerprint(n->facts);

	for (size_t i = 0; common && i < n->facts->server_count; i++) {
		const struct exchange_server *s = &n->facts->servers[i];
		const struct exchange_sight *sight = &s->sight[EXCHANGE_MAIL];

		if (s->is_vip || !sight->showed || !strcmp(sight->fingerprint, common))
			continue;
		about_server(n, s);
		snprintf(n->seen, LINE,
			 "it shows another certificate (SHA-256 %.16s...) than the "
			 "others (%.16s...)",
			 sight->fingerprint, common);
		snprintf(n->type, LINE,
			 "export certificate and key of one server (Export-ExchangeCertificate), "
			 "import them there (Import-ExchangeCertificate), then "
			 "Enable-ExchangeCertificate -Services IIS,SMTP,IMAP,POP");
		add(n, FINDING_ERROR,
		    "clients that move between servers are asked for their password again, or "
		    "warned");
	}
}

static void examine_coverage(struct note *n)
{
	for (size_t i = 0; i < n->facts->server_count; i++)
		for (int w = 0; w < EXCHANGE_NAMES; w++) {
			const struct exchange_server *s = &n->facts->servers[i];
			const char *name = n->facts->names[w].name;

			if (!s->sight[w].showed || s->sight[w].is_for)
				continue;
			about_server(n, s);
			snprintf(n->seen, LINE, "its certificate is not for %s", name);
			snprintf(n->type, LINE,
				 "a certificate with %s and %s as subject alternative names, or a "
				 "wildcard, on all servers",
				 n->facts->names[EXCHANGE_MAIL].name,
				 n->facts->names[EXCHANGE_AUTODISCOVER].name);
			add(n, FINDING_ERROR, "Outlook and browsers warn of it, phones refuse it");
		}
}

static void examine_expiry(struct note *n)
{
	for (size_t i = 0; i < n->facts->server_count; i++) {
		const struct exchange_server *s = &n->facts->servers[i];
		const struct exchange_sight *sight = &s->sight[EXCHANGE_MAIL];
		int64_t left = sight->not_after - n->facts->now;

		if (!sight->showed || left >= (int64_t)EXPIRY_DAYS * DAY)
			continue;
		about_server(n, s);
		if (left < 0)
			snprintf(n->seen, LINE, "its certificate expired %lld days ago",
				 (long long)(-left / DAY));
		else
			snprintf(n->seen, LINE, "its certificate expires in %lld days",
				 (long long)(left / DAY));
		snprintf(n->type, LINE, "renew it, and import it on all servers");
		add(n, left < 0 ? FINDING_ERROR : FINDING_WARNING,
		    "clients refuse it from then on");
	}
}

/* Autodiscover asks who is there before it says anything: 401 is its answer to strangers. */
static bool answers(const struct check_outcome *o)
{
	return o->status == 401 || (o->status >= 200 && o->status < 400) || o->status == 405;
}

static void examine_autodiscover(struct note *n)
{
	for (size_t i = 0; i < n->facts->server_count; i++) {
		const struct exchange_server *s = &n->facts->servers[i];
		const struct exchange_sight *sight = &s->sight[EXCHANGE_AUTODISCOVER];
		char at[ENDPOINT_TEXT_LEN], outcome[CHECK_DETAIL_LEN];

		if (!sight->showed || answers(&sight->outcome))
			continue;
		about_server(n, s);
		addr_format_port(&s->addr, s->port, at);
		snprintf(n->seen, LINE, "/autodiscover/autodiscover.xml is answered with %s",
			 check_outcome_format(&sight->outcome, outcome, sizeof(outcome)));
		snprintf(n->type, LINE,
			 "lbxdp probe https %s --host %s --request "
			 "autodiscover/autodiscover.xml; on the server: "
			 "Get-AutodiscoverVirtualDirectory, iisreset",
			 at, n->facts->names[EXCHANGE_AUTODISCOVER].name);
		add(n, FINDING_ERROR, "Outlook and phones cannot set themselves up");
	}
}

static void examine_services(struct note *n)
{
	if (n->facts->vip_count)
		return;
	snprintf(n->about, LINE, "configuration");
	snprintf(n->seen, LINE, "no service has port 443");
	snprintf(n->type, LINE, "lbxdp init exchange --help");
	add(n, FINDING_ERROR, "OWA, Outlook and phones come by HTTPS");
}

static bool was_asked(const struct exchange_facts *f, const struct addr *vip)
{
	for (size_t i = 0; i < f->server_count; i++)
		if (f->servers[i].is_vip && addr_equal(&f->servers[i].addr, vip))
			return true;
	return false;
}

/* What is not a finding must not be taken for a proof. */
static void note_unasked(const struct exchange_facts *f, struct findings *out)
{
	const char *name = f->names[EXCHANGE_MAIL].name;

	for (size_t i = 0; i < f->vip_count; i++) {
		char vip[ADDR_TEXT_LEN], text[2 * LINE];

		if (was_asked(f, &f->vips[i]))
			continue;
		addr_format(&f->vips[i], vip);
		snprintf(text, sizeof(text),
			 "VIP %s was not asked: a balancer cannot reach its own VIPs of layer 4, "
			 "and a list need not let it in; its real servers were, at their own "
			 "addresses; ask it on a client with this configuration: lbxdp doctor "
			 "exchange %s -c FILE; or: curl -v --resolve %s:443:%s https://%s/; lbxdp "
			 "doctor says whether real servers have it",
			 vip, name, name, vip, name);
		findings_note(out, text);
	}
}

static const struct {
	const char *name;
	void (*fn)(struct note *n);
} examinations[] = {
	{"exchange-service",      examine_services    },
	{"exchange-name",         examine_names       },
	{"exchange-https",        examine_reached     },
	{"exchange-certificate",  examine_same        },
	{"exchange-certificate",  examine_coverage    },
	{"exchange-certificate",  examine_expiry      },
	{"exchange-autodiscover", examine_autodiscover},
};

void exchange_examine(const struct exchange_facts *f, struct findings *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(examinations); i++) {
		struct note n = {.facts = f, .out = out, .name = examinations[i].name};

		examinations[i].fn(&n);
	}
	note_unasked(f, out);
}
