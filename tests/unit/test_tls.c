/* SPDX-License-Identifier: GPL-2.0-only */
/* The client side of TLS against a server of its own: trust, names, remembered sessions. */
#include "io/tls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "io/pool.h"
#include "unit/bad_server.h"

static const struct act echo[ACTS_MAX] = {
	{ACT_WAIT, "ping"},
        {ACT_SAY,  "pong"}
};

/* One connection: asks, and keeps what happened. */
struct visit {
	struct loop *loop;
	struct stream stream;
	struct timer guard;
	struct buf heard, described;
	struct tls_shown shown;
	bool is_for, is_for_other;
	bool opened, resumed;
	int error;
};

static struct loop *loop;
static char pem[4096], other_pem[4096];
static SSL_CTX *server_context;

static void visit_over(struct visit *v, int error)
{
	v->error = error;
	stream_close(&v->stream);
	loop_stop(v->loop);
}

static void visit_goes_on(struct stream *s, int error)
{
	struct visit *v = container_of(s, struct visit, stream);
	char bytes[256];
	ssize_t n;

	if (error) {
		visit_over(v, error);
		return;
	}
	if (!v->opened) {
		v->opened = true;
		v->resumed = tls_resumed(s);
		tls_describe(s, &v->described);
		assert_true(tls_peer_shown(s, &v->shown));
		v->is_for = tls_peer_is_for(s, "mail.example.com");
		v->is_for_other = tls_peer_is_for(s, "mail.example.org");
		assert_int_equal(stream_write(s, "ping", 4), 4);
	}
	while ((n = stream_read(s, bytes, sizeof(bytes))) > 0)
		buf_append(&v->heard, bytes, n);
	if (n != -EAGAIN)
		visit_over(v, n);
	else
		assert_int_equal(stream_want(s, LOOP_READ), 0);
}

static void give_up(struct timer *t)
{
	fail_msg("nothing happened for 10 s");
}

static void visit_server(struct visit *v, const struct bad_server *server, struct tls_context *c,
			 const struct tls_peer *peer, struct tls_memory *memory)
{
	struct addr to;

	*v = (struct visit){.loop = loop, .stream.fn = visit_goes_on, .guard.fn = give_up};
	addr_parse(&to, "127.0.0.1");
	timer_start(loop, &v->guard, 10000);
	assert_int_equal(tls_attach_client(&v->stream, c, peer, memory), 0);
	assert_int_equal(stream_connect(&v->stream, loop, &to, server->port, true), 0);
	assert_int_equal(loop_run(loop), 0);
	timer_stop(&v->guard);
}

static void visit_free(struct visit *v)
{
	buf_free(&v->heard);
	buf_free(&v->described);
}

static void any_certificate_will_do_without_a_ca(void **state)
{
	struct tls_peer peer = {.name = "whoever.example.com"};
	struct bad_server server;
	struct tls_context *c;
	struct visit v;

	bad_server_start(&server, echo, server_context);
	assert_int_equal(tls_context_client(&c, NULL, 0), 0);
	visit_server(&v, &server, c, &peer, NULL);
	assert_int_equal(v.error, 0);
	assert_string_equal(buf_text(&v.heard), "pong");
	assert_non_null(strstr(buf_text(&v.described), "subject: CN = mail.example.com"));
	assert_non_null(strstr(buf_text(&v.described), "fingerprint: SHA256 "));
	assert_string_equal(v.shown.subject, "CN=mail.example.com");
	assert_int_equal(strlen(v.shown.fingerprint), 64);
	assert_true(v.shown.not_before < v.shown.not_after && v.shown.not_before > 0);
	assert_true(v.is_for);
	assert_false(v.is_for_other);
	visit_free(&v);
	tls_context_free(c);
	bad_server_stop(&server);
}

static void a_certificate_must_lead_to_the_ca_and_bear_the_name(void **state)
{
	static const struct {
		const char *ca, *name, *address, *reason; /* NULL: accepted */
	} cases[] = {
		{pem,       "mail.example.com",  NULL,        NULL                     },
		{pem,       NULL,                "127.0.0.1", NULL                     },
		{pem,       "other.example.com", NULL,        "hostname mismatch"      },
		{pem,       NULL,                "127.0.0.2", "IP address mismatch"    },
		{other_pem, "mail.example.com",  NULL,        "self-signed certificate"},
	};
	struct bad_server server;

	bad_server_start(&server, echo, server_context);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct addr addr;
		struct tls_peer peer = {.name = cases[i].name};
		struct tls_context *c;
		struct visit v;

		if (cases[i].address && !addr_parse(&addr, cases[i].address))
			peer.addr = &addr;
		assert_int_equal(tls_context_client(&c, cases[i].ca, strlen(cases[i].ca)), 0);
		visit_server(&v, &server, c, &peer, NULL);
		assert_int_equal(v.error, cases[i].reason ? -EPROTO : 0);
		if (cases[i].reason)
			assert_string_equal(v.stream.reason, cases[i].reason);
		visit_free(&v);
		tls_context_free(c);
	}
	bad_server_stop(&server);
}

static void a_remembered_session_is_resumed_and_a_forgotten_one_is_not(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
		struct tls_peer peer = {};
		struct tls_memory memory = {};
		struct bad_server server;
		struct tls_context *c;
		struct visit v;

		SSL_CTX_set_max_proto_version(server_context, versions[i]);
		bad_server_start(&server, echo, server_context);
		assert_int_equal(tls_context_client(&c, NULL, 0), 0);
		for (int round = 0; round < 4; round++) {
			if (round == 3)
				tls_memory_forget(&memory);
			visit_server(&v, &server, c, &peer, &memory);
			assert_int_equal(v.error, 0);
			assert_string_equal(buf_text(&v.heard), "pong");
			assert_int_equal(v.resumed, round == 1 || round == 2);
			assert_non_null(memory.session);
			visit_free(&v);
		}
		tls_memory_forget(&memory);
		tls_context_free(c);
		bad_server_stop(&server);
	}
	SSL_CTX_set_max_proto_version(server_context, 0);
}

static void a_bundle_without_certificates_is_refused(void **state)
{
	struct tls_context *c;

	assert_int_equal(tls_context_client(&c, "nonsense", 8), -EINVAL);
	assert_int_equal(tls_context_client(&c, "", 0), -EINVAL);
}

static void pooled_memory_keeps_its_bytes_when_it_moves(void **state)
{
	static const size_t sizes[] = {1, 16, 17, 1024, 1025, 4096, 16709, 32768, 100000, 20, 5};
	unsigned char *p = NULL;
	size_t had = 0;

	assert_null(pool_alloc(0));
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		p = pool_resize(p, sizes[i]);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t j = 0; j < had && j < sizes[i]; j++)
			assert_int_equal(p[j], j % 251);
		for (size_t j = 0; j < sizes[i]; j++)
			p[j] = j % 251;
		had = sizes[i];
	}
	pool_free(p);
	assert_ptr_equal(pool_alloc(5), p);
	pool_free(p);
	pool_free(NULL);
}

static int open_group(void **state)
{
	SSL_CTX *other = bad_server_context(other_pem);

	SSL_CTX_free(other);
	server_context = bad_server_context(pem);
	loop = loop_new();
	return loop ? 0 : -1;
}

static int close_group(void **state)
{
	SSL_CTX_free(server_context);
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_certificate_will_do_without_a_ca),
		cmocka_unit_test(a_certificate_must_lead_to_the_ca_and_bear_the_name),
		cmocka_unit_test(a_remembered_session_is_resumed_and_a_forgotten_one_is_not),
		cmocka_unit_test(a_bundle_without_certificates_is_refused),
		cmocka_unit_test(pooled_memory_keeps_its_bytes_when_it_moves),
	};

	return cmocka_run_group_tests_name("tls", tests, open_group, close_group);
}
