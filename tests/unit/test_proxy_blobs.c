/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that main reads for the proxy processes, and the keys of session tickets. */
#include "unit/tls_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "proxy/blobs.h"
#include "proxy/tickets.h"

static const struct proxy_blob_key identity = {.id = 5, .kind = PROXY_BLOB_CERTIFICATE};
static const struct proxy_blob_key page = {.id = 5, .kind = PROXY_BLOB_ERROR_PAGE, .index = 503};

static struct made mail, other;
static char directory[] = "/tmp/lbxdp-blobs-XXXXXX", path[64];
static struct blobs *blobs;
static int log_file;

static void write_file(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static const char *content(const struct proxy_blob_key *key)
{
	static char text[PEM_ROOM];
	ssize_t n = pread(blobs_fd(blobs, key), text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const char *logged(void)
{
	static char text[4096];
	ssize_t n = pread(log_file, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static size_t lines_logged(void)
{
	size_t lines = 0;

	for (const char *at = logged(); (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

static int open_blobs(void **state)
{
	blobs = blobs_new();
	log_file = memfd_create("log", MFD_CLOEXEC);
	log_open("main", LOG_STYLE_PLAIN, log_file);
	unlink(path);
	return 0;
}

static int close_blobs(void **state)
{
	log_open("main", LOG_STYLE_PLAIN, STDERR_FILENO);
	close(log_file);
	blobs_free(blobs);
	return 0;
}

static void a_file_is_held_in_memory_that_nobody_can_change(void **state)
{
	int fd;

	write_file(mail.pem, strlen(mail.pem));
	assert_int_equal(blobs_put(blobs, &identity, path), 0);
	unlink(path);
	assert_string_equal(content(&identity), mail.pem);
	fd = blobs_fd(blobs, &identity);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	blobs_drop(blobs, &identity);
	assert_int_equal(blobs_fd(blobs, &identity), -1);
	assert_int_equal(lines_logged(), 0);
}

static void what_is_half_written_changes_nothing_and_is_said_once(void **state)
{
	write_file(mail.pem, strlen(mail.pem));
	assert_int_equal(blobs_put(blobs, &identity, path), 0);
	write_file(other.pem, strlen(other.pem) / 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(blobs_put(blobs, &identity, path), -EINVAL);
	assert_string_equal(content(&identity), mail.pem);
	assert_int_equal(lines_logged(), 1);
	assert_non_null(strstr(logged(), path));
	assert_null(strstr(logged(), "PRIVATE"));
	write_file(other.pem, strlen(other.pem));
	assert_int_equal(blobs_put(blobs, &identity, path), 0);
	assert_string_equal(content(&identity), other.pem);
	assert_int_equal(lines_logged(), 1);
}

static void a_file_that_is_not_there_is_named_with_the_cause(void **state)
{
	assert_int_equal(blobs_put(blobs, &identity, path), -ENOENT);
	assert_int_equal(blobs_fd(blobs, &identity), -1);
	assert_non_null(strstr(logged(), "No such file or directory; trying again"));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(blobs_put(blobs, &identity, path), -EISDIR);
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(blobs_put(blobs, &identity, path), -EINVAL); /* and nobody waits */
	assert_int_equal(lines_logged(), 3);
}

static void a_file_that_is_too_big_is_refused(void **state)
{
	write_file("", 0);
	assert_int_equal(truncate(path, PROXY_BLOB_MAX + 1), 0);
	assert_int_equal(blobs_put(blobs, &page, path), -EFBIG);
	assert_int_equal(truncate(path, PROXY_BLOB_MAX), 0);
	assert_int_equal(blobs_put(blobs, &page, path), 0);
}

static void an_error_page_may_be_anything(void **state)
{
	write_file("<h1>later</h1>", 14);
	assert_int_equal(blobs_put(blobs, &page, path), 0);
	assert_string_equal(content(&page), "<h1>later</h1>");
	write_file("", 0);
	assert_int_equal(blobs_put(blobs, &page, path), 0);
	assert_string_equal(content(&page), "");
}

static void new_ticket_keys_push_the_last_ones_back(void **state)
{
	struct proxy_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const uint8_t none[sizeof(shared->ticket_keys[0])];
	uint8_t first[sizeof(none)];
	struct tickets tickets = {};
	struct loop *loop = loop_new();

	assert_int_equal(tickets_start(&tickets, loop, shared), 0);
	assert_int_equal(shared->ticket_epoch, 2);
	memcpy(first, shared->ticket_keys[0], sizeof(first));
	assert_memory_not_equal(first, none, sizeof(none));
	assert_int_equal(tickets_renew(&tickets), 0);
	assert_int_equal(shared->ticket_epoch, 4);
	assert_memory_equal(shared->ticket_keys[1], first, sizeof(first));
	assert_memory_not_equal(shared->ticket_keys[0], first, sizeof(first));
	tickets_stop(&tickets);
	loop_free(loop);
	munmap(shared, sizeof(*shared));
}

static int prepare(void **state)
{
	make(&mail, &(struct recipe){.common_name = "mail.example.com"});
	make(&other, &(struct recipe){.common_name = "other.example.com"});
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	return 0;
}

static int clean(void **state)
{
	unlink(path);
	rmdir(directory);
	unmake(&mail);
	unmake(&other);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_blobs, close_blobs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_file_is_held_in_memory_that_nobody_can_change),
		CASE(what_is_half_written_changes_nothing_and_is_said_once),
		CASE(a_file_that_is_not_there_is_named_with_the_cause),
		CASE(a_file_that_is_too_big_is_refused),
		CASE(an_error_page_may_be_anything),
		cmocka_unit_test(new_ticket_keys_push_the_last_ones_back),
	};

	return cmocka_run_group_tests_name("proxy blobs", tests, prepare, clean);
}
