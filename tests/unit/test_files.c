/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that lbxdp.yaml names: judged at their place when it is read, followed afterwards. */
#include "daemon/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/config.h"
#include "tls_lab.h"

static char dir[64];

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* Whole at once, as certificate tools write: under another name, then renamed. */
static void write_file(const char *name, const char *text)
{
	char part[160];
	FILE *f;

	snprintf(part, sizeof(part), "%s/part", dir);
	f = fopen(part, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(part, path_of(name)), 0);
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/lbxdp-files-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"a.pem", "b.pem", "503.html", "ca.pem"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		(void)unlink(path_of(names[i])); /* not every test makes all */
	return rmdir(dir);
}

/* One service with both certificates, an authority for clients, and a page. */
static struct model *model_here(void)
{
	struct buf text = {0}, messages = {0};
	struct config_input in = {.file = "f", .host_name = "lb1"};
	struct model *m;

	buf_printf(&text,
		   "node: {interfaces: [eth0]}\nservices:\n  S:\n    mode: l7-http\n"
		   "    vip: 192.168.30.10\n    ports: 443\n    reals: {A: {ip: 10.0.0.1}}\n"
		   "    tls:\n      certificates: [%s/a.pem,\n        %s/b.pem]\n"
		   "      client_ca: %s/ca.pem\n    error_pages: {503: %s/503.html}\n",
		   dir, dir, dir, dir);
	in.text = buf_text(&text);
	in.len = text.len;
	m = config_read(&in, &messages);
	assert_string_equal(buf_text(&messages), "");
	buf_free(&text);
	buf_free(&messages);
	return m;
}

static void write_all(const char *a, const char *b)
{
	write_file("a.pem", a);
	write_file("b.pem", b);
	write_file("ca.pem", b);
	write_file("503.html", "sorry");
}

static void what_is_wrong_with_a_file_is_said_at_its_place(void **state)
{
	struct model *m = model_here();
	struct buf said = {0}, want = {0};
	struct made old, good;

	make(&old, &(struct recipe){.common_name = "old", .from = -7200, .until = -3600});
	make(&good, &(struct recipe){.common_name = "good"});
	write_all(good.pem, old.pem);
	assert_true(files_judge(m, false, &said));
	assert_non_null(strstr(buf_text(&said), "f:10:9: warning: services.S.tls: "));
	assert_non_null(strstr(buf_text(&said), "/b.pem: expired on "));
	assert_null(strstr(buf_text(&said), "a.pem"));
	write_file("a.pem", "no certificate");
	assert_int_equal(unlink(path_of("503.html")), 0);
	buf_clear(&said);
	assert_false(files_judge(m, false, &said));
	buf_printf(&want, "f:9:22: error: services.S.tls: %s/a.pem: ", dir);
	assert_non_null(strstr(buf_text(&said), buf_text(&want)));
	buf_clear(&want);
	buf_printf(&want,
		   "f:12:24: error: services.S.error_pages: %s/503.html: No such file or "
		   "directory\n",
		   dir);
	assert_non_null(strstr(buf_text(&said), buf_text(&want)));
	buf_free(&want);
	buf_free(&said);
	unmake(&old);
	unmake(&good);
	model_free(m);
}

static void a_pipe_is_not_waited_for(void **state)
{
	struct model *m = model_here();
	struct buf said = {0};
	struct made good;

	make(&good, &(struct recipe){.common_name = "good"});
	write_all(good.pem, good.pem);
	assert_int_equal(unlink(path_of("a.pem")), 0);
	assert_int_equal(mkfifo(path_of("a.pem"), 0600), 0);
	assert_false(files_judge(m, true, &said));
	assert_non_null(strstr(buf_text(&said), "/a.pem: not a regular file\n"));
	buf_free(&said);
	unmake(&good);
	model_free(m);
}

static uint64_t version_of(const struct files *f, const char *name)
{
	size_t count;
	const struct file_fact *facts = files_facts(f, &count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(facts[i].path, path_of(name)))
			return facts[i].version;
	fail_msg("%s is not followed", name);
	return 0;
}

static void a_new_content_is_a_new_version_once_it_is_whole(void **state)
{
	struct model *m = model_here();
	struct files *f = files_new();
	struct made one, two;
	uint64_t before;
	size_t count;

	make(&one, &(struct recipe){.common_name = "one"});
	make(&two, &(struct recipe){.common_name = "two"});
	write_all(one.pem, one.pem);
	files_follow(f, m);
	assert_int_equal((files_facts(f, &count), count), 4);
	assert_false(files_look(f));
	before = version_of(f, "a.pem");
	write_file("a.pem", "half a certific");
	assert_false(files_look(f)); /* what was there stays in use */
	assert_int_equal(unlink(path_of("503.html")), 0);
	assert_false(files_look(f));
	assert_true(version_of(f, "a.pem") == before);
	write_file("a.pem", two.pem);
	assert_true(files_look(f));
	assert_false(version_of(f, "a.pem") == before);
	assert_false(files_look(f));
	write_file("a.pem", two.pem); /* the same again is no change */
	assert_false(files_look(f));
	write_file("503.html", "very sorry");
	assert_true(files_look(f));
	files_free(f);
	unmake(&one);
	unmake(&two);
	model_free(m);
}

/* What files_read_again says, which is to be freed. */
static char *said_of(struct files *f, size_t refused)
{
	struct buf out = {0};

	assert_int_equal(files_read_again(f, &out), refused);
	return out.at;
}

static bool says(const char *said, const char *name, const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "%s: %s", path_of(name), what);
	return strstr(said, line);
}

static void what_became_of_each_file_is_said_on_command(void **state)
{
	struct model *m = model_here();
	struct files *f = files_new();
	struct made one, two, old;
	uint64_t before;
	char *said;

	make(&one, &(struct recipe){.common_name = "one"});
	make(&two, &(struct recipe){.common_name = "two"});
	make(&old, &(struct recipe){.common_name = "old", .from = -7200, .until = -3600});
	write_all(one.pem, one.pem);
	files_follow(f, m);
	before = version_of(f, "b.pem");
	write_file("a.pem", two.pem);
	write_file("b.pem", "half a certific");
	write_file("ca.pem", one.pem); /* the same again */
	assert_int_equal(unlink(path_of("503.html")), 0);
	said = said_of(f, 2);
	assert_true(says(said, "503.html", "not used: No such file or directory\n"));
	assert_true(says(said, "b.pem", "not used: "));
	assert_true(says(said, "a.pem", "changed\n"));
	assert_true(says(said, "ca.pem", "unchanged\n"));
	assert_true(strstr(said, "changed\n") > strstr(said, "/b.pem: not used: "));
	free(said);
	assert_true(version_of(f, "b.pem") == before);
	assert_false(files_look(f)); /* all of that is known */
	write_file("b.pem", old.pem);
	write_file("503.html", "sorry");
	said = said_of(f, 0);
	assert_true(says(said, "b.pem", "changed: expired on "));
	assert_true(says(said, "503.html", "unchanged\n"));
	free(said);
	files_free(f);
	unmake(&one);
	unmake(&two);
	unmake(&old);
	model_free(m);
}

/* Within its size, its times and its place: only who reads it sees it. */
static void a_change_that_no_mark_shows_is_found_on_command(void **state)
{
	struct model *m = model_here();
	struct files *f = files_new();
	struct timespec times[2];
	struct stat st;
	struct made one;
	char *said;
	int fd;

	make(&one, &(struct recipe){.common_name = "one"});
	write_all(one.pem, one.pem);
	files_follow(f, m);
	assert_int_equal(stat(path_of("503.html"), &st), 0);
	fd = open(path_of("503.html"), O_WRONLY);
	assert_int_equal(write(fd, "S", 1), 1);
	times[0] = times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	assert_false(files_look(f));
	said = said_of(f, 0);
	assert_true(says(said, "503.html", "changed\n"));
	free(said);
	files_free(f);
	unmake(&one);
	model_free(m);
}

static void nothing_is_followed_where_nothing_is_named(void **state)
{
	size_t count = 1;

	assert_null(files_facts(NULL, &count));
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_wrong_with_a_file_is_said_at_its_place,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_pipe_is_not_waited_for, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_new_content_is_a_new_version_once_it_is_whole,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_became_of_each_file_is_said_on_command,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_change_that_no_mark_shows_is_found_on_command,
						make_dir, remove_dir),
		cmocka_unit_test(nothing_is_followed_where_nothing_is_named),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
