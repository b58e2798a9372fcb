/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp probe`: one check by hand, its dialogue shown to a person. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "health/probe.h"
#include "health/run.h"
#include "health/trust.h"

/* Prints what went one way, a mark before each line. */
struct printer {
	const char *mark;
	bool in_line;
};

struct once {
	struct loop *loop;
	const struct check_spec *spec;
	struct printer sent, received;
	struct check_outcome outcome;
};

static void print_bytes(struct printer *p, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!p->in_line)
			printf("%s ", p->mark);
		p->in_line = bytes[i] != '\n';
		if (bytes[i] == '\n')
			putchar('\n');
		else if (bytes[i] == '\t' || (unsigned char)bytes[i] >= ' ')
			putchar(bytes[i] == 0x7f ? '?' : bytes[i]);
		else if (bytes[i] != '\r')
			putchar('?'); /* no escape sequences from strangers */
	}
}

static void end_line(struct printer *p)
{
	if (p->in_line)
		putchar('\n');
	p->in_line = false;
}

static void print_connected(void *arg)
{
	struct once *o = arg;
	char text[ENDPOINT_TEXT_LEN];

	printf("* connected to %s\n", addr_format_port(&o->spec->addr, o->spec->port, text));
}

static void print_secured(void *arg, const struct stream *s)
{
	struct buf text = {};

	tls_describe(s, &text);
	for (const char *line = buf_text(&text); *line; line = strchrnul(line, '\n') + 1)
		printf("* %.*s\n", (int)strcspn(line, "\n"), line);
	buf_free(&text);
}

static void print_sent(void *arg, const char *bytes, size_t len)
{
	struct once *o = arg;

	end_line(&o->received);
	print_bytes(&o->sent, bytes, len);
}

static void print_received(void *arg, const char *bytes, size_t len)
{
	struct once *o = arg;

	end_line(&o->sent);
	print_bytes(&o->received, bytes, len);
}

static void run_done(void *arg, const struct check_outcome *outcome)
{
	struct once *o = arg;

	o->outcome = *outcome;
	loop_stop(o->loop);
}

static void print_outcome(struct once *o)
{
	char text[CHECK_DETAIL_LEN];

	end_line(&o->sent);
	end_line(&o->received);
	if (*o->outcome.detail)
		printf("* %s\n", o->outcome.detail);
	printf("%s\n", check_outcome_format(&o->outcome, text, sizeof(text)));
	fflush(stdout);
}

static struct trust *trust_of(struct trust_store *store, const struct check_spec *spec)
{
	size_t len = 0;
	char *ca = NULL;
	struct trust *t;
	int err = 0, fd;

	if (spec->verify) {
		fd = open(spec->ca, O_RDONLY | O_CLOEXEC);
		err = fd < 0 ? -errno : 0;
		if (fd >= 0) {
			ca = trust_read(fd, &len, &err);
			close(fd);
		}
	}
	t = err ? NULL : trust_take(store, ca, len, &err);
	free(ca);
	if (!t)
		log_error("%s: %s", spec->ca,
			  err == -EINVAL ? "no certificate in it" : strerror(-err));
	return t;
}

/* A raw ICMP socket for the address's family, or -1; other checks need none. */
static int icmp_socket(const struct check_spec *spec, bool v4)
{
	if (spec->type != CHECK_PING || addr_is_v4(&spec->addr) != v4)
		return -1;
	return socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      v4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
}

static void run_one(struct once *o, const struct recipe *recipe, struct trust *trust,
		    const struct run_trace *trace)
{
	int icmp4 = icmp_socket(o->spec, true), icmp6 = icmp_socket(o->spec, false);
	struct run_order order = {
		.loop = o->loop,
		.pinger = pinger_new(o->loop, icmp4, icmp6),
		.context = trust ? trust->context : NULL,
		.recipe = recipe,
		.trace = trace,
		.done = run_done,
		.arg = o,
	};

	if (run_start(&order))
		(void)loop_run(o->loop); /* an error leaves the outcome at SOCKERR */
	pinger_free(order.pinger);
	if (icmp4 >= 0)
		close(icmp4);
	if (icmp6 >= 0)
		close(icmp6);
}

static const struct check_outcome not_run = {.code = CHECK_CODE_SOCKERR,
					     .detail = "the check could not run"};

static void run_traced(struct once *o, const struct run_trace *trace)
{
	struct trust_store store = {};
	struct trust *trust = NULL;
	struct recipe *recipe = recipe_new(o->spec);

	o->outcome = not_run;
	o->loop = loop_new();
	if (recipe->tls)
		trust = trust_of(&store, o->spec);
	if (o->loop && (trust || !recipe->tls))
		run_one(o, recipe, trust, trace);
	trust_drop(&store, trust);
	recipe_free(recipe);
	loop_free(o->loop);
}

int probe_once(const struct check_spec *spec)
{
	struct once o = {.spec = spec, .sent.mark = ">", .received.mark = "<"};
	struct run_trace trace = {print_connected, print_secured, print_sent, print_received, &o};

	if (spec->type == CHECK_ON || spec->type == CHECK_OFF)
		o.outcome = (struct check_outcome){.code = CHECK_CODE_OFF, .detail = "not checked"};
	else
		run_traced(&o, &trace);
	print_outcome(&o);
	return check_code_passed(o.outcome.code) ? 0 : 1;
}

/* A run whose dialogue nobody watches. */
struct seeing {
	struct once once;
	struct probe_sight *sight;
};

static void see_nothing(void *arg)
{
}

static void see_secured(void *arg, const struct stream *s)
{
	struct seeing *seeing = arg;

	seeing->sight->showed = tls_peer_shown(s, &seeing->sight->shown);
	seeing->sight->is_for = tls_peer_is_for(s, seeing->once.spec->sni);
}

static void see_no_bytes(void *arg, const char *bytes, size_t len)
{
}

void probe_see(const struct check_spec *spec, struct probe_sight *sight)
{
	struct seeing seeing = {.once.spec = spec, .sight = sight};
	struct run_trace trace = {see_nothing, see_secured, see_no_bytes, see_no_bytes, &seeing};

	*sight = (struct probe_sight){};
	run_traced(&seeing.once, &trace);
	sight->outcome = seeing.once.outcome;
}
