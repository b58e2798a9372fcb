/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions whose TLS ends here, or begins here again, and what certificates and rules do to them;
 * clients and reals are links of ours over loopback. */
#include "unit/tls_lab.h"

#include <signal.h>

#include "proxy/internal.h"
#include "proxy/tickets.h"
#include "proxy_lab.h"

enum { R1 = 21, R2 = 22, POOL = 8, USABLE = PROXY_REAL_USABLE, BULK = 1 << 20 };

static struct made mail, other, staff; /* staff: what clients show */
static int listening[2];
static uint16_t port[2];
static struct tls_dialer *anyone; /* trusts all */
static struct tls_server *real_side;

static void put_blob(enum proxy_blob_kind kind, uint32_t id, uint16_t index, const char *text,
		     int expected)
{
	const struct proxy_blob_key key = {.id = id, .kind = kind, .index = index};
	int fd = memfd_create("blob", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(order_fd(PROXY_ORDER_BLOB, 0, &key, sizeof(key), fd), expected);
}

static void drop_blob(enum proxy_blob_kind kind, uint32_t id, uint16_t index)
{
	const struct proxy_blob_key key = {.id = id, .kind = kind, .index = index};

	order(PROXY_ORDER_BLOB_GONE, 0, &key, sizeof(key));
}

static void put_route(uint16_t index, const char *host, uint32_t pool)
{
	struct {
		struct proxy_rule_key key;
		struct proxy_rule row;
	} rule = {
		.key = {.service = SERVICE, .kind = PROXY_RULE_ROUTE, .index = index},
		.row = {.pool = pool   }
        };

	snprintf(rule.row.value, sizeof(rule.row.value), "%s", host);
	order(PROXY_ORDER_RULE, 0, &rule, sizeof(rule));
}

static void put_pool_real(uint32_t id, uint16_t at, unsigned int flags)
{
	struct proxy_service row = {.name = "S.mail", .parent = SERVICE};
	struct proxy_real r = {.service = POOL, .weight = 1, .port = at, .flags = flags};

	order(PROXY_ORDER_SERVICE, POOL, &row, sizeof(row));
	addr_parse(&r.ip, "127.0.0.1");
	order(PROXY_ORDER_REAL, id, &r, sizeof(r));
}

static void put_tls_real(uint32_t id, unsigned int flags, const char *sni)
{
	struct proxy_real r = {
		.service = SERVICE, .weight = 1, .port = port[0], .flags = USABLE | flags};

	snprintf(r.name, sizeof(r.name), "R%u", id);
	snprintf(r.sni, sizeof(r.sni), "%s", sni);
	addr_parse(&r.ip, "127.0.0.1");
	order(PROXY_ORDER_REAL, id, &r, sizeof(r));
}

static void order_tls(unsigned int flags)
{
	settings.flags = PROXY_SERVICE_TLS | flags;
	settings.request = 5000;
	order_service();
}

static int tls_up(void **state)
{
	struct buf why = {};

	signal(SIGPIPE, SIG_IGN);
	if (lab_up(state))
		return -1;
	for (int i = 0; i < 2; i++) {
		port[i] = 0;
		listening[i] = listen_at("127.0.0.1", &port[i]);
	}
	order_real(R1, "127.0.0.1", port[0], USABLE);
	real_side = server_with(&mail);
	return tls_dialer_new(&anyone, &(struct tls_dialer_config){}, &why);
}

static int terminating_up(void **state)
{
	if (tls_up(state))
		return -1;
	put_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 0, mail.pem, 0);
	order_tls(0);
	return 0;
}

static int tls_down(void **state)
{
	close(listening[0]);
	close(listening[1]);
	tls_dialer_free(anyone);
	tls_server_free(real_side);
	return lab_down(state);
}

/* One end of a TLS connection that a test holds. */
struct talker {
	int fd;
	struct tls_link *link;
};

static struct talker visit_as(const char *name, struct tls_memory *memory)
{
	struct tls_peer peer = {.name = name};
	struct talker t = {.fd = dial_from(&front)};

	until(sock_error(t.fd) == 0);
	t.link = tls_link_connect(anyone, t.fd, &peer, memory);
	assert_non_null(t.link);
	return t;
}

static struct talker answer(int listener)
{
	struct talker t = {.fd = take_session(listener)};

	t.link = tls_link_accept(real_side, t.fd);
	assert_non_null(t.link);
	return t;
}

static void leave(struct talker *t)
{
	tls_link_free(t->link);
	close(t->fd);
}

static bool is_through(struct talker *t)
{
	int err = tls_link_handshake(t->link);

	assert_true(!err || err == -EAGAIN || err == -ENOTCONN);
	return !err;
}

static bool has_failed(struct talker *t)
{
	int err = tls_link_handshake(t->link);

	return err && err != -EAGAIN && err != -ENOTCONN;
}

static struct talker visit(const char *name)
{
	struct talker t = visit_as(name, NULL);

	until(is_through(&t));
	return t;
}

static bool hears(struct talker *t)
{
	got_len = tls_link_read(t->link, got, sizeof(got) - 1);
	if (got_len == -EAGAIN)
		return false;
	got[got_len > 0 ? got_len : 0] = '\0';
	return true;
}

static void tell(struct talker *t, const char *text)
{
	assert_int_equal(tls_link_write(t->link, text, strlen(text)), strlen(text));
}

#define assert_hears(talker, text)                                                                 \
	do {                                                                                       \
		until(hears(talker));                                                              \
		assert_string_equal(got, text);                                                    \
	} while (0)

#define assert_said_goodbye(talker)                                                                \
	do {                                                                                       \
		until(hears(talker));                                                              \
		assert_int_equal(got_len, 0);                                                      \
		assert_int_equal(tls_link_end((talker)->link), TLS_END_SAID);                      \
	} while (0)

static void assert_shows(struct talker *t, const char *subject)
{
	char text[256];

	assert_true(tls_link_subject(t->link, text, sizeof(text)));
	assert_non_null(strstr(text, subject));
}

static void the_real_hears_in_the_clear_what_the_client_says_in_tls(void **state)
{
	struct talker client = visit("mail.example.com");
	int server = take_session(listening[0]);

	say(server, "220 ready");
	assert_hears(&client, "220 ready");
	for (int i = 0; i < 50; i++) {
		tell(&client, "x");
		assert_receives(server, "x");
		say(server, "250 you");
		assert_hears(&client, "250 you");
	}
	assert_int_equal(shared->service[SERVICE].handshakes, 1);
	assert_int_equal(shared->service[SERVICE].bytes_in, 50);
	assert_int_equal(shared->service[SERVICE].bytes_out, 9 + 50 * 7);
	leave(&client);
	close(server);
}

static void who_does_not_speak_tls_is_refused_and_never_passed_on(void **state)
{
	int client = dial_from(&front);

	say(client, "GET / HTTP/1.0\r\n\r\n");
	until(gets_something(client)); /* an alert */
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].handshakes_failed, 1);
	assert_int_equal(shared->service[SERVICE].handshakes, 0);
	assert_false(accepts(listening[0]));
	close(client);
}

static void without_a_certificate_clients_are_refused(void **state)
{
	int client;

	drop_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 0);
	client = dial_from(&front);
	assert_end(client);
	assert_int_equal(shared->service[SERVICE].refused, 1);
	close(client);
}

static void half_a_handshake_ends_after_the_request_timeout(void **state)
{
	int client;

	settings.request = 50;
	order_service();
	client = dial_from(&front);
	say(client, "\x16\x03\x01");
	assert_reset(client);
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
	assert_int_equal(shared->service[SERVICE].handshakes_failed, 1);
	close(client);
}

static void the_end_of_each_side_is_said_in_its_own_language(void **state)
{
	struct talker client = visit(NULL);
	int server = take_session(listening[0]);

	tell(&client, "last words");
	assert_int_equal(tls_link_goodbye(client.link), 0); /* and no FIN */
	assert_receives(server, "last words");
	assert_end(server);
	say(server, "answer");
	assert_hears(&client, "answer");
	close(server);
	assert_said_goodbye(&client);
	until(!engine_sessions(engine));
	leave(&client);

	client = visit(NULL);
	server = take_session(listening[0]);
	say(server, "that is all");
	shutdown(server, SHUT_WR);
	assert_hears(&client, "that is all");
	assert_said_goodbye(&client);
	tell(&client, "one more");
	assert_receives(server, "one more");
	leave(&client); /* a bare FIN */
	assert_end(server);
	close(server);
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].client_aborts, 0);
	assert_int_equal(shared->service[SERVICE].response_errors, 0);
}

static uint8_t pattern(size_t i)
{
	return i * 2654435761U >> 24;
}

/* Bytes on their way; text of them is as the talker's, or plain when it has no link. */
struct flow {
	struct talker *from, *to;
	size_t sent, heard, step; /* step: bytes of one read, 0: as many as come */
};

static void flow_send(struct flow *f, size_t total)
{
	static uint8_t bytes[BULK];
	ssize_t n = total - f->sent;

	for (ssize_t i = 0; i < n; i++)
		bytes[i] = pattern(f->sent + i);
	if (f->from->link)
		n = tls_link_write(f->from->link, bytes, n);
	else
		n = send(f->from->fd, bytes, n, MSG_NOSIGNAL);
	f->sent += n > 0 ? n : 0;
}

static void flow_hear(struct flow *f)
{
	uint8_t bytes[65536];
	size_t room = f->step ? f->step : sizeof(bytes);
	ssize_t n = f->to->link ? tls_link_read(f->to->link, bytes, room)
				: recv(f->to->fd, bytes, room, 0);

	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(bytes[i], pattern(f->heard + i));
	f->heard += n > 0 ? n : 0;
}

static bool flow_goes(struct flow *f, size_t total)
{
	if (f->sent < total)
		flow_send(f, total);
	flow_hear(f);
	return f->heard < total;
}

static void a_megabyte_each_way_at_once_arrives_as_it_was_sent(void **state)
{
	for (size_t step = 0; step < 8000; step += 3001) {
		struct talker client = visit(NULL), server = {.fd = take_session(listening[0])};
		struct flow there = {&client, &server, .step = step};
		struct flow back = {&server, &client, .step = step};

		until((flow_goes(&there, BULK), !flow_goes(&back, BULK)) && there.heard == BULK);
		leave(&client);
		close(server.fd);
		until(!engine_sessions(engine));
	}
}

static struct session *the_session(void)
{
	return container_of(engine->alive.next, struct session, of_engine);
}

static void a_reader_that_stands_still_stops_its_sender_and_then_gets_all(void **state)
{
	for (int slow = 0; slow < 2; slow++) {
		struct talker client = visit(NULL), server = {.fd = take_session(listening[0])};
		struct talker *from = slow ? &client : &server, *to = slow ? &server : &client;
		struct flow f = {.from = from, .to = to};
		size_t before;
		int quiet = 0;

		while (quiet < 20) {
			before = f.sent;
			flow_send(&f, f.sent + 65536);
			quiet = f.sent > before ? 0 : quiet + 1;
			turn();
			assert_true(the_session()->way[!slow].held_len <= COPY_ROOM);
		}
		until((flow_hear(&f), f.heard == f.sent));
		leave(&client);
		close(server.fd);
		until(!engine_sessions(engine));
	}
}

static void a_new_certificate_is_for_new_clients(void **state)
{
	struct talker old = visit(NULL), new;
	int server = take_session(listening[0]), server2;

	put_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 0, other.pem, 0);
	new = visit(NULL);
	server2 = take_session(listening[0]);
	assert_shows(&old, "mail.example.com");
	assert_shows(&new, "other.example.com");
	tell(&old, "still here");
	assert_receives(server, "still here");
	leave(&old);
	leave(&new);
	close(server);
	close(server2);
}

static void a_bad_certificate_leaves_the_old_one_in_force(void **state)
{
	char half[PEM_ROOM];
	struct talker client;

	snprintf(half, sizeof(half), "%.*s", (int)strlen(other.pem) / 2, other.pem);
	put_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 0, half, -EINVAL);
	put_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 0, "", -EINVAL);
	client = visit(NULL);
	assert_shows(&client, "mail.example.com");
	leave(&client);
}

static void a_client_gets_the_certificate_of_the_name_it_asks_for(void **state)
{
	struct talker client;

	put_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 1, other.pem, 0);
	client = visit("other.example.com");
	assert_shows(&client, "other.example.com");
	leave(&client);
	drop_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 1);
	client = visit("other.example.com");
	assert_shows(&client, "mail.example.com");
	leave(&client);
}

/* The flag may come before the CA: nobody slips in meanwhile. */
static void clients_must_show_a_certificate_where_a_ca_is_set(void **state)
{
	struct talker client;
	int plain;

	order_tls(PROXY_SERVICE_CLIENT_CA);
	plain = dial_from(&front);
	assert_end(plain);
	close(plain);
	put_blob(PROXY_BLOB_CLIENT_CA, SERVICE, 0, staff.pem, 0);
	client = visit_as(NULL, NULL);
	until(has_failed(&client) || (tls_link_handshake(client.link) == 0 && hears(&client)));
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].handshakes_failed, 1);
	assert_int_equal(shared->service[SERVICE].handshakes, 0);
	leave(&client);
}

static void a_session_is_resumed_by_any_process_and_after_keys_have_changed(void **state)
{
	struct tls_memory memory = {};
	struct tickets tickets = {.shared = shared};
	struct talker client;

	assert_int_equal(tickets_renew(&tickets), 0);
	for (int visits = 0; visits < 4; visits++) {
		int server;

		if (visits == 1) { /* another process has no memory but the keys */
			put_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 0, mail.pem, 0);
		}
		if (visits == 2)
			assert_int_equal(tickets_renew(&tickets), 0);
		if (visits == 3) { /* two changes: the ticket of an hour ago is no good */
			assert_int_equal(tickets_renew(&tickets), 0);
			assert_int_equal(tickets_renew(&tickets), 0);
		}
		client = visit_as("mail.example.com", &memory);
		until(is_through(&client));
		assert_int_equal(tls_link_resumed(client.link), visits == 1 || visits == 2);
		server = take_session(listening[0]);
		say(server, "hello");
		assert_hears(&client, "hello");
		leave(&client);
		close(server);
		until(!engine_sessions(engine));
	}
	assert_int_equal(shared->service[SERVICE].handshakes, 4);
	assert_int_equal(shared->service[SERVICE].handshakes_resumed, 2);
	tls_memory_forget(&memory);
}

static void routes_go_by_the_name_in_the_handshake(void **state)
{
	struct talker client;
	int server;

	put_route(0, "other.example.com", POOL);
	put_pool_real(R2, port[1], USABLE);
	client = visit("Other.Example.Com");
	server = take_session(listening[1]);
	say(server, "pool");
	assert_hears(&client, "pool");
	leave(&client);
	close(server);
	client = visit("mail.example.com");
	close(take_session(listening[0]));
	leave(&client);
	client = visit(NULL);
	close(take_session(listening[0]));
	leave(&client);
}

/* TLS passes through: only the hello is looked at. */
static void routes_go_by_the_hello_where_tls_does_not_end_here(void **state)
{
	struct talker client, server;

	settings.request = 5000;
	order_service();
	put_route(0, "mail.example.com", POOL);
	put_pool_real(R2, port[1], USABLE);
	client = visit_as("mail.example.com", NULL);
	assert_int_equal(tls_link_handshake(client.link), -EAGAIN); /* the hello */
	server = answer(listening[1]);
	until((is_through(&client), is_through(&server)));
	until(is_through(&client));
	tell(&client, "through");
	assert_hears(&server, "through");
	assert_string_equal(tls_link_sni(server.link), "mail.example.com");
	assert_int_equal(shared->service_current[1][POOL], 1);
	assert_int_equal(shared->service[POOL].sessions, 1);
	leave(&client);
	leave(&server);
	until(!engine_sessions(engine));
	assert_int_equal(shared->service_current[1][POOL], 0);
}

static void a_hello_in_single_bytes_is_waited_for(void **state)
{
	uint8_t hello[2048];
	struct talker t = {};
	ssize_t len;
	int fd[2], client;

	settings.request = 5000;
	order_service();
	put_route(0, "mail.example.com", POOL);
	put_pool_real(R2, port[1], USABLE);
	open_pair(fd, 0);
	t.link = tls_link_connect(anyone, fd[0], &(struct tls_peer){.name = "mail.example.com"},
				  NULL);
	assert_int_equal(tls_link_handshake(t.link), -EAGAIN);
	len = recv(fd[1], hello, sizeof(hello), 0);
	client = dial_from(&front);
	until(sock_error(client) == 0 && engine_sessions(engine));
	for (ssize_t i = 0; i < len; i++) {
		assert_int_equal(send(client, hello + i, 1, MSG_NOSIGNAL), 1);
		turn_for(0);
	}
	take_session(listening[1]);
	until(recv(accepted, got, sizeof(got), MSG_PEEK) == len);
	assert_memory_equal(got, hello, len);
	close(accepted);
	close(client);
	tls_link_free(t.link);
	close(fd[0]);
	close(fd[1]);
}

static void who_says_no_hello_goes_to_the_service_s_own_reals(void **state)
{
	int client, server;

	settings.request = 5000;
	order_service();
	put_route(0, "mail.example.com", POOL);
	put_pool_real(R2, port[1], USABLE);
	client = dial_from(&front);
	say(client, "EHLO me\r\n");
	server = take_session(listening[0]);
	assert_receives(server, "EHLO me\r\n");
	close(server);
	close(client);
}

/* As in HTTP mode: a reload takes rows away one after the other. */
static void a_route_whose_pool_is_gone_is_passed_over(void **state)
{
	struct talker client;

	put_route(0, "mail.example.com", POOL);
	client = visit("mail.example.com"); /* not there yet */
	close(take_session(listening[0]));
	leave(&client);
	put_pool_real(R2, port[1], USABLE);
	client = visit("mail.example.com");
	close(take_session(listening[1]));
	leave(&client);
	order(PROXY_ORDER_SERVICE_GONE, POOL, NULL, 0);
	client = visit("mail.example.com");
	close(take_session(listening[0]));
	leave(&client);
}

static void a_route_without_a_usable_real_refuses_its_clients(void **state)
{
	struct talker client;

	put_route(0, "mail.example.com", POOL);
	put_pool_real(R2, port[1], 0);
	client = visit("mail.example.com");
	assert_said_goodbye(&client);
	assert_int_equal(shared->service[SERVICE].refused, 1);
	assert_false(accepts(listening[0]));
	leave(&client);
}

static void a_real_is_spoken_to_in_tls_by_its_name(void **state)
{
	struct talker client, server;

	put_blob(PROXY_BLOB_REAL_CA, R1, 0, mail.pem, 0);
	put_tls_real(R1, PROXY_REAL_TLS | PROXY_REAL_VERIFY, "mail.example.com");
	for (int visits = 0; visits < 2; visits++) {
		client = visit(NULL);
		server = answer(listening[0]);
		until(is_through(&server));
		assert_int_equal(tls_link_resumed(server.link), visits);
		assert_string_equal(tls_link_sni(server.link), "mail.example.com");
		tell(&client, "x");
		assert_hears(&server, "x");
		tell(&server, "220 ready");
		assert_hears(&client, "220 ready");
		tls_link_goodbye(server.link);
		leave(&server);
		assert_said_goodbye(&client);
		leave(&client);
		until(!engine_sessions(engine));
	}
	assert_int_equal(shared->real[R1].handshakes, 2);
	assert_int_equal(shared->real[R1].handshakes_resumed, 1);
}

static void bulk_passes_tls_on_both_sides(void **state)
{
	struct talker client, server;
	struct flow there = {.from = &client, .to = &server},
		    back = {.from = &server, .to = &client};

	put_tls_real(R1, PROXY_REAL_TLS, "");
	client = visit(NULL);
	server = answer(listening[0]);
	until(is_through(&server));
	until((flow_goes(&there, BULK), !flow_goes(&back, BULK)) && there.heard == BULK);
	leave(&client);
	leave(&server);
}

/* How many of them have heard something. */
static size_t have_heard(const int *fds, size_t n)
{
	size_t heard = 0;
	char byte;

	for (size_t i = 0; i < n; i++)
		heard += recv(fds[i], &byte, 1, MSG_PEEK) == 1;
	return heard;
}

enum { CROWD = 8 };

/* Rounds pass until all have heard something, of which no two in the same one. */
static void assert_one_a_round(const int *fds)
{
	uint64_t end = clock_msec() + PATIENCE;

	for (size_t before = 0, now = 0; before < CROWD; before = now) {
		assert_true(clock_msec() < end);
		turn_for(0);
		now = have_heard(fds, CROWD);
		assert_true(now <= before + 1);
	}
}

/* Who only has bytes to pass on waits for one step of a handshake at most. */
static void of_many_handshakes_with_clients_one_step_is_taken_a_round(void **state)
{
	struct talker crowd[CROWD];
	int fds[CROWD];

	for (int i = 0; i < CROWD; i++) {
		crowd[i] = visit_as(NULL, NULL);
		fds[i] = crowd[i].fd;
	}
	until(engine_sessions(engine) == CROWD);
	for (int i = 0; i < CROWD; i++)
		assert_false(is_through(&crowd[i])); /* its hello is on the way */
	assert_one_a_round(fds);
	for (int i = 0; i < CROWD; i++) {
		until(is_through(&crowd[i]));
		leave(&crowd[i]);
	}
}

static void of_many_handshakes_with_reals_one_step_is_taken_a_round(void **state)
{
	int clients[CROWD], fds[CROWD];

	put_tls_real(R1, PROXY_REAL_TLS, "");
	for (int i = 0; i < CROWD; i++)
		clients[i] = dial_from(&front);
	for (int i = 0; i < CROWD; i++)
		fds[i] = -1;
	for (size_t before = 0, now = 0, n = 0; before < CROWD; before = now) {
		turn_for(0);
		while (n < CROWD && accepts(listening[0]))
			fds[n++] = accepted;
		now = have_heard(fds, n);
		assert_true(now <= before + 1);
	}
	for (int i = 0; i < CROWD; i++) {
		close(clients[i]);
		close(fds[i]);
	}
}

/* Tries until the session gives up: each ends in the handshake. */
static void assert_real_is_refused(uint64_t failures)
{
	struct talker client = visit(NULL), server;

	for (uint64_t i = 0; i < failures; i++) {
		server = answer(listening[0]);
		until(has_failed(&server));
		leave(&server);
	}
	assert_said_goodbye(&client);
	leave(&client);
	until(!engine_sessions(engine));
	assert_int_equal(shared->real[R1].handshakes_failed, failures);
	assert_int_equal(shared->real[R1].connect_errors, CONNECT_TRIES);
	assert_int_equal(shared->real[R1].handshakes, 0);
}

static void a_real_that_cannot_prove_who_it_is_is_passed_over(void **state)
{
	settings.connect = 20;
	order_tls(0);
	put_blob(PROXY_BLOB_REAL_CA, R1, 0, other.pem, 0);
	put_tls_real(R1, PROXY_REAL_TLS | PROXY_REAL_VERIFY, "mail.example.com");
	settings.connect = 2000;
	assert_real_is_refused(CONNECT_TRIES);
}

static void without_a_ca_nothing_is_verified_and_nobody_connected(void **state)
{
	settings.connect = 20;
	order_tls(0);
	put_tls_real(R1, PROXY_REAL_TLS | PROXY_REAL_VERIFY, "mail.example.com");
	assert_real_is_refused(0);
}

static void a_real_that_does_not_answer_the_handshake_is_late(void **state)
{
	struct talker client;

	settings.connect = 30;
	order_tls(0);
	put_tls_real(R1, PROXY_REAL_TLS, "");
	client = visit(NULL);
	assert_said_goodbye(&client);
	assert_int_equal(shared->real[R1].connect_errors, CONNECT_TRIES);
	leave(&client);
}

static void the_proxy_header_stands_before_tls_both_ways(void **state)
{
	static const char header[] = "PROXY TCP4 192.0.2.1 192.0.2.9 1234 443\r\n";
	struct talker client = {}, server;

	settings.accept_header = settings.send_header = PROXY_HEADER_V1;
	order_tls(0);
	put_tls_real(R1, PROXY_REAL_TLS, "");
	client.fd = dial_from(&front);
	until(sock_error(client.fd) == 0);
	say(client.fd, header);
	client.link = tls_link_connect(anyone, client.fd, &(struct tls_peer){}, NULL);
	until(is_through(&client));
	take_session(listening[0]);
	until(recv(accepted, got, strlen(header), MSG_PEEK) == (ssize_t)strlen(header));
	assert_int_equal(recv(accepted, got, strlen(header), 0), strlen(header));
	got[strlen(header)] = '\0';
	assert_string_equal(got, header);
	server = (struct talker){.fd = accepted, .link = tls_link_accept(real_side, accepted)};
	until(is_through(&server));
	tell(&client, "hello");
	assert_hears(&server, "hello");
	leave(&client);
	leave(&server);
}

static void a_session_keeps_the_settings_it_began_with(void **state)
{
	struct talker client = visit(NULL);
	int server = take_session(listening[0]), plain;

	settings.flags = 0;
	order_service();
	drop_blob(PROXY_BLOB_CERTIFICATE, SERVICE, 0);
	tell(&client, "in tls");
	assert_receives(server, "in tls");
	plain = dial_from(&front);
	say(plain, "in the clear");
	take_session(listening[0]);
	assert_receives(accepted, "in the clear");
	close(accepted);
	close(plain);
	order(PROXY_ORDER_SERVICE_GONE, SERVICE, NULL, 0);
	tell(&client, "still");
	assert_receives(server, "still");
	leave(&client);
	close(server);
}

static void an_error_page_is_found_by_its_status(void **state)
{
	struct settings *s;

	put_blob(PROXY_BLOB_ERROR_PAGE, SERVICE, 503, "<h1>later</h1>", 0);
	put_blob(PROXY_BLOB_ERROR_PAGE, SERVICE, 400, "<h1>what?</h1>", 0);
	s = service_settings(engine, engine->services[SERVICE]);
	assert_true(slice_is(*settings_page(s, 503), "<h1>later</h1>"));
	assert_true(slice_is(*settings_page(s, 400), "<h1>what?</h1>"));
	assert_null(settings_page(s, 502));
	drop_blob(PROXY_BLOB_ERROR_PAGE, SERVICE, 503);
	assert_true(slice_is(*settings_page(s, 503), "<h1>later</h1>"));
	settings_release(s);
	s = service_settings(engine, engine->services[SERVICE]);
	assert_null(settings_page(s, 503));
	settings_release(s);
}

static void rules_stand_in_their_order_whatever_order_they_came_in(void **state)
{
	struct settings *s;

	put_route(2, "c", POOL);
	put_route(0, "a", POOL);
	put_route(1, "b", POOL);
	put_route(1, "B", POOL);
	s = service_settings(engine, engine->services[SERVICE]);
	assert_int_equal(s->rules->count[PROXY_RULE_ROUTE], 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(s->rules->rule[PROXY_RULE_ROUTE][i].value[0], "aBc"[i]);
	assert_int_equal(s->rules->count[PROXY_RULE_REWRITE], 0);
	settings_release(s);
}

static int make_certificates(void **state)
{
	make(&mail, &(struct recipe){.common_name = "mail.example.com",
				     .names = "DNS:mail.example.com",
				     .authority = true});
	make(&other, &(struct recipe){.common_name = "other.example.com",
				      .names = "DNS:other.example.com",
				      .authority = true});
	make(&staff, &(struct recipe){.common_name = "staff", .authority = true});
	return 0;
}

static int unmake_certificates(void **state)
{
	unmake(&mail);
	unmake(&other);
	unmake(&staff);
	return 0;
}

#define PLAIN_TEST(f) cmocka_unit_test_setup_teardown(f, tls_up, tls_down)
#define TLS_TEST(f)   cmocka_unit_test_setup_teardown(f, terminating_up, tls_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(the_real_hears_in_the_clear_what_the_client_says_in_tls),
		TLS_TEST(who_does_not_speak_tls_is_refused_and_never_passed_on),
		TLS_TEST(without_a_certificate_clients_are_refused),
		TLS_TEST(half_a_handshake_ends_after_the_request_timeout),
		TLS_TEST(the_end_of_each_side_is_said_in_its_own_language),
		TLS_TEST(a_megabyte_each_way_at_once_arrives_as_it_was_sent),
		TLS_TEST(a_reader_that_stands_still_stops_its_sender_and_then_gets_all),
		TLS_TEST(a_new_certificate_is_for_new_clients),
		TLS_TEST(a_bad_certificate_leaves_the_old_one_in_force),
		TLS_TEST(a_client_gets_the_certificate_of_the_name_it_asks_for),
		TLS_TEST(clients_must_show_a_certificate_where_a_ca_is_set),
		TLS_TEST(a_session_is_resumed_by_any_process_and_after_keys_have_changed),
		TLS_TEST(routes_go_by_the_name_in_the_handshake),
		PLAIN_TEST(routes_go_by_the_hello_where_tls_does_not_end_here),
		PLAIN_TEST(a_hello_in_single_bytes_is_waited_for),
		PLAIN_TEST(who_says_no_hello_goes_to_the_service_s_own_reals),
		TLS_TEST(a_route_whose_pool_is_gone_is_passed_over),
		TLS_TEST(a_route_without_a_usable_real_refuses_its_clients),
		TLS_TEST(a_real_is_spoken_to_in_tls_by_its_name),
		TLS_TEST(bulk_passes_tls_on_both_sides),
		TLS_TEST(of_many_handshakes_with_clients_one_step_is_taken_a_round),
		PLAIN_TEST(of_many_handshakes_with_reals_one_step_is_taken_a_round),
		TLS_TEST(a_real_that_cannot_prove_who_it_is_is_passed_over),
		TLS_TEST(without_a_ca_nothing_is_verified_and_nobody_connected),
		TLS_TEST(a_real_that_does_not_answer_the_handshake_is_late),
		TLS_TEST(the_proxy_header_stands_before_tls_both_ways),
		TLS_TEST(a_session_keeps_the_settings_it_began_with),
		PLAIN_TEST(an_error_page_is_found_by_its_status),
		PLAIN_TEST(rules_stand_in_their_order_whatever_order_they_came_in),
	};

	return cmocka_run_group_tests_name("proxy tls", tests, make_certificates,
					   unmake_certificates);
}
