/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "io/tls_link.h"

enum { KEY_TEXT_LEN = 32 };

struct blob {
	int fd;        /* -1: none yet */
	char *trouble; /* what was said of the last attempt; NULL: it went well */
};

struct blobs {
	struct map *by_key;
};

static const char *text_of(const struct proxy_blob_key *key, char *text)
{
	snprintf(text, KEY_TEXT_LEN, "%u/%u/%u", key->kind, key->id, key->index);
	return text;
}

struct blobs *blobs_new(void)
{
	struct blobs *b = xcalloc(1, sizeof(*b));

	b->by_key = map_new();
	return b;
}

static void blob_free(struct blob *blob)
{
	if (blob->fd >= 0)
		close(blob->fd);
	free(blob->trouble);
	free(blob);
}

void blobs_free(struct blobs *b)
{
	const char *key;
	void *blob;

	if (!b)
		return;
	for (size_t at = 0; map_next(b->by_key, &at, &key, &blob);)
		blob_free(blob);
	map_free(b->by_key);
	free(b);
}

static struct blob *blob_of(struct blobs *b, const struct proxy_blob_key *key)
{
	char text[KEY_TEXT_LEN];
	struct blob *blob = map_find(b->by_key, text_of(key, text));

	if (blob)
		return blob;
	blob = xcalloc(1, sizeof(*blob));
	blob->fd = -1;
	map_put(b->by_key, text, blob);
	return blob;
}

/* A device or a pipe would make us wait. */
static int open_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if (st.st_size > PROXY_BLOB_MAX)
		err = -EFBIG;
	if (!err) {
		*size = st.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* Up to size bytes, as many as there are. Returns how many, or -errno. */
static ssize_t read_file(int fd, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = pread(fd, to + have, size - have, have);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			break;
		have += n > 0 ? n : 0;
	}
	return have;
}

/* Memory of its own file, which nobody can change. Returns its descriptor or -errno. */
static int seal(const char *bytes, size_t len)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int fd = memfd_create("lbxdp-file", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return -errno;
	errno = ENOSPC; /* of a write that ends early */
	if (write(fd, bytes, len) == (ssize_t)len && !fcntl(fd, F_ADD_SEALS, seals))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* A half-written file is none. */
static int check(const struct proxy_blob_key *key, struct slice text, struct buf *why)
{
	if (key->kind == PROXY_BLOB_ERROR_PAGE)
		return 0;
	return tls_pem_check(key->kind == PROXY_BLOB_CERTIFICATE ? TLS_PEM_IDENTITY : TLS_PEM_CA,
			     text, why);
}

/* Returns the sealed descriptor or -errno. why: what is wrong with the content. */
static int take_file(const struct proxy_blob_key *key, const char *path, struct buf *why)
{
	size_t size = 0;
	int file = open_file(path, &size), err;
	char *bytes;
	ssize_t len;

	if (file < 0)
		return file;
	bytes = xcalloc(1, size + 1);
	len = read_file(file, bytes, size);
	close(file);
	err = len < 0 ? (int)len : check(key, (struct slice){bytes, len}, why);
	if (!err)
		err = seal(bytes, len);
	explicit_bzero(bytes, size); /* it may be a key */
	free(bytes);
	return err;
}

/* Lines as one. */
static const char *on_one_line(struct buf *why)
{
	for (size_t i = 0; i < why->len; i++)
		if (why->at[i] == '\n')
			why->at[i] = i + 1 < why->len ? ';' : '\0';
	return buf_text(why);
}

static void note_trouble(struct blob *blob, const char *path, const char *trouble)
{
	if (!blob->trouble || strcmp(blob->trouble, trouble))
		log_error("%s: %s%s; trying again", path, trouble,
			  blob->fd >= 0 ? "; what it held before stays in use" : "");
	free(blob->trouble);
	blob->trouble = xstrdup(trouble);
}

/* Warnings are said by who reads the configuration, and follows the files. */
static void keep(struct blob *blob, int fd)
{
	free(blob->trouble);
	blob->trouble = NULL;
	if (blob->fd >= 0)
		close(blob->fd);
	blob->fd = fd;
}

int blobs_put(struct blobs *b, const struct proxy_blob_key *key, const char *path)
{
	struct blob *blob = blob_of(b, key);
	struct buf why = {};
	int fd = take_file(key, path, &why);

	if (fd < 0)
		note_trouble(blob, path, why.len ? on_one_line(&why) : strerror(-fd));
	else
		keep(blob, fd);
	buf_free(&why);
	return fd < 0 ? fd : 0;
}

void blobs_drop(struct blobs *b, const struct proxy_blob_key *key)
{
	char text[KEY_TEXT_LEN];
	struct blob *blob = map_remove(b->by_key, text_of(key, text));

	if (blob)
		blob_free(blob);
}

int blobs_fd(const struct blobs *b, const struct proxy_blob_key *key)
{
	char text[KEY_TEXT_LEN];
	const struct blob *blob = map_find(b->by_key, text_of(key, text));

	return blob ? blob->fd : -1;
}
