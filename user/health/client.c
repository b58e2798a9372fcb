/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "health/message.h"
#include "health/table.h"
#include "health/trust.h"
#include "io/tls_link.h"

enum { SAY_AGAIN = 100, LOOK_AGAIN = 10000 }; /* ms */

/* A CA bundle for a process that cannot open files: its bytes in a memfd, read anew when the file
 * changed. */
struct bundle {
	struct bundle *next;
	int fd;
	struct timespec changed;
	ino_t inode;
	off_t size;
	char path[CHECK_TEXT_LEN];
};

struct row {
	bool said;                /* to the present process */
	struct check_order order; /* cut to its message_size */
};

struct health_client {
	struct loop *loop;
	struct health_client_events events;
	struct channel channel;
	bool connected;
	struct table rows;
	struct bundle *bundles;
	struct timer again, look;
	struct plan_sink sink;
};

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			return -errno;
		bytes += n;
		len -= n;
	}
	return 0;
}

static int copy_file(int from, int to)
{
	char piece[4096];
	ssize_t n;
	int err = 0;

	while (!err && (n = read(from, piece, sizeof(piece))))
		err = n < 0 ? -errno : write_all(to, piece, n);
	return err;
}

/* The bytes of an open file as a memfd. Returns it, or -errno. */
static int make_memfd(int file)
{
	int fd = memfd_create("lbxdp-ca", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = copy_file(file, fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static bool is_current(const struct bundle *b, const struct stat *st)
{
	return b->fd >= 0 && b->inode == st->st_ino && b->size == st->st_size &&
	       b->changed.tv_sec == st->st_mtim.tv_sec && b->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static bool is_whole(int fd)
{
	struct buf why = {};
	size_t len;
	int err;
	char *text = trust_read(fd, &len, &err);

	if (text)
		err = tls_pem_check(TLS_PEM_CA, (struct slice){text, len}, &why);
	free(text);
	buf_free(&why);
	return !err;
}

/* Returns 1 when the file was read (anew), 0 when it has not changed, -errno. */
static int refresh(struct bundle *b)
{
	int file = open(b->path, O_RDONLY | O_CLOEXEC), fd;
	struct stat st;

	if (file < 0)
		return -errno;
	if (fstat(file, &st)) {
		close(file);
		return -errno;
	}
	if (is_current(b, &st)) {
		close(file);
		return 0;
	}
	fd = make_memfd(file);
	close(file);
	if (fd < 0)
		return fd;
	if (b->fd >= 0 && !is_whole(fd)) {
		close(fd);
		return -EINVAL;
	}
	if (b->fd >= 0)
		close(b->fd);
	b->fd = fd;
	b->inode = st.st_ino;
	b->size = st.st_size;
	b->changed = st.st_mtim;
	return 1;
}

/* Returns the memfd of the bundle at path (borrowed), as it is or last was, or -errno. */
static int bundle_fd(struct health_client *c, const char *path)
{
	struct bundle *b = c->bundles;
	int err;

	while (b && strcmp(b->path, path))
		b = b->next;
	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->fd = -1;
		memcpy(b->path, path, strnlen(path, sizeof(b->path) - 1));
		b->next = c->bundles;
		c->bundles = b;
	}
	err = refresh(b);
	if (!timer_running(&c->look))
		timer_start(c->loop, &c->look, LOOK_AGAIN);
	return b->fd >= 0 ? b->fd : err;
}

/* Says one row to the process. Returns 0 or -errno. */
static int say(struct health_client *c, struct row *row)
{
	struct check_order *o = &row->order;
	int fd = -1, err;

	if (o->spec.verify) {
		fd = bundle_fd(c, o->spec.ca);
		if (fd < 0)
			return fd;
	}
	o->health = c->events.known ? c->events.known(c->events.arg, o->id) : HEALTH_UNKNOWN;
	err = channel_send(&c->channel, o, message_size(o), fd);
	row->said = !err;
	return err;
}

/* Says what the process does not know yet; what does not get through now is said again later. */
static void say_all(struct health_client *c)
{
	int err = 0;

	for (size_t i = 0; i < c->rows.room && c->connected; i++) {
		struct row *row = c->rows.entry[i].what;
		int e = row && !row->said ? say(c, row) : 0;

		err = e ? e : err;
	}
	if (!err || !c->connected)
		return;
	timer_start(c->loop, &c->again, SAY_AGAIN);
}

static void say_again(struct timer *t)
{
	say_all(container_of(t, struct health_client, again));
}

static void doubt_rows_of(struct health_client *c, const struct bundle *b)
{
	for (size_t i = 0; i < c->rows.room; i++) {
		struct row *row = c->rows.entry[i].what;

		if (row && row->order.spec.verify && !strcmp(row->order.spec.ca, b->path))
			row->said = false;
	}
}

/* A CA bundle may be replaced at any time. While it cannot be read, or is damaged, what was read
 * last stands. */
void health_client_look(struct health_client *c)
{
	bool changed = false;

	for (struct bundle *b = c->bundles; b; b = b->next) {
		if (refresh(b) <= 0)
			continue;
		doubt_rows_of(c, b);
		changed = true;
	}
	if (changed)
		say_all(c);
}

static void look_again(struct timer *t)
{
	struct health_client *c = container_of(t, struct health_client, look);

	health_client_look(c);
	timer_start(c->loop, t, LOOK_AGAIN);
}

static void take_report(struct health_client *c, struct check_report *r)
{
	r->outcome.detail[CHECK_DETAIL_LEN - 1] = '\0';
	if (r->health > HEALTH_DOWN || r->outcome.code >= CHECK_CODE_COUNT)
		return;
	if (table_find(&c->rows, r->id)) /* else it is of a check that has gone meanwhile */
		c->events.report(c->events.arg, r);
}

static void take_reports(struct channel *ch, const void *bytes, size_t len, int fd)
{
	struct health_client *c = container_of(ch, struct health_client, channel);
	struct check_report report;

	if (fd >= 0)
		close(fd);
	if (len % sizeof(report)) {
		log_error("message of %zu bytes from the probe process is not understood", len);
		return;
	}
	for (size_t at = 0; at < len; at += sizeof(report)) {
		memcpy(&report, (const char *)bytes + at, sizeof(report));
		take_report(c, &report);
	}
}

static void disconnect(struct health_client *c)
{
	if (!c->connected)
		return;
	c->connected = false;
	timer_stop(&c->again);
	channel_fini(&c->channel);
}

static void process_is_gone(struct channel *ch)
{
	struct health_client *c = container_of(ch, struct health_client, channel);

	disconnect(c);
	c->events.lost(c->events.arg);
}

static int take_row(void *to, enum plan_table t, const void *key, const void *value,
		    const void *old)
{
	const struct row_check *check = value;
	struct health_client *c = to;
	struct check_order order = {.kind = CHECK_ORDER_PUT, .spec = *check->spec};
	struct row *row;
	uint32_t id;
	int err;

	memcpy(&id, key, sizeof(id));
	order.id = id;
	order.spec.addr = check->addr;
	order.spec.port = check->port;
	err = order.spec.verify ? bundle_fd(c, order.spec.ca) : 0;
	if (err < 0)
		return err;
	free(table_find(&c->rows, id));
	row = xcalloc(1, offsetof(struct row, order) + message_size(&order));
	memcpy(&row->order, &order, message_size(&order));
	table_put(&c->rows, id, row);
	if (c->connected && say(c, row))
		timer_start(c->loop, &c->again, SAY_AGAIN);
	return 0;
}

static int drop_row(void *to, enum plan_table t, const void *key, const void *value)
{
	struct health_client *c = to;
	struct check_order order = {.kind = CHECK_ORDER_DELETE};
	int err = 0;

	memcpy(&order.id, key, sizeof(order.id));
	if (c->connected)
		err = channel_send(&c->channel, &order, message_size(&order), -1);
	if (err && err != -EPIPE) /* a process that is gone has forgotten the row as well */
		return err;
	free(table_find(&c->rows, order.id));
	table_delete(&c->rows, order.id);
	return 0;
}

struct health_client *health_client_new(struct loop *l, const struct health_client_events *e)
{
	struct health_client *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->events = *e;
	c->again.fn = say_again;
	c->look.fn = look_again;
	c->channel.message = take_reports;
	c->channel.closed = process_is_gone;
	c->sink = (struct plan_sink){.put = take_row, .del = drop_row, .to = c};
	return c;
}

void health_client_free(struct health_client *c)
{
	struct bundle *b;

	if (!c)
		return;
	disconnect(c);
	timer_stop(&c->look);
	for (size_t i = 0; i < c->rows.room; i++)
		free(c->rows.entry[i].what);
	table_fini(&c->rows);
	while ((b = c->bundles)) {
		c->bundles = b->next;
		if (b->fd >= 0)
			close(b->fd);
		free(b);
	}
	free(c);
}

int health_client_connect(struct health_client *c, int fd)
{
	int err;

	disconnect(c);
	err = channel_init(&c->channel, c->loop, fd);
	if (err) {
		channel_fini(&c->channel);
		return err;
	}
	c->connected = true;
	for (size_t i = 0; i < c->rows.room; i++) {
		struct row *row = c->rows.entry[i].what;

		if (row)
			row->said = false;
	}
	say_all(c);
	return 0;
}

const struct plan_sink *health_client_sink(struct health_client *c)
{
	return &c->sink;
}
