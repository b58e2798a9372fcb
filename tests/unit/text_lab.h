/* SPDX-License-Identifier: GPL-2.0-only */
/* What a text says. Includers include cmocka's headers first. */
#ifndef LBXDP_TESTS_TEXT_LAB_H
#define LBXDP_TESTS_TEXT_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

static inline void assert_has(const struct buf *b, const char *text)
{
	if (!strstr(buf_text(b), text))
		fail_msg("lacks \"%s\":\n%s", text, buf_text(b));
}

static inline void assert_lacks(const struct buf *b, const char *text)
{
	if (strstr(buf_text(b), text))
		fail_msg("has \"%s\":\n%s", text, buf_text(b));
}

/* Runs a shell line on the text. Skips the test when its program is not installed. */
static inline void assert_accepted_by(const struct buf *b, const char *program, const char *command)
{
	char name[] = "/tmp/lbxdp-text-XXXXXX", *line;
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->at, b->len), b->len);
	close(fd);
	assert_true(asprintf(&line, "command -v %s >/dev/null || exit 77; %s <%s", program, command,
			     name) > 0);
	fd = WEXITSTATUS(system(line));
	free(line);
	unlink(name);
	if (fd == 77)
		skip();
	assert_int_equal(fd, 0);
}

#endif
