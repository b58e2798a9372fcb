/* SPDX-License-Identifier: GPL-2.0-only */
/* Main's end of the web channel. The only thing it can be asked for is a page; nothing that arrives
 * here changes anything (F15). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/web.h"
#include "admin/web_server.h"
#include "base/alloc.h"
#include "base/log.h"

struct web_client {
	struct loop *loop;
	struct web_client_events events;
	struct channel channel;
	bool connected;
};

static void index_page(const struct view *v, struct buf *out)
{
	render_status_text(v, false, out);
	buf_puts(out, "\nAlso here: /metrics /status.json\n");
}

static void metrics_page(const struct view *v, struct buf *out)
{
	render_metrics(v, false, out);
}

static void openmetrics_page(const struct view *v, struct buf *out)
{
	render_metrics(v, true, out);
}

static void (*const renderers[WEB_PAGE_COUNT])(const struct view *v, struct buf *out) = {
	[WEB_PAGE_INDEX] = index_page,
	[WEB_PAGE_METRICS] = metrics_page,
	[WEB_PAGE_OPENMETRICS] = openmetrics_page,
	[WEB_PAGE_STATUS_JSON] = render_status_json,
};

static int write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t done = write(fd, at, len);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0)
			at += done, len -= done;
	}
	return 0;
}

/* Returns a descriptor of the page, or -errno. */
static int render(struct web_client *c, uint32_t page)
{
	struct view *v = c->events.view(c->events.arg);
	struct buf out = {};
	int fd, err;

	if (!v)
		return -ENOMEM;
	renderers[page](v, &out);
	view_free(v);
	fd = memfd_create("lbxdp-page", MFD_CLOEXEC);
	err = fd < 0 ? -errno : write_all(fd, out.at, out.len);
	buf_free(&out);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static void lose(struct web_client *c)
{
	channel_fini(&c->channel);
	c->connected = false;
	c->events.lost(c->events.arg);
}

static void question(struct channel *ch, const void *bytes, size_t len, int fd)
{
	struct web_client *c = container_of(ch, struct web_client, channel);
	struct web_question q;
	struct web_answer a;
	int page = -EINVAL, err;

	if (fd >= 0)
		close(fd);
	if (len != sizeof(q)) {
		log_warning("web process: a message of %zu bytes makes no sense", len);
		return;
	}
	memcpy(&q, bytes, sizeof(q));
	if (q.page < WEB_PAGE_COUNT)
		page = render(c, q.page);
	a = (struct web_answer){.id = q.id, .error = page < 0 ? page : 0};
	err = channel_send(ch, &a, sizeof(a), page);
	if (page >= 0)
		close(page);
	if (err && err != -EPIPE) /* a broken channel reports itself */
		log_warning("web process: answer not sent: %s", strerror(-err));
}

static void closed(struct channel *ch)
{
	lose(container_of(ch, struct web_client, channel));
}

struct web_client *web_client_new(struct loop *l, const struct web_client_events *e)
{
	struct web_client *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->events = *e;
	return c;
}

void web_client_free(struct web_client *c)
{
	if (!c)
		return;
	if (c->connected)
		channel_fini(&c->channel);
	free(c);
}

int web_client_connect(struct web_client *c, int fd)
{
	int err;

	if (c->connected)
		channel_fini(&c->channel);
	c->channel.message = question;
	c->channel.closed = closed;
	err = channel_init(&c->channel, c->loop, fd);
	c->connected = !err;
	if (err)
		close(fd);
	return err;
}
