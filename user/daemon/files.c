/* SPDX-License-Identifier: GPL-2.0-only */
#include "daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/model_files.h"
#include "core/siphash.h"
#include "io/tls_link.h"

enum { CONTENT_MAX = 1 << 20, PAGE_MAX = 64 << 10 };

int files_read(const char *path, size_t max, struct buf *text)
{
	char part[65536];
	size_t before = text->len;
	struct stat st;
	ssize_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	while (!err && (len = read(fd, part, sizeof(part))) > 0) {
		buf_append(text, part, len);
		if (text->len - before > max)
			err = -EFBIG;
	}
	if (!err && len < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Nobody waits for a pipe or a device to say something. */
static int read_regular(const char *path, size_t max, struct buf *text)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return files_read(path, max, text);
}

/* A number that another content has not; never 0. */
static uint64_t sum_of(const struct buf *text)
{
	static const uint64_t key[2] = {0x6c62786470206669, 0x6c65732066616374}; /* any will do */
	uint64_t sum = siphash(key, buf_text(text), text->len);

	return sum ? sum : 1;
}

/* Returns 0, with the content's sum and warnings in why; or -errno with the cause there. */
static int judge_content(enum model_file_kind kind, const char *path, uint64_t *sum,
			 struct buf *why)
{
	struct buf text = {};
	int err = read_regular(path, kind == MODEL_FILE_PAGE ? PAGE_MAX : CONTENT_MAX, &text);

	if (err)
		buf_puts(why, err == -EINVAL ? "not a regular file" : strerror(-err));
	else if (kind != MODEL_FILE_PAGE)
		err = tls_pem_check(kind == MODEL_FILE_IDENTITY ? TLS_PEM_IDENTITY : TLS_PEM_CA,
				    (struct slice){text.at, text.len}, why);
	*sum = err ? 0 : sum_of(&text);
	if (text.at)
		explicit_bzero(text.at, text.room);
	buf_free(&text);
	return err;
}

struct judging {
	const struct model *model;
	bool lenient, right;
	struct buf *out;
};

/* "services.OWA.tls", "services.OWA.reals.CAS1". */
static void put_path(const struct model_file *f, struct buf *out)
{
	static const char *const parts[] = {[MODEL_FILE_IDENTITY] = "tls",
					    [MODEL_FILE_CA] = "tls",
					    [MODEL_FILE_CHECK_CA] = "check.ca",
					    [MODEL_FILE_PAGE] = "error_pages"};
	const struct service_config *s = f->service;

	buf_printf(out, "services.%s%s.", s->parent ? s->parent->name : s->name,
		   s->parent ? ".routes" : "");
	if (f->real)
		buf_printf(out, "reals.%s.ca", f->real->name);
	else
		buf_puts(out, parts[f->kind]);
}

/* Several lines of why become as many messages. */
static void say(const struct judging *j, const struct model_file *f, bool warning, const char *why)
{
	while (*why) {
		size_t len = strcspn(why, "\n");

		buf_printf(j->out, "%s:%u:%u: %s: ", j->model->file, f->place.line, f->place.column,
			   warning ? "warning" : "error");
		put_path(f, j->out);
		buf_printf(j->out, ": %s: %.*s\n", f->path, (int)len, why);
		why += len + (why[len] == '\n');
	}
}

static void judge_file(void *arg, const struct model_file *f)
{
	struct judging *j = arg;
	struct buf why = {};
	uint64_t sum;
	int err = judge_content(f->kind, f->path, &sum, &why);
	bool warning = !err || (j->lenient && err == -EACCES);

	if (err && warning) {
		buf_clear(&why);
		buf_puts(&why, "not judged: this user may not read it");
	}
	say(j, f, warning, buf_text(&why));
	j->right &= warning;
	buf_free(&why);
}

bool files_judge(const struct model *m, bool lenient, struct buf *messages)
{
	struct judging j = {.model = m, .lenient = lenient, .right = true, .out = messages};

	model_each_file(m, judge_file, &j);
	return j.right;
}

struct followed {
	char *path;
	enum model_file_kind kind;
	uint64_t seen; /* its mark when last looked; 0: it was not there */
	bool refused;  /* what it held then is not used */
};

struct files {
	struct followed *at;     /* sorted by path, each once */
	struct file_fact *facts; /* a version is the sum of what is in use; 0: nothing */
	size_t count, room;
};

struct files *files_new(void)
{
	return xcalloc(1, sizeof(struct files));
}

static void forget(struct files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->at[i].path);
	free(f->at);
	free(f->facts);
	*f = (struct files){};
}

void files_free(struct files *f)
{
	if (f)
		forget(f);
	free(f);
}

/* Says without reading whether it was written anew: when, how long it is, which inode. */
static uint64_t mark_of(const char *path)
{
	uint64_t mark = 0xcbf29ce484222325;
	struct stat st;

	if (stat(path, &st))
		return 0;
	for (size_t i = 0; i < 5; i++) {
		const uint64_t parts[] = {(uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec,
					  (uint64_t)st.st_size, st.st_ino, st.st_dev};

		mark = (mark ^ parts[i]) * 0x100000001b3;
		mark ^= mark >> 32;
	}
	return mark ? mark : 1;
}

static void add(void *arg, const struct model_file *f)
{
	struct files *files = arg;

	if (files->count == files->room) {
		files->room = files->room ? 2 * files->room : 16;
		files->at = xrealloc(files->at, files->room, sizeof(*files->at));
	}
	files->at[files->count++] = (struct followed){.path = xstrdup(f->path), .kind = f->kind};
}

/* Of several uses of a file the one that asks the most of it comes first. */
static int by_path(const void *left, const void *right)
{
	const struct followed *l = left, *r = right;
	int order = strcmp(l->path, r->path);

	return order ? order : (int)l->kind - (int)r->kind;
}

static void drop_doubles(struct files *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (kept && !strcmp(f->at[kept - 1].path, f->at[i].path))
			free(f->at[i].path);
		else
			f->at[kept++] = f->at[i];
	}
	f->count = kept;
}

void files_follow(struct files *f, const struct model *m)
{
	forget(f);
	model_each_file(m, add, f);
	if (f->count)
		qsort(f->at, f->count, sizeof(*f->at), by_path);
	drop_doubles(f);
	f->facts = xcalloc(f->count + 1, sizeof(*f->facts));
	for (size_t i = 0; i < f->count; i++) {
		struct buf why = {};

		f->facts[i].path = f->at[i].path;
		f->at[i].seen = mark_of(f->at[i].path);
		(void)judge_content(f->at[i].kind, f->at[i].path, &f->facts[i].version, &why);
		buf_free(&why);
	}
}

enum outcome { FILE_UNCHANGED, FILE_CHANGED, FILE_REFUSED };

/* Reads the index-th. why: the cause, or warnings, on one line. */
static enum outcome read_again(struct files *f, size_t index, struct buf *why)
{
	struct followed *at = &f->at[index];
	uint64_t sum;
	int err;

	at->seen = mark_of(at->path);
	err = judge_content(at->kind, at->path, &sum, why);
	for (size_t i = 0; i < why->len; i++)
		if (why->at[i] == '\n')
			why->at[i] = i + 1 < why->len ? ';' : '\0';
	if (err)
		return FILE_REFUSED;
	if (sum == f->facts[index].version)
		return FILE_UNCHANGED;
	f->facts[index].version = sum;
	return FILE_CHANGED;
}

static void note(struct followed *at, enum outcome o, const char *why)
{
	if (o == FILE_REFUSED)
		log_warning("file %s changed and is not used: %s; what it held before stays",
			    at->path, why);
	else if (o == FILE_CHANGED)
		log_info("file %s changed%s%s", at->path, *why ? ": " : "", why);
	else if (at->refused)
		log_info("file %s holds again what is in use", at->path);
	at->refused = o == FILE_REFUSED;
}

bool files_look(struct files *f)
{
	bool changed = false;

	for (size_t i = 0; i < f->count; i++) {
		struct buf why = {};
		enum outcome o;

		if (mark_of(f->at[i].path) == f->at[i].seen)
			continue;
		o = read_again(f, i, &why);
		note(&f->at[i], o, buf_text(&why));
		changed |= o == FILE_CHANGED;
		buf_free(&why);
	}
	return changed;
}

size_t files_read_again(struct files *f, struct buf *out)
{
	struct buf rest = {};
	size_t refused = 0;

	for (size_t i = 0; i < f->count; i++) {
		static const char *const words[] = {"unchanged", "changed", "not used"};
		struct buf why = {};
		enum outcome o = read_again(f, i, &why);

		refused += o == FILE_REFUSED;
		note(&f->at[i], o, buf_text(&why));
		buf_printf(o == FILE_REFUSED ? out : &rest, "%s: %s%s%s\n", f->at[i].path, words[o],
			   why.len ? ": " : "", buf_text(&why));
		buf_free(&why);
	}
	buf_append(out, rest.at, rest.len);
	buf_free(&rest);
	return refused;
}

const struct file_fact *files_facts(const struct files *f, size_t *count)
{
	*count = f ? f->count : 0;
	return f ? f->facts : NULL;
}
