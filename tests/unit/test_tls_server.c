/* SPDX-License-Identifier: GPL-2.0-only */
/* What a TLS server shows to whom, whom it refuses, and what it says of certificates. */
#include "unit/tls_lab.h"

static struct made mail, mail_rsa, shop, wild, named_by_cn, authority, member, stranger;

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void certificates_are_chosen_by_the_name_that_the_client_names(void **state)
{
	static const struct {
		const char *name;
		const struct made *shown;
	} cases[] = {
		{NULL,                     &mail       },
		{"nobody.example.net",     &mail       },
		{"mail.example.com",       &mail       },
		{"shop.example.com",       &shop       },
		{"SHOP.Example.COM",       &shop       },
		{"also.example.com",       &shop       },
		{"a.wild.example.com",     &wild       },
		{"b.WILD.example.com",     &wild       },
		{"wild.example.com",       &mail       }, /* a wildcard is one label, not none */
		{"a.b.wild.example.com",   &mail       }, /* nor two */
		{"exact.wild.example.com", &shop       }, /* before any wildcard */
		{"old.example.com",        &named_by_cn},
		{"unused.example.com",     &mail       }, /* shop's CN, which its SAN replaces */
	};
	struct slice pems[] = {pem_of(&mail), pem_of(&wild), pem_of(&shop), pem_of(&named_by_cn)};
	struct tls_server *s = server_of(&(struct tls_server_config){
		.certificates = pems, .certificate_count = ARRAY_COUNT(pems)});

	for (size_t i = 0; i < ARRAY_COUNT(cases) * 2; i++) {
		const char *name = cases[i / 2].name;
		struct meeting m;

		assert_int_equal(
			meet(&m, s, &(struct manner){.name = name, .max = versions[i % 2]}), 0);
		if (X509_cmp(SSL_get0_peer_certificate(m.client), cases[i / 2].shown->certificate))
			fail_msg("%s was shown the wrong certificate", name);
		if (name)
			assert_string_equal(tls_link_sni(m.link), name);
		else
			assert_null(tls_link_sni(m.link));
		part(&m);
	}
	tls_server_free(s);
}

static void of_two_key_types_for_one_name_the_client_gets_what_it_knows(void **state)
{
	static const struct {
		const char *ciphers;
		const struct made *shown;
	} cases[] = {
		{"ECDHE-RSA-AES128-GCM-SHA256",   &mail_rsa},
		{"ECDHE-ECDSA-AES128-GCM-SHA256", &mail    },
 /* What Windows 7 to 8.1 have for an RSA certificate. */
		{"ECDHE-RSA-AES128-SHA256",       &mail_rsa},
	};
	struct slice pems[] = {pem_of(&shop), pem_of(&mail), pem_of(&mail_rsa)};
	struct tls_server *s = server_of(&(struct tls_server_config){
		.certificates = pems, .certificate_count = ARRAY_COUNT(pems)});

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct manner how = {.name = "mail.example.com",
				     .max = TLS1_2_VERSION,
				     .ciphers = cases[i].ciphers};
		struct meeting m;

		assert_int_equal(meet(&m, s, &how), 0);
		assert_int_equal(
			X509_cmp(SSL_get0_peer_certificate(m.client), cases[i].shown->certificate),
			0);
		assert_string_equal(tls_link_cipher(m.link), cases[i].ciphers);
		part(&m);
	}
	tls_server_free(s);
}

static void versions_below_the_least_are_refused(void **state)
{
	static const struct {
		enum tls_version least;
		int clients;
		const char *version; /* NULL: refused */
	} cases[] = {
		{TLS_1_2, TLS1_VERSION,   NULL     },
                {TLS_1_2, TLS1_1_VERSION, NULL     },
		{TLS_1_2, TLS1_2_VERSION, "TLSv1.2"},
                {TLS_1_2, TLS1_3_VERSION, "TLSv1.3"},
		{TLS_1_3, TLS1_2_VERSION, NULL     },
                {TLS_1_3, TLS1_3_VERSION, "TLSv1.3"},
	};
	struct slice pem = pem_of(&mail);

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct tls_server *s =
			server_of(&(struct tls_server_config){.certificates = &pem,
							      .certificate_count = 1,
							      .min_version = cases[i].least});
		struct meeting m;

		if (cases[i].version) {
			assert_int_equal(meet(&m, s, &(struct manner){.max = cases[i].clients}), 0);
			assert_string_equal(tls_link_version(m.link), cases[i].version);
		} else {
			assert_int_equal(meet(&m, s, &(struct manner){.max = cases[i].clients}),
					 -EPROTO);
			assert_string_equal(tls_link_reason(m.link), "unsupported protocol");
		}
		part(&m);
		tls_server_free(s);
	}
}

static void a_client_ca_asks_for_a_certificate_and_judges_it(void **state)
{
	static const struct {
		const struct made *shows;
		const char *reason; /* NULL: accepted */
	} cases[] = {
		{&member,   NULL			       },
		{NULL,      "peer did not return a certificate"},
		{&stranger, "self-signed certificate"          },
	};
	struct slice pems[] = {pem_of(&mail), pem_of(&shop)};
	struct tls_server *s =
		server_of(&(struct tls_server_config){.certificates = pems,
						      .certificate_count = ARRAY_COUNT(pems),
						      .client_ca = pem_of(&authority)});
	char subject[64];

	for (size_t i = 0; i < ARRAY_COUNT(cases) * 4; i++) {
		const char *name = i & 2 ? "shop.example.com" : NULL, *reason = cases[i / 4].reason;
		struct manner how = {
			.shows = cases[i / 4].shows, .max = versions[i % 2], .name = name};
		struct meeting m;

		assert_int_equal(meet(&m, s, &how), reason ? -EPROTO : 0);
		if (reason) {
			assert_string_equal(tls_link_reason(m.link), reason);
		} else {
			assert_true(tls_link_subject(m.link, subject, sizeof(subject)));
			assert_string_equal(subject, "CN=Jörg Member");
			assert_true(tls_link_subject(m.link, subject, 5));
			assert_string_equal(subject, "CN=J");
		}
		part(&m);
	}
	tls_server_free(s);
}

static void without_a_client_ca_nobody_is_asked(void **state)
{
	struct tls_server *s = server_with(&mail);
	struct meeting m;
	char subject[64] = "left over";

	assert_int_equal(meet(&m, s, &(struct manner){.shows = &member}), 0);
	assert_false(tls_link_subject(m.link, subject, sizeof(subject)));
	assert_string_equal(subject, "");
	part(&m);
	tls_server_free(s);
}

static void http_is_agreed_where_it_is_offered_and_no_other_offer_is_refused(void **state)
{
	static const struct {
		bool http;
		const char *offer, *agreed;
	} cases[] = {
		{true,  "\x02h2\x08http/1.1", "http/1.1"},
		{true,  "\x08http/1.1",       "http/1.1"},
		{true,  "\x02h2",             NULL      },
		{true,  NULL,                 NULL      },
		{false, "\x08http/1.1",       NULL      },
	};
	struct slice pem = pem_of(&mail);

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct tls_server *s = server_of(&(struct tls_server_config){
			.certificates = &pem, .certificate_count = 1, .http = cases[i].http});
		const unsigned char *told;
		struct meeting m;
		unsigned int len;

		assert_int_equal(meet(&m, s, &(struct manner){.alpn = cases[i].offer}), 0);
		SSL_get0_alpn_selected(m.client, &told, &len);
		assert_int_equal(len, cases[i].agreed ? strlen(cases[i].agreed) : 0);
		if (cases[i].agreed)
			assert_string_equal(tls_link_alpn(m.link), cases[i].agreed);
		else
			assert_null(tls_link_alpn(m.link));
		part(&m);
		tls_server_free(s);
	}
}

static struct tls_ticket_keys keys_of(uint8_t current, uint8_t previous)
{
	struct tls_ticket_keys k = {.has_previous = previous};

	memset(k.current, current, sizeof(k.current));
	memset(k.previous, previous, sizeof(k.previous));
	return k;
}

/* Servers of one service, or of two when the second asks for certificates. */
struct service {
	struct tls_ticket_keys keys;
	bool asks;
};

static struct tls_server *serve(const struct service *from)
{
	struct slice pem = pem_of(&mail);
	struct tls_server_config c = {
		.certificates = &pem, .certificate_count = 1, .tickets = from->keys};

	if (from->asks)
		c.client_ca = pem_of(&authority);
	return server_of(&c);
}

static bool same_ticket(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const unsigned char *one, *two;
	size_t len, two_len;

	SSL_SESSION_get0_ticket(a, &one, &len);
	SSL_SESSION_get0_ticket(b, &two, &two_len);
	return len && len == two_len && memcmp(one, two, len) == 0;
}

/* Whether who has visited first is known to then, and its ticket is replaced. */
static void revisit(const struct service *first, const struct service *then, int version,
		    bool *resumed, bool *renewed)
{
	struct tls_server *one = serve(first), *two = serve(then);
	struct manner how = {.max = version, .shows = &member, .name = "mail.example.com"};
	struct meeting m, n;

	assert_int_equal(meet(&m, one, &how), 0);
	assert_false(tls_link_resumed(m.link));
	assert_non_null(m.session);
	SSL_set_shutdown(m.client, SSL_SENT_SHUTDOWN); /* else OpenSSL spoils its session */
	how.session = m.session;
	assert_int_equal(meet(&n, two, &how), 0);
	*resumed = tls_link_resumed(n.link);
	*renewed = !same_ticket(n.session ? n.session : SSL_get_session(n.client), m.session);
	assert_string_equal(tls_link_sni(n.link), "mail.example.com");
	if (first->asks) {
		char subject[64];

		assert_true(tls_link_subject(n.link, subject, sizeof(subject)));
		assert_string_equal(subject, "CN=Jörg Member");
	}
	part(&m);
	part(&n);
	tls_server_free(one);
	tls_server_free(two);
}

static void processes_with_the_same_keys_resume_one_anothers_sessions(void **state)
{
	static const struct {
		uint8_t first, current, previous;
		bool resumed, renewed[2]; /* in TLS 1.2, and 1.3 */
	} cases[] = {
		{1, 1, 0, true,  {false, true}},
		{1, 2, 1, true,  {true, true} },
		{1, 2, 0, false, {true, true} },
		{1, 2, 3, false, {true, true} },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases) * 4; i++) {
		struct service first = {keys_of(cases[i / 4].first, 0), i & 2};
		struct service then = {keys_of(cases[i / 4].current, cases[i / 4].previous), i & 2};
		bool resumed, renewed;

		revisit(&first, &then, versions[i % 2], &resumed, &renewed);
		assert_int_equal(resumed, cases[i / 4].resumed);
		assert_int_equal(renewed, cases[i / 4].renewed[i % 2]);
	}
}

static void a_ticket_of_one_service_says_nothing_to_another(void **state)
{
	struct service open = {keys_of(1, 0), false}, closed = {keys_of(1, 0), true};

	for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
		bool resumed, renewed;

		revisit(&open, &closed, versions[i], &resumed, &renewed);
		assert_false(resumed);
	}
}

static void new_keys_are_used_from_then_on(void **state)
{
	struct tls_ticket_keys next = keys_of(2, 0);
	struct tls_server *s = serve(&(struct service){keys_of(1, 0), false});
	struct meeting m, n;

	assert_int_equal(meet(&m, s, &(struct manner){}), 0);
	SSL_set_shutdown(m.client, SSL_SENT_SHUTDOWN);
	tls_server_set_tickets(s, &next);
	assert_int_equal(meet(&n, s, &(struct manner){.session = m.session}), 0);
	assert_false(tls_link_resumed(n.link));
	part(&m);
	part(&n);
	tls_server_free(s);
}

/* F19. The connection itself goes on. */
static void renegotiation_is_refused(void **state)
{
	struct tls_server *s = server_with(&mail);
	struct meeting m;
	char bytes[8];

	assert_int_equal(meet(&m, s, &(struct manner){.max = TLS1_2_VERSION}), 0);
	assert_int_equal(SSL_renegotiate(m.client), 1);
	assert_int_equal(SSL_do_handshake(m.client), -1);
	assert_int_equal(tls_link_read(m.link, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(SSL_do_handshake(m.client), -1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
	part(&m);
	tls_server_free(s);
}

/* Sends bytes in place of a hello, and returns what the handshake says of them. */
static int greet(struct tls_server *s, const void *bytes, size_t len, bool fin, char *reason)
{
	struct tls_link *l;
	int fd[2], err;

	open_pair(fd, 0);
	l = tls_link_accept(s, fd[1]);
	assert_non_null(l);
	assert_int_equal(send(fd[0], bytes, len, 0), len);
	if (fin)
		shutdown(fd[0], SHUT_WR);
	err = tls_link_handshake(l);
	if (err != -EAGAIN)
		assert_int_equal(tls_link_handshake(l), err);
	snprintf(reason, 128, "%s", tls_link_reason(l));
	tls_link_free(l);
	close(fd[0]);
	close(fd[1]);
	return err;
}

static void what_is_no_hello_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *reason;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n",         18, "http request"        },
		{"EHLO mail.example.com\r\n\r\n",  25, "wrong version number"},
		{"\x16\x03\x01\x00\x04\x02\0\0\0", 9,  "unexpected message"  },
	};
	struct tls_server *s = server_with(&mail);
	char reason[128];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(greet(s, cases[i].bytes, cases[i].len, false, reason), -EPROTO);
		assert_string_equal(reason, cases[i].reason);
	}
	tls_server_free(s);
}

/* The sanitizers see to it that nothing is left of any (SANITIZE=1). */
static void a_hello_that_is_cut_short_waits_and_then_ends(void **state)
{
	struct tls_server *s = server_with(&mail);
	struct meeting m = {};
	uint8_t hello[1024];
	char reason[128];
	ssize_t len;

	open_pair(m.fd, 0);
	dress(&m, &(struct manner){.name = "mail.example.com"});
	(void)SSL_do_handshake(m.client); /* waits for our answer */
	len = recv(m.fd[1], hello, sizeof(hello), 0);
	assert_true(len > 100);
	for (ssize_t n = 0; n < len; n += 7) {
		assert_int_equal(greet(s, hello, n, false, reason), -EAGAIN);
		assert_int_equal(greet(s, hello, n, true, reason), -ECONNRESET);
		assert_string_equal(reason, "the peer closed the connection during the handshake");
	}
	assert_int_equal(greet(s, hello, len, false, reason), -EAGAIN);
	part(&m);
	tls_server_free(s);
}

/* Two PEMs, made one. */
static struct slice joined(const char *a, const char *b)
{
	static char pem[2 * PEM_ROOM];

	snprintf(pem, sizeof(pem), "%s%s", a, b);
	return slice_of(pem);
}

static void expect_why(struct slice pem, int err, const char *why_not)
{
	struct slice pems[] = {pem_of(&mail), pem};
	struct tls_server_config c = {.certificates = pems, .certificate_count = 2};
	struct tls_server *s = NULL;
	struct buf checked = {}, why = {}, second = {};

	assert_int_equal(tls_pem_check(TLS_PEM_IDENTITY, pem, &checked), err);
	assert_string_equal(buf_text(&checked), why_not);
	assert_int_equal(tls_server_new(&s, &c, &why), err);
	if (*why_not)
		buf_printf(&second, "certificate 2: %s", why_not);
	assert_string_equal(buf_text(&why), buf_text(&second));
	tls_server_free(s);
	buf_free(&checked);
	buf_free(&why);
	buf_free(&second);
}

static void what_is_wrong_with_a_certificate_is_said(void **state)
{
	struct made bare, locked, old, early;
	const char *broken = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";
	char text[64];
	struct tm day;
	time_t then;

	make(&bare, &(struct recipe){.common_name = "bare", .without_key = true});
	make(&locked, &(struct recipe){.common_name = "locked", .encrypted_key = true});
	make(&old, &(struct recipe){.common_name = "old", .from = -1000000, .until = -900000});
	make(&early, &(struct recipe){.common_name = "early", .from = 900000, .until = 1000000});
	expect_why(pem_of(&shop), 0, "");
	expect_why(joined(shop.pem, authority.pem), 0, "");
	expect_why(slice_of(""), -EINVAL, "no certificate in it");
	expect_why(slice_of("nonsense"), -EINVAL, "no certificate in it");
	expect_why(slice_of(broken), -EINVAL, "a certificate in it is damaged");
	expect_why(pem_of(&bare), -EINVAL, "no private key in it");
	expect_why(joined(bare.pem, "-----BEGIN PRIVATE KEY-----\nnonsense\n"
				    "-----END PRIVATE KEY-----\n"),
		   -EINVAL, "the private key is damaged");
	expect_why(pem_of(&locked), -EINVAL,
		   "the private key is encrypted; store it without a passphrase");
	expect_why(joined(bare.pem, strstr(shop.pem, "-----BEGIN PRIVATE")), -EINVAL,
		   "the private key does not match the certificate");
	expect_why(joined(bare.pem, shop.pem), -EINVAL,
		   "the private key's certificate must come before its chain");
	then = time(NULL) - 900000;
	strftime(text, sizeof(text), "expired on %Y-%m-%d", gmtime_r(&then, &day));
	expect_why(pem_of(&old), 0, text);
	then = time(NULL) + 900000;
	strftime(text, sizeof(text), "not valid before %Y-%m-%d", gmtime_r(&then, &day));
	expect_why(pem_of(&early), 0, text);
	unmake(&bare);
	unmake(&locked);
	unmake(&old);
	unmake(&early);
}

static void a_server_needs_a_certificate_and_a_client_ca_that_is_one(void **state)
{
	struct slice pem = pem_of(&mail);
	struct tls_server_config c = {.certificates = &pem};
	struct tls_server *s;
	struct buf why = {};

	assert_int_equal(tls_server_new(&s, &c, &why), -EINVAL);
	assert_string_equal(buf_text(&why), "there is no certificate");
	buf_clear(&why);
	c.certificate_count = 1;
	c.client_ca = slice_of("nonsense");
	assert_int_equal(tls_server_new(&s, &c, &why), -EINVAL);
	assert_string_equal(buf_text(&why), "client CA: no certificate in it");
	buf_clear(&why);
	assert_int_equal(tls_pem_check(TLS_PEM_CA, c.client_ca, &why), -EINVAL);
	assert_string_equal(buf_text(&why), "no certificate in it");
	assert_int_equal(tls_pem_check(TLS_PEM_CA, pem_of(&authority), &why), 0);
	buf_free(&why);
}

static void a_certificate_is_described(void **state)
{
	struct tls_pem_info info;

	assert_int_equal(tls_pem_describe(pem_of(&shop), &info), 0);
	assert_string_equal(info.subject, "CN=unused.example.com");
	assert_string_equal(info.issuer, "CN=unused.example.com");
	assert_string_equal(info.names, "shop.example.com also.example.com exact.wild.example.com");
	assert_int_equal(info.not_after - info.not_before, 7200);
	assert_true(llabs(info.not_after - 3600 - time(NULL)) < 600);
	assert_int_equal(tls_pem_describe(pem_of(&member), &info), 0);
	assert_string_equal(info.issuer, "CN=Authority");
	assert_string_equal(info.names, "Jörg Member");
	assert_int_equal(tls_pem_describe(slice_of("nonsense"), &info), -EINVAL);
}

static int open_group(void **state)
{
	make(&mail, &(struct recipe){.common_name = "mail", .names = "DNS:mail.example.com"});
	make(&mail_rsa,
	     &(struct recipe){.common_name = "mail", .names = "DNS:mail.example.com", .rsa = true});
	make(&shop, &(struct recipe){.common_name = "unused.example.com",
				     .names = "DNS:shop.example.com,DNS:also.example.com,DNS:exact."
					      "wild.example.com"});
	make(&wild, &(struct recipe){.common_name = "wild",
				     .names = "DNS:*.wild.example.com,DNS:mail.example.com"});
	make(&named_by_cn, &(struct recipe){.common_name = "Old.example.com"});
	make(&authority, &(struct recipe){.common_name = "Authority", .authority = true});
	make(&member, &(struct recipe){.common_name = "Jörg Member", .issuer = &authority});
	make(&stranger, &(struct recipe){.common_name = "Stranger"});
	return 0;
}

static int close_group(void **state)
{
	struct made *all[] = {&mail,        &mail_rsa,  &shop,   &wild,
			      &named_by_cn, &authority, &member, &stranger};

	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		unmake(all[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_chosen_by_the_name_that_the_client_names),
		cmocka_unit_test(of_two_key_types_for_one_name_the_client_gets_what_it_knows),
		cmocka_unit_test(versions_below_the_least_are_refused),
		cmocka_unit_test(a_client_ca_asks_for_a_certificate_and_judges_it),
		cmocka_unit_test(without_a_client_ca_nobody_is_asked),
		cmocka_unit_test(http_is_agreed_where_it_is_offered_and_no_other_offer_is_refused),
		cmocka_unit_test(processes_with_the_same_keys_resume_one_anothers_sessions),
		cmocka_unit_test(a_ticket_of_one_service_says_nothing_to_another),
		cmocka_unit_test(new_keys_are_used_from_then_on),
		cmocka_unit_test(renegotiation_is_refused),
		cmocka_unit_test(what_is_no_hello_is_refused_with_a_reason),
		cmocka_unit_test(a_hello_that_is_cut_short_waits_and_then_ends),
		cmocka_unit_test(what_is_wrong_with_a_certificate_is_said),
		cmocka_unit_test(a_server_needs_a_certificate_and_a_client_ca_that_is_one),
		cmocka_unit_test(a_certificate_is_described),
	};

	return cmocka_run_group_tests_name("tls_server", tests, open_group, close_group);
}
