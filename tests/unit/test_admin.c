/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket on a real loop, in one thread: line parser, commands, peers, abuse (F14). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/admin.h"
#include "admin/line.h"
#include "admin/peer.h"
#include "base/alloc.h"
#include "base/log.h"
#include "core/prefix.h"
#include "unit/view_sample.h"

/* The daemon's side: writes down what it was told. */
struct stage {
	struct loop *loop;
	struct admin *admin;
	struct admin_ops ops;
	char dir[32], path[64];
	struct buf tape;
	const void *isolated;
	const void *stream; /* NULL: none runs */
	bool settled, asked;
	int answer;
	struct timer guard;
	bool late;
};

static struct view *stage_view(void *arg)
{
	return sample_view();
}

static int stage_order(void *arg, const char *who, const char *pattern, enum admin_order o,
		       struct buf *out)
{
	struct stage *s = arg;

	buf_printf(&s->tape, "%s %s;", admin_order_name(o), pattern);
	if (s->answer)
		buf_puts(out, "no such real\n");
	return s->answer;
}

static int stage_weight(void *arg, const char *who, const char *pattern, int weight,
			struct buf *out)
{
	buf_printf(&((struct stage *)arg)->tape, "weight %s %d;", pattern, weight);
	return 0;
}

static int stage_isolate(void *arg, const char *who, const char *pattern, const void *token,
			 struct buf *out)
{
	struct stage *s = arg;

	s->isolated = token;
	buf_puts(out, "isolated\n");
	return 0;
}

static void stage_isolate_end(void *arg, const void *token)
{
	struct stage *s = arg;

	assert_ptr_equal(s->isolated, token);
	s->isolated = NULL;
	loop_stop(s->loop);
}

static int stage_reload(void *arg, const char *who, struct buf *out)
{
	buf_puts(out, "lbxdp.yaml:1:1: error: bad\n");
	return -EINVAL;
}

static int stage_reload_files(void *arg, const char *who, struct buf *out)
{
	struct stage *s = arg;

	buf_puts(&s->tape, "files;");
	buf_puts(out, "/a.pem: unchanged\n");
	return s->answer;
}

static int stage_join(void *arg, const char *who, const char *const *interfaces, size_t count,
		      const char *file, struct buf *out)
{
	struct stage *s = arg;

	buf_printf(&s->tape, "join <%s>", file);
	for (size_t i = 0; i < count; i++)
		buf_printf(&s->tape, " %s", interfaces[i]);
	buf_puts(&s->tape, ";");
	return s->answer;
}

static int stage_down(void *arg, const char *who, const char *const *interfaces, size_t count,
		      bool *stop, struct buf *out)
{
	*stop = count == 0;
	return 0;
}

static bool stage_settled(void *arg)
{
	return ((struct stage *)arg)->settled;
}

static int stage_trace(void *arg, const struct trace_request *t, const void *token, struct buf *out)
{
	struct stage *s = arg;
	char client[PREFIX_TEXT_LEN];

	buf_printf(&s->tape, "trace %s %s %llx %u %llu%s;", t->service,
		   prefix_format(&t->client, client), (unsigned long long)t->verdicts, t->rate,
		   (unsigned long long)t->count, t->json ? " json" : "");
	s->stream = s->answer ? NULL : token;
	return s->answer;
}

static int stage_flows(void *arg, const struct flows_request *f, const void *token, struct buf *out)
{
	struct stage *s = arg;
	char client[PREFIX_TEXT_LEN];

	buf_printf(&s->tape, "flows %d %s/%s %s %d %llu;", f->form, f->service, f->real,
		   prefix_format(&f->client, client), f->state, (unsigned long long)f->limit);
	s->stream = s->answer ? NULL : token;
	return s->answer;
}

static void say(struct stage *s, const char *text)
{
	struct buf b = {};

	buf_puts(&b, text);
	admin_stream_add(s->admin, s->stream, &b);
	buf_free(&b);
}

static void stage_stop(void *arg, const void *token, bool gone)
{
	struct stage *s = arg;

	assert_ptr_equal(s->stream, token);
	if (!gone) {
		say(s, "that was all\n");
		admin_stream_end(s->admin, token);
	}
	s->stream = NULL;
	buf_puts(&s->tape, gone ? "gone;" : "stopped;");
	if (gone)
		loop_stop(s->loop);
}

static void stage_warnings(void *arg, struct buf *out)
{
	buf_puts(out, "eth0: generic mode\n");
}

static int stage_ask(void *arg, bool all)
{
	struct stage *s = arg;

	buf_puts(&s->tape, all ? "ask;" : "ask arp;");
	return s->answer;
}

static bool stage_asked(void *arg)
{
	return ((struct stage *)arg)->asked;
}

static void stage_doctor(void *arg, bool arp, struct buf *out)
{
	buf_puts(out, arp ? "who else\n" : "all\n");
}

static const char *stage_config(void *arg)
{
	return "/etc/my lbxdp.yaml";
}

static int set_up(void **state)
{
	struct stage *s = xcalloc(1, sizeof(*s));

	s->ops = (struct admin_ops){.view = stage_view,
				    .view_sessions = stage_view,
				    .order = stage_order,
				    .weight = stage_weight,
				    .isolate = stage_isolate,
				    .isolate_end = stage_isolate_end,
				    .reload = stage_reload,
				    .reload_files = stage_reload_files,
				    .join = stage_join,
				    .down = stage_down,
				    .settled = stage_settled,
				    .trace = stage_trace,
				    .flows = stage_flows,
				    .stream_stop = stage_stop,
				    .warnings = stage_warnings,
				    .ask = stage_ask,
				    .asked = stage_asked,
				    .doctor = stage_doctor,
				    .config = stage_config,
				    .arg = s};
	strcpy(s->dir, "/tmp/lbxdp-admin-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/control.sock", s->dir);
	s->loop = loop_new();
	s->settled = s->asked = true;
	assert_int_equal(admin_open(&s->admin, s->loop, s->path, (gid_t)-1, &s->ops), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	admin_close(s->admin, true);
	loop_free(s->loop);
	assert_int_not_equal(access(s->path, F_OK), 0);
	rmdir(s->dir);
	buf_free(&s->tape);
	free(s);
	return 0;
}

/* A client on the same loop. */
struct client {
	struct stage *stage;
	struct watch watch;
	struct buf reply;
	bool ended;
};

static void client_ready(struct watch *w, unsigned int events)
{
	struct client *c = container_of(w, struct client, watch);
	char part[4096];
	ssize_t got = recv(w->fd, part, sizeof(part), MSG_DONTWAIT);

	if (got > 0)
		buf_append(&c->reply, part, got);
	else
		c->ended = true;
	loop_stop(c->stage->loop);
}

static void guard_fired(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, guard);

	s->late = true;
	loop_stop(s->loop);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One round trip of the loop that something is sure to end. */
static void run(struct stage *s)
{
	s->guard.fn = guard_fired;
	timer_start(s->loop, &s->guard, 5000);
	assert_int_equal(loop_run(s->loop), 0);
	timer_stop(&s->guard);
	assert_false(s->late);
}

static void client_open(struct client *c, struct stage *s)
{
	*c = (struct client){.stage = s, .watch.fn = client_ready};
	c->watch.fd = connect_to(s->path);
	assert_true(c->watch.fd >= 0);
	assert_int_equal(loop_watch(s->loop, &c->watch, c->watch.fd, LOOP_READ), 0);
}

static void client_close(struct client *c)
{
	loop_unwatch(&c->watch);
	close(c->watch.fd);
	buf_free(&c->reply);
}

static void client_say(struct client *c, const void *bytes, size_t len)
{
	assert_int_equal(send(c->watch.fd, bytes, len, MSG_NOSIGNAL), len);
}

/* Says the line and waits for the end of the reply. */
static void ask(struct stage *s, const char *line, struct client *c)
{
	client_open(c, s);
	client_say(c, line, strlen(line));
	while (!c->ended)
		run(s);
}

static void expect(struct stage *s, const char *line, const char *reply)
{
	struct client c;

	ask(s, line, &c);
	assert_string_equal(buf_text(&c.reply), reply);
	client_close(&c);
}

static void expect_code(struct stage *s, const char *line, char code)
{
	struct client c;

	ask(s, line, &c);
	assert_true(c.reply.len > 2);
	assert_int_equal(c.reply.at[0], code);
	assert_int_equal(c.reply.at[1], '\n');
	client_close(&c);
}

static void a_request_gets_its_code_its_text_and_the_end(void **state)
{
	expect(*state, "ping\n", "0\npong\n");
	expect(*state, "  ping  \r\n", "0\npong\n");
	expect(*state, "warnings\n", "0\neth0: generic mode\n");
}

static void unknown_commands_and_wrong_arguments_are_usage_errors(void **state)
{
	static const char *const lines[] = {
		"pong\n",
		"\n",
		"ping now\n",
		"report\n",
		"report l9\n",
		"drain\n",
		"drain CAS1\n",
		"halt a/b/c\n",
		"weight a/b\n",
		"weight a/b 65536\n",
		"weight a/b -1\n",
		"weight a/b 1x\n",
		"isolate /x\n",
		"status xml\n",
		"drain \"a/b\n",
		"reload now\n",
		"reload certificates now\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		expect_code(*state, lines[i], '2');
}

static void orders_reach_the_daemon_as_they_were_given(void **state)
{
	struct stage *s = *state;

	expect(s, "drain CAS-HTTPS/CAS1\n", "0\n");
	expect(s, "halt */CAS1\n", "0\n");
	expect(s, "online \"my service/CAS 1\"\n", "0\n");
	expect(s, "weight a/b 0\n", "0\n");
	expect(s, "weight a/b default\n", "0\n");
	assert_string_equal(buf_text(&s->tape),
			    "drain CAS-HTTPS/CAS1;halt */CAS1;online my service/CAS 1;"
			    "weight a/b 0;weight a/b -1;");
}

static void a_failed_order_says_why_with_exit_code_1(void **state)
{
	struct stage *s = *state;

	s->answer = -ENOENT;
	expect(s, "drain a/b\n", "1\nno such real\n");
	expect(s, "reload\n", "1\nlbxdp.yaml:1:1: error: bad\n"); /* F26 */
}

static void files_alone_can_be_read_again(void **state)
{
	struct stage *s = *state;

	expect(s, "reload certificates\n", "0\n/a.pem: unchanged\n");
	s->answer = -EINVAL;
	expect(s, "reload certificates\n", "1\n/a.pem: unchanged\n");
	assert_string_equal(buf_text(&s->tape), "files;files;");
}

static void joining_with_another_file_is_exit_code_2(void **state)
{
	struct stage *s = *state;

	expect(s, "join \"/etc/my lbxdp.yaml\" eth0 eth1\n", "0\n");
	assert_string_equal(buf_text(&s->tape), "join </etc/my lbxdp.yaml> eth0 eth1;");
	s->answer = -EINVAL;
	expect_code(s, "up /etc/other.yaml\n", '2');
}

static void every_page_can_be_read(void **state)
{
	static const char *const lines[] = {
		"status\n",
		"status json\n",
		"status text colour\n",
		"report l4\n",
		"report l4 csv\n",
		"report l7\n",
		"report l7 csv up\n",
		"report checks json\n",
		"metrics\n",
		"metrics open\n",
		"names\n",
		"help\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		expect_code(*state, lines[i], '0');
	expect(*state, "names\n",
	       "0\nCAS-HTTPS/CAS1\nCAS-HTTPS/CAS2\nCAS-HTTPS/backup\nCAS, \"IMAP4\"/CAS1\n");
}

static void a_line_that_is_too_long_is_an_error_not_a_crash(void **state)
{
	char line[6000];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	expect(*state, line, "2\nthe request line is longer than 4096 bytes\n");
	expect(*state, "ping\n", "0\npong\n");
}

static void a_line_with_a_nul_or_a_control_character_is_refused(void **state)
{
	static const char nul[] = "ping\0 x\n";
	struct client c;

	client_open(&c, *state);
	client_say(&c, nul, sizeof(nul) - 1);
	while (!c.ended)
		run(*state);
	assert_int_equal(buf_text(&c.reply)[0], '2');
	client_close(&c);
	expect_code(*state, "drain \033[31m/x\n", '2');
}

static void a_request_may_come_byte_by_byte(void **state)
{
	struct client c;

	client_open(&c, *state);
	for (const char *at = "ping\n"; *at; at++)
		client_say(&c, at, 1);
	while (!c.ended)
		run(*state);
	assert_string_equal(buf_text(&c.reply), "0\npong\n");
	client_close(&c);
}

/* Opens so many silent connections, asks, and closes them. */
static void ask_among_idle(struct stage *s, int count)
{
	int fds[400];

	for (int i = 0; i < count; i++) {
		fds[i] = connect_to(s->path);
		assert_true(fds[i] >= 0);
		if (i % 64 == 63)
			expect(s, "ping\n", "0\npong\n");
	}
	expect(s, "ping\n", "0\npong\n");
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

static void two_hundred_idle_connections_do_not_block_an_order(void **state) /* F14 */
{
	ask_among_idle(*state, 200);
}

static void when_all_places_are_taken_the_oldest_idle_one_makes_room(void **state) /* F14 */
{
	ask_among_idle(*state, 400);
}

static void asking_is_answered_when_the_round_is_over(void **state)
{
	struct stage *s = *state;
	struct client c;

	expect(s, "ask\n", "0\n");
	expect(s, "ask arp\n", "0\n");
	assert_non_null(strstr(buf_text(&s->tape), "ask;ask arp;"));
	expect_code(s, "ask exchange\n", '2');
	s->asked = false;
	client_open(&c, s);
	client_say(&c, "ask\n", 4);
	expect(s, "ping\n", "0\npong\n"); /* a round in which the other was read, too */
	admin_wake(s->admin);
	expect(s, "ping\n", "0\npong\n");
	assert_int_equal(c.reply.len, 0);
	s->asked = true;
	admin_wake(s->admin);
	while (!c.ended)
		run(s);
	assert_string_equal(buf_text(&c.reply), "0\n");
	client_close(&c);
	s->answer = -EPERM;
	expect(s, "ask\n", "1\nOperation not permitted\n");
}

static void the_doctor_reports_all_or_only_who_else_has_the_vips(void **state)
{
	expect(*state, "doctor\n", "0\nall\n");
	expect(*state, "doctor arp\n", "0\nwho else\n");
	expect_code(*state, "doctor exchange\n", '2');
	expect(*state, "config\n", "0\n/etc/my lbxdp.yaml\n");
}

static void waiting_is_answered_when_the_daemon_has_settled(void **state)
{
	struct stage *s = *state;
	struct client waits;

	s->settled = false;
	client_open(&waits, s);
	client_say(&waits, "up \"\" eth0\n", 11);
	expect(s, "ping\n", "0\npong\n"); /* a round in which the other was read, too */
	assert_int_equal(waits.reply.len, 0);
	admin_wake(s->admin);
	expect(s, "ping\n", "0\npong\n");
	assert_int_equal(waits.reply.len, 0);
	s->settled = true;
	admin_wake(s->admin);
	while (!waits.ended)
		run(s);
	assert_string_equal(buf_text(&waits.reply), "0\n");
	client_close(&waits);
}

/* A client whose stream has begun. */
static void client_follow(struct client *c, struct stage *s, const char *line)
{
	client_open(c, s);
	client_say(c, line, strlen(line));
	while (c->reply.len < 2)
		run(s);
	assert_string_equal(buf_text(&c->reply), "0\n");
	assert_non_null(s->stream);
}

static void what_is_to_be_traced_reaches_the_daemon(void **state)
{
	char two[64];
	const struct {
		const char *line, *taken;
	} rows[] = {
		{"trace text 100 0\n",                            "trace  ::/0 ffffffffffffffff 100 0;"    },
		{"trace json 1 5 owa 10.0.0.0/8 acl,FORWARDED\n", two                                      },
		{"trace text 5000 0 \"\" fd00::1\n",              "trace  fd00::1 ffffffffffffffff 5000 0;"},
		{"flows text 0\n",                                "flows 0 / ::/0 -1 0;"                   },
		{"flows json 7 owa/CAS1 10.1.2.3/16 closing\n",
		 "flows 2 owa/CAS1 10.1.0.0/16 3 7;"						       },
		{"flows csv 0 owa \"\" half-open\n",              "flows 1 owa/ ::/0 0 0;"                 },
	};
	struct stage *s = *state;

	snprintf(two, sizeof(two), "trace owa 10.0.0.0/8 %llx 1 5 json;",
		 1ULL << LB_ACL | 1ULL << LB_FORWARDED);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct client c;

		buf_clear(&s->tape);
		client_follow(&c, s, rows[i].line);
		assert_non_null(strstr(buf_text(&s->tape), rows[i].taken));
		client_close(&c);
		while (s->stream)
			run(s);
	}
}

static void what_cannot_be_traced_or_listed_is_a_usage_error(void **state)
{
	static const char *const lines[] = {
		"trace\n",
		"trace text\n",
		"trace xml 1 0\n",
		"trace text 0 0\n",
		"trace text 5001 0\n",
		"trace text -1 0\n",
		"trace text 1 x\n",
		"trace text 1 0 owa 10.0.0.0/33\n",
		"trace text 1 0 owa fd00::/129\n",
		"trace text 1 0 owa 10.0.0.0/9223372036854775807\n",
		"trace text 1 0 owa 10.0.0.0/\n",
		"trace text 1 0 owa ten\n",
		"trace text 1 0 owa \"\" ACL,\"\"x\n",
		"trace text 1 0 owa \"\" DROP\n",
		"flows html 0\n",
		"flows text -1\n",
		"flows text 0 owa 1.2.3\n",
		"flows text 0 owa \"\" open\n",
	};
	struct stage *s = *state;

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		expect_code(s, lines[i], '2');
	assert_int_equal(s->tape.len, 0);
	s->answer = -EBUSY;
	expect(s, "trace text 1 0\n", "1\nDevice or resource busy\n");
}

static void a_stream_goes_on_until_its_client_stops_it(void **state)
{
	struct stage *s = *state;
	struct client c;

	client_follow(&c, s, "trace text 100 0\n");
	say(s, "one\n");
	while (c.reply.len < 6)
		run(s);
	say(s, "two\n");
	assert_int_equal(admin_stream_pending(s->admin, s->stream), 4);
	assert_int_equal(shutdown(c.watch.fd, SHUT_WR), 0);
	while (!c.ended)
		run(s);
	assert_string_equal(buf_text(&c.reply), "0\none\ntwo\nthat was all\n");
	assert_null(s->stream);
	client_close(&c);
	expect(s, "ping\n", "0\npong\n");
}

static void a_stream_that_the_daemon_ends_is_sent_to_its_last_byte(void **state)
{
	struct stage *s = *state;
	struct client c;
	struct buf lot = {};

	for (int i = 0; i < 100000; i++)
		buf_puts(&lot, "a line of a long list\n");
	client_follow(&c, s, "flows text 0\n");
	admin_stream_add(s->admin, s->stream, &lot);
	admin_stream_end(s->admin, s->stream);
	admin_stream_end(s->admin, s->stream); /* named no more: nothing happens */
	while (!c.ended)
		run(s);
	assert_int_equal(c.reply.len, lot.len + 2);
	buf_free(&lot);
	client_close(&c);
}

static void a_sealed_stream_says_at_its_end_how_it_went(void **state)
{
	static const char wanted[] = "0\none\n\0001\nthe table is gone\n";
	struct stage *s = *state;
	struct client c;

	client_follow(&c, s, "flows text 0\n");
	say(s, "one\n");
	admin_stream_seal(s->admin, s->stream, 1, "the table is gone\n");
	while (!c.ended)
		run(s);
	assert_int_equal(c.reply.len, sizeof(wanted) - 1);
	assert_memory_equal(c.reply.at, wanted, sizeof(wanted) - 1);
	client_close(&c);
}

/* As `printf ... | nc -N` does. */
static void a_list_is_whole_though_its_client_has_closed_its_half(void **state)
{
	struct stage *s = *state;
	struct client c;

	client_open(&c, s);
	client_say(&c, "flows text 0\n", 13);
	assert_int_equal(shutdown(c.watch.fd, SHUT_WR), 0);
	while (c.reply.len < 2)
		run(s);
	say(s, "one\n");
	while (c.reply.len < 6)
		run(s);
	assert_non_null(s->stream);
	admin_stream_end(s->admin, s->stream);
	while (!c.ended)
		run(s);
	assert_string_equal(buf_text(&c.reply), "0\none\n");
	client_close(&c);
}

static void the_daemon_hears_of_a_client_that_went(void **state)
{
	static const char *const lines[] = {"trace text 100 0\n", "flows text 0\n"};
	struct stage *s = *state;

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		struct client c;

		buf_clear(&s->tape);
		client_follow(&c, s, lines[i]);
		client_close(&c);
		while (s->stream)
			run(s);
		assert_non_null(strstr(buf_text(&s->tape), ";gone;"));
	}
}

static void an_isolation_ends_when_its_client_goes(void **state) /* R62 */
{
	struct stage *s = *state;
	struct client c;

	client_open(&c, s);
	client_say(&c, "isolate a/b\n", 12);
	while (c.reply.len < 11)
		run(s);
	assert_string_equal(buf_text(&c.reply), "0\nisolated\n");
	assert_non_null(s->isolated);
	expect(s, "ping\n", "0\npong\n");
	assert_non_null(s->isolated);
	client_close(&c);
	run(s);
	assert_null(s->isolated);
}

static void down_is_answered_before_the_daemon_ends(void **state)
{
	struct stage *s = *state;
	struct client c;

	client_open(&c, s);
	client_say(&c, "down\n", 5);
	run(s); /* the command stops the loop */
	assert_int_equal(recv(c.watch.fd, (char[8]){}, 8, MSG_DONTWAIT), 2);
	assert_int_equal(recv(c.watch.fd, (char[8]){}, 8, MSG_DONTWAIT), -1); /* still open */
	client_close(&c);
}

static void a_live_socket_is_not_taken_over(void **state)
{
	struct stage *s = *state;
	struct admin *second;

	assert_int_equal(admin_open(&second, s->loop, s->path, (gid_t)-1, &s->ops), -EADDRINUSE);
	expect(s, "ping\n", "0\npong\n");
}

static void a_stale_socket_is_replaced_and_a_plain_file_is_not(void **state)
{
	struct stage *s = *state;
	struct stat st;
	int fd;

	admin_close(s->admin, false);
	assert_int_equal(access(s->path, F_OK), 0);
	assert_int_equal(admin_open(&s->admin, s->loop, s->path, (gid_t)-1, &s->ops), 0);
	expect(s, "ping\n", "0\npong\n");
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	admin_close(s->admin, true);
	fd = open(s->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(admin_open(&s->admin, s->loop, s->path, (gid_t)-1, &s->ops), -EEXIST);
	assert_int_equal(unlink(s->path), 0);
	assert_int_equal(admin_open(&s->admin, s->loop, s->path, (gid_t)-1, &s->ops), 0);
}

static void only_root_the_daemon_and_its_group_may_order(void **state)
{
	static const struct {
		struct peer peer;
		gid_t group;
		bool may;
	} rows[] = {
		{{.uid = 0, .gid = 0},					    (gid_t)-1, true },
		{{.uid = 500, .gid = 500},                                        (gid_t)-1, true }, /* the daemon's own */
		{{.uid = 1000, .gid = 1000},                                      70,        false},
		{{.uid = 1000, .gid = 70},                                        70,        true },
		{{.uid = 1000, .gid = 1000, .groups = {4, 70}, .group_count = 2}, 70,        true },
		{{.uid = 1000, .gid = 1000, .groups = {4, 70}, .group_count = 1}, 70,        false},
		{{.uid = 1000, .gid = (gid_t)-1},                                 (gid_t)-1, false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(peer_may_order(&rows[i].peer, 500, rows[i].group), rows[i].may);
}

/* In a child without any right: what does the socket answer? Exit code 0: as it should. */
static int ask_as_nobody(const char *path)
{
	static const char order[] = "drain a/b\n";
	char reply[256] = "";
	int fd;

	if (setgid(65534) || setuid(65534))
		return 2;
	fd = connect_to(path);
	if (fd < 0 || send(fd, order, strlen(order), MSG_NOSIGNAL) < 0)
		return 3;
	if (recv(fd, reply, sizeof(reply) - 1, MSG_WAITALL) <= 0)
		return 4;
	return strncmp(reply, "1\npermission denied", 19) ? 5 : 0;
}

static void child_ended(struct watch *w, unsigned int events)
{
	loop_stop(w->loop);
}

static void a_stranger_may_not_order(void **state) /* F14 */
{
	struct stage *s = *state;
	struct watch w = {.fn = child_ended};
	int status, pidfd;
	pid_t child;

	if (geteuid())
		skip();
	/* Even when the mode of the socket would let them in. */
	assert_int_equal(chmod(s->path, 0666), 0);
	assert_int_equal(chmod(s->dir, 0755), 0);
	child = fork();
	if (child == 0)
		_exit(ask_as_nobody(s->path));
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(loop_watch(s->loop, &w, pidfd, LOOP_READ), 0);
	run(s);
	loop_unwatch(&w);
	close(pidfd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(s->tape.len, 0);
}

static void words_survive_quoting(void **state)
{
	static const char *const words[] = {"plain", "",     "two words", "a\"b",    "back\\slash",
					    "\"",    "\\\\", " ",         "*/CAS 1", "\xc3\xa4"};
	struct buf line = {};
	struct line_words w;

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		assert_int_equal(line_add(&line, words[i]), 0);
	assert_int_equal(line_split(line.at, &w), 0);
	assert_int_equal(w.count, ARRAY_COUNT(words));
	for (size_t i = 0; i < w.count; i++)
		assert_string_equal(w.word[i], words[i]);
	assert_int_equal(line_add(&line, "new\nline"), -EINVAL);
	buf_free(&line);
}

static void a_line_of_too_many_words_is_refused(void **state)
{
	char line[LINE_MAX_BYTES + 1];
	struct line_words w;

	for (size_t i = 0; i < LINE_MAX_BYTES; i++)
		line[i] = i % 2 ? ' ' : 'x';
	line[LINE_MAX_BYTES] = '\0';
	assert_int_equal(line_split(line, &w), -E2BIG);
}

int main(void)
{
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ON_STAGE(a_request_gets_its_code_its_text_and_the_end),
		ON_STAGE(unknown_commands_and_wrong_arguments_are_usage_errors),
		ON_STAGE(orders_reach_the_daemon_as_they_were_given),
		ON_STAGE(a_failed_order_says_why_with_exit_code_1),
		ON_STAGE(files_alone_can_be_read_again),
		ON_STAGE(joining_with_another_file_is_exit_code_2),
		ON_STAGE(every_page_can_be_read),
		ON_STAGE(a_line_that_is_too_long_is_an_error_not_a_crash),
		ON_STAGE(a_line_with_a_nul_or_a_control_character_is_refused),
		ON_STAGE(a_request_may_come_byte_by_byte),
		ON_STAGE(two_hundred_idle_connections_do_not_block_an_order),
		ON_STAGE(when_all_places_are_taken_the_oldest_idle_one_makes_room),
		ON_STAGE(asking_is_answered_when_the_round_is_over),
		ON_STAGE(the_doctor_reports_all_or_only_who_else_has_the_vips),
		ON_STAGE(waiting_is_answered_when_the_daemon_has_settled),
		ON_STAGE(what_is_to_be_traced_reaches_the_daemon),
		ON_STAGE(what_cannot_be_traced_or_listed_is_a_usage_error),
		ON_STAGE(a_stream_goes_on_until_its_client_stops_it),
		ON_STAGE(a_stream_that_the_daemon_ends_is_sent_to_its_last_byte),
		ON_STAGE(a_sealed_stream_says_at_its_end_how_it_went),
		ON_STAGE(a_list_is_whole_though_its_client_has_closed_its_half),
		ON_STAGE(the_daemon_hears_of_a_client_that_went),
		ON_STAGE(an_isolation_ends_when_its_client_goes),
		ON_STAGE(down_is_answered_before_the_daemon_ends),
		ON_STAGE(a_live_socket_is_not_taken_over),
		ON_STAGE(a_stale_socket_is_replaced_and_a_plain_file_is_not),
		cmocka_unit_test(only_root_the_daemon_and_its_group_may_order),
		ON_STAGE(a_stranger_may_not_order),
		cmocka_unit_test(words_survive_quoting),
		cmocka_unit_test(a_line_of_too_many_words_is_refused),
	};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_open("test", LOG_STYLE_PLAIN, null); /* audit lines are not what is tested here */
	return cmocka_run_group_tests_name("admin", tests, NULL, NULL);
}
