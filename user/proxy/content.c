/* SPDX-License-Identifier: GPL-2.0-only */
/* Contents of files as main handed them over. Some are private keys: they are wiped. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "proxy/internal.h"

/* Returns 0, or -errno; -EIO when there are fewer bytes than len. */
static int read_whole(int fd, char *to, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, to + have, len - have, have);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EIO;
		have += n > 0 ? n : 0;
	}
	return 0;
}

int content_read(struct content **made, int fd)
{
	struct content *c;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size > PROXY_BLOB_MAX)
		return -EFBIG;
	c = xcalloc(1, sizeof(*c) + st.st_size + 1);
	c->refs = 1;
	c->text = (struct slice){c->bytes, st.st_size};
	err = read_whole(fd, c->bytes, st.st_size);
	if (err)
		content_release(c);
	else
		*made = c;
	return err;
}

struct content *content_hold(struct content *c)
{
	if (c)
		c->refs++;
	return c;
}

void content_release(struct content *c)
{
	if (!c || --c->refs)
		return;
	explicit_bzero(c->bytes, c->text.len);
	free(c);
}
