/* SPDX-License-Identifier: GPL-2.0-only */
/* How bytes travel over links: both ends are ours, over a socket pair. */
#include "unit/tls_lab.h"

struct couple {
	struct tls_server *server;
	struct tls_dialer *dialer;
	struct tls_link *real, *client; /* who accepts, who connects */
	int fd[2];                      /* client, real */
};

static struct made mail;

static void finish_handshake(struct couple *c)
{
	int client = -EAGAIN, real = -EAGAIN;

	for (int i = 0; i < 1000 && (client || real); i++) {
		client = tls_link_handshake(c->client);
		real = tls_link_handshake(c->real);
	}
	assert_int_equal(client, 0);
	assert_int_equal(real, 0);
}

static void couple_open(struct couple *c, int room, struct tls_memory *memory)
{
	struct tls_peer peer = {.name = "mail.example.com"};
	struct buf why = {};

	open_pair(c->fd, room);
	c->server = server_with(&mail);
	assert_int_equal(
		tls_dialer_new(&c->dialer, &(struct tls_dialer_config){.ca = pem_of(&mail)}, &why),
		0);
	c->client = tls_link_connect(c->dialer, c->fd[0], &peer, memory);
	c->real = tls_link_accept(c->server, c->fd[1]);
	assert_non_null(c->client);
	assert_non_null(c->real);
	finish_handshake(c);
}

static void couple_close(struct couple *c)
{
	tls_server_free(c->server); /* links outlive it */
	tls_link_free(c->real);
	tls_link_free(c->client);
	tls_dialer_free(c->dialer);
	close(c->fd[0]);
	close(c->fd[1]);
}

static void say(struct tls_link *l, const char *text)
{
	assert_int_equal(tls_link_write(l, text, strlen(text)), strlen(text));
}

static void expect(struct tls_link *l, const char *text)
{
	char heard[64] = "";

	assert_int_equal(tls_link_read(l, heard, sizeof(heard) - 1), strlen(text));
	assert_string_equal(heard, text);
}

static void both_sides_speak_and_know_how(void **state)
{
	struct couple c;
	char byte;

	couple_open(&c, 0, NULL);
	assert_string_equal(tls_link_version(c.real), "TLSv1.3");
	assert_string_equal(tls_link_cipher(c.real), tls_link_cipher(c.client));
	assert_string_equal(tls_link_sni(c.real), "mail.example.com");
	assert_int_equal(tls_link_read(c.real, &byte, 1), -EAGAIN);
	assert_int_equal(tls_link_read(c.client, &byte, 1), -EAGAIN);
	say(c.client, "ping");
	expect(c.real, "ping");
	say(c.real, "pong");
	expect(c.client, "pong");
	couple_close(&c);
}

static void what_the_link_holds_is_pending_and_a_drained_one_is_known(void **state)
{
	struct couple c;
	char bytes[4];

	couple_open(&c, 0, NULL);
	say(c.client, "12345");
	assert_int_equal(tls_link_read(c.real, bytes, 3), 3);
	assert_true(tls_link_pending(c.real));
	assert_false(tls_link_drained(c.real));
	assert_int_equal(tls_link_read(c.real, bytes, 4), 2);
	assert_false(tls_link_pending(c.real));
	assert_true(tls_link_drained(c.real));
	assert_int_equal(tls_link_read(c.real, bytes, 4), -EAGAIN);
	couple_close(&c);
}

/* The last octet alone is missing: nothing can be read, and nothing is said to be pending. */
static void half_a_record_is_not_pending(void **state)
{
	uint8_t record[64];
	struct couple c;
	char bytes[8];
	ssize_t n;

	couple_open(&c, 0, NULL);
	say(c.client, "whole");
	n = recv(c.fd[1], record, sizeof(record), 0);
	assert_true(n > 5);
	assert_int_equal(send(c.fd[0], record, n - 1, 0), n - 1);
	assert_int_equal(tls_link_read(c.real, bytes, sizeof(bytes)), -EAGAIN);
	assert_false(tls_link_pending(c.real));
	assert_int_equal(send(c.fd[0], record + n - 1, 1, 0), 1);
	assert_int_equal(tls_link_read(c.real, bytes, sizeof(bytes)), 5);
	couple_close(&c);
}

/* One side's way through a megabyte. */
struct traveller {
	struct tls_link *from, *to;
	size_t sent, heard;
};

static uint8_t byte_at(size_t i)
{
	return (i * 2654435761u) >> 13;
}

/* The buffer moves between calls, as a caller's may. Returns whether anything moved. */
static bool travel(struct traveller *t, const uint8_t *bytes, size_t len)
{
	static uint8_t moved[1 << 20], heard[40000];
	size_t before = t->sent + t->heard;
	ssize_t n;

	memcpy(moved, bytes + t->sent, len - t->sent);
	n = tls_link_write(t->from, moved, len - t->sent);
	assert_true(n >= 0 || n == -EAGAIN);
	t->sent += n > 0 ? n : 0;
	memset(moved, 0, sizeof(moved));
	while ((n = tls_link_read(t->to, heard, sizeof(heard))) > 0) {
		assert_memory_equal(heard, bytes + t->heard, n);
		t->heard += n;
	}
	assert_int_equal(n, -EAGAIN);
	return t->sent + t->heard != before;
}

static void a_megabyte_each_way_passes_tiny_buffers_unchanged(void **state)
{
	static uint8_t bytes[1 << 20];
	struct couple c;
	struct traveller there, back;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = byte_at(i);
	couple_open(&c, 1, NULL);
	there = (struct traveller){.from = c.client, .to = c.real};
	back = (struct traveller){.from = c.real, .to = c.client};
	/* A record goes in many pieces, and only its last moves anything that is seen here. */
	for (int still = 0; there.heard < sizeof(bytes) || back.heard < sizeof(bytes);) {
		bool moved = travel(&there, bytes, sizeof(bytes));

		moved |= travel(&back, bytes, sizeof(bytes));
		still = moved ? 0 : still + 1;
		assert_true(still < 100);
	}
	couple_close(&c);
}

static void who_has_said_goodbye_still_hears(void **state)
{
	struct couple c;
	char byte;

	couple_open(&c, 0, NULL);
	say(c.client, "question");
	assert_int_equal(tls_link_end(c.real), TLS_END_NOT_YET);
	assert_int_equal(tls_link_goodbye(c.client), 0);
	assert_int_equal(tls_link_goodbye(c.client), 0);
	shutdown(c.fd[0], SHUT_WR);
	expect(c.real, "question");
	assert_int_equal(tls_link_read(c.real, &byte, 1), 0);
	assert_int_equal(tls_link_end(c.real), TLS_END_SAID);
	say(c.real, "answer");
	expect(c.client, "answer");
	assert_int_equal(tls_link_goodbye(c.real), 0);
	assert_int_equal(tls_link_read(c.client, &byte, 1), 0);
	assert_int_equal(tls_link_end(c.client), TLS_END_SAID);
	couple_close(&c);
}

static void a_bare_fin_is_an_end_too_and_known_as_one(void **state)
{
	struct couple c;
	char byte;

	couple_open(&c, 0, NULL);
	say(c.client, "question");
	shutdown(c.fd[0], SHUT_WR);
	expect(c.real, "question");
	assert_int_equal(tls_link_read(c.real, &byte, 1), 0);
	assert_int_equal(tls_link_end(c.real), TLS_END_BARE);
	assert_int_equal(tls_link_read(c.real, &byte, 1), 0);
	say(c.real, "answer");
	expect(c.client, "answer");
	couple_close(&c);
}

static void a_peer_that_is_gone_is_an_error_of_the_socket(void **state)
{
	struct couple c;

	couple_open(&c, 0, NULL);
	close(c.fd[0]);
	assert_int_equal(tls_link_write(c.real, "x", 1), -EPIPE);
	assert_int_equal(tls_link_write(c.real, "x", 1), -EPIPE);
	assert_int_equal(tls_link_goodbye(c.real), -EPIPE);
	c.fd[0] = dup(c.fd[1]);
	couple_close(&c);
}

static void a_record_that_was_tampered_with_breaks_the_link_for_good(void **state)
{
	uint8_t record[64];
	struct couple c;
	char byte;
	ssize_t n;

	couple_open(&c, 0, NULL);
	say(c.client, "transfer 1");
	n = recv(c.fd[1], record, sizeof(record), 0);
	record[n - 1] ^= 1;
	assert_int_equal(send(c.fd[0], record, n, 0), n);
	assert_int_equal(tls_link_read(c.real, &byte, 1), -EPROTO);
	assert_string_equal(tls_link_reason(c.real), "decryption failed or bad record mac");
	assert_int_equal(tls_link_read(c.real, &byte, 1), -EPROTO);
	assert_int_equal(tls_link_write(c.real, &byte, 1), -EPROTO);
	couple_close(&c);
}

static void a_dialer_resumes_what_it_remembers(void **state)
{
	struct tls_memory memory = {};
	char byte;

	for (int round = 0; round < 3; round++) {
		struct couple c;

		couple_open(&c, 0, &memory);
		assert_int_equal(tls_link_resumed(c.client), round > 0);
		assert_int_equal(tls_link_resumed(c.real), round > 0);
		assert_int_equal(tls_link_read(c.client, &byte, 1), -EAGAIN); /* the ticket */
		assert_non_null(memory.session);
		couple_close(&c);
	}
	tls_memory_forget(&memory);
}

static void a_ticket_serves_all_who_dial_before_the_next_arrives(void **state)
{
	struct tls_memory memory = {};
	struct couple first, more[3];
	char byte;

	couple_open(&first, 0, &memory);
	assert_int_equal(tls_link_read(first.client, &byte, 1), -EAGAIN);
	for (size_t i = 0; i < ARRAY_COUNT(more); i++) {
		couple_open(&more[i], 0, &memory);
		assert_true(tls_link_resumed(more[i].client));
	}
	for (size_t i = 0; i < ARRAY_COUNT(more); i++)
		couple_close(&more[i]);
	couple_close(&first);
	tls_memory_forget(&memory);
}

/* Dials a server that shows mail, and returns what the dialer says of it. */
static int dial(const struct made *ca, const char *name, char *reason, size_t room)
{
	struct tls_dialer_config config = {};
	struct tls_peer peer = {.name = name};
	struct couple c = {.server = server_with(&mail)};
	struct buf why = {};
	int err = -EAGAIN;

	if (ca)
		config.ca = pem_of(ca);
	open_pair(c.fd, 0);
	assert_int_equal(tls_dialer_new(&c.dialer, &config, &why), 0);
	c.client = tls_link_connect(c.dialer, c.fd[0], &peer, NULL);
	c.real = tls_link_accept(c.server, c.fd[1]);
	for (int i = 0; i < 20 && err == -EAGAIN; i++) {
		err = tls_link_handshake(c.client);
		(void)tls_link_handshake(c.real); /* the dialer is the one that judges */
	}
	snprintf(reason, room, "%s", tls_link_reason(c.client));
	couple_close(&c);
	return err;
}

static void a_dialer_with_a_ca_trusts_its_certificates_and_the_name_only(void **state)
{
	struct made other;
	char reason[128];

	make(&other, &(struct recipe){.common_name = "other"});
	assert_int_equal(dial(NULL, "whoever.example.com", reason, sizeof(reason)), 0);
	assert_int_equal(dial(&mail, "mail.example.com", reason, sizeof(reason)), 0);
	assert_int_equal(dial(&mail, "other.example.com", reason, sizeof(reason)), -EPROTO);
	assert_string_equal(reason, "hostname mismatch");
	assert_int_equal(dial(&other, "mail.example.com", reason, sizeof(reason)), -EPROTO);
	assert_string_equal(reason, "self-signed certificate");
	unmake(&other);
}

static void a_dialer_needs_certificates_in_its_ca(void **state)
{
	struct tls_dialer *d = NULL;
	struct buf why = {};
	struct tls_dialer_config c = {
		.ca = {"nonsense", 8}
        };

	assert_int_equal(tls_dialer_new(&d, &c, &why), -EINVAL);
	assert_string_equal(buf_text(&why), "no certificate in it");
	buf_free(&why);
}

static int open_group(void **state)
{
	make(&mail,
	     &(struct recipe){.common_name = "mail.example.com", .names = "DNS:mail.example.com"});
	return 0;
}

static int close_group(void **state)
{
	unmake(&mail);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_speak_and_know_how),
		cmocka_unit_test(what_the_link_holds_is_pending_and_a_drained_one_is_known),
		cmocka_unit_test(half_a_record_is_not_pending),
		cmocka_unit_test(a_megabyte_each_way_passes_tiny_buffers_unchanged),
		cmocka_unit_test(who_has_said_goodbye_still_hears),
		cmocka_unit_test(a_bare_fin_is_an_end_too_and_known_as_one),
		cmocka_unit_test(a_peer_that_is_gone_is_an_error_of_the_socket),
		cmocka_unit_test(a_record_that_was_tampered_with_breaks_the_link_for_good),
		cmocka_unit_test(a_dialer_resumes_what_it_remembers),
		cmocka_unit_test(a_ticket_serves_all_who_dial_before_the_next_arrives),
		cmocka_unit_test(a_dialer_with_a_ca_trusts_its_certificates_and_the_name_only),
		cmocka_unit_test(a_dialer_needs_certificates_in_its_ca),
	};

	return cmocka_run_group_tests_name("tls_link", tests, open_group, close_group);
}
