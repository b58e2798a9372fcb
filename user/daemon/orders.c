/* SPDX-License-Identifier: GPL-2.0-only */
#include "daemon/orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "lbxdp/abi.h"

enum { KEY_LEN = 2 * LB_NAME_LEN };

struct orders {
	char *path;
	struct map *by_name; /* "service/real" -> struct order */
};

static const char *key_of(const char *service, const char *real, char *key)
{
	snprintf(key, KEY_LEN, "%s/%s", service, real);
	return key;
}

static void set(struct orders *o, const char *key, struct order order)
{
	struct order *kept = map_find(o->by_name, key);

	if (order.admin == ADMIN_ONLINE && order.weight < 0) {
		free(map_remove(o->by_name, key));
		return;
	}
	if (!kept) {
		kept = xcalloc(1, sizeof(*kept));
		map_put(o->by_name, key, kept);
	}
	*kept = order;
}

/* One line: "drain SERVICE/REAL", "halt SERVICE/REAL", "weight N SERVICE/REAL". Names may hold
 * spaces, so they stand last. */
static int read_line(struct orders *o, char *line)
{
	struct order *kept, order = {.admin = ADMIN_ONLINE, .weight = -1};
	char *name = strchr(line, ' ');
	bool weight = !strncmp(line, "weight ", 7);
	long value = weight ? strtol(line + 7, &name, 10) : -1;

	if (!name || *name != ' ' || !strchr(name + 1, '/') || strlen(name + 1) >= KEY_LEN)
		return -EINVAL;
	*name++ = '\0';
	kept = map_find(o->by_name, name);
	if (kept)
		order = *kept;
	if (weight && value >= 0 && value <= 65535)
		order.weight = value;
	else if (!strcmp(line, "drain"))
		order.admin = ADMIN_DRAIN;
	else if (!strcmp(line, "halt"))
		order.admin = ADMIN_HALT;
	else
		return -EINVAL;
	set(o, name, order);
	return 0;
}

static void read_file(struct orders *o)
{
	FILE *f = fopen(o->path, "re");
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t len;

	if (!f) {
		if (errno != ENOENT)
			log_warning("%s: cannot read the admin orders: %s", o->path,
				    strerror(errno));
		return;
	}
	while ((len = getline(&line, &room, f)) > 0) {
		number++;
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (line[0] && line[0] != '#' && read_line(o, line))
			log_warning("%s:%zu: not an order, left out: %s", o->path, number, line);
	}
	free(line);
	fclose(f);
}

struct orders *orders_open(const char *path)
{
	struct orders *o = xcalloc(1, sizeof(*o));

	o->path = xstrdup(path);
	o->by_name = map_new();
	read_file(o);
	return o;
}

void orders_close(struct orders *o)
{
	const char *key;
	void *value;

	if (!o)
		return;
	for (size_t at = 0; map_next(o->by_name, &at, &key, &value);)
		free(value);
	map_free(o->by_name);
	free(o->path);
	free(o);
}

struct order orders_get(const struct orders *o, const char *service, const char *real)
{
	char key[KEY_LEN];
	const struct order *kept = map_find(o->by_name, key_of(service, real, key));

	return kept ? *kept : (struct order){.admin = ADMIN_ONLINE, .weight = -1};
}

void orders_set(struct orders *o, const char *service, const char *real, struct order order)
{
	char key[KEY_LEN];

	set(o, key_of(service, real, key), order);
}

static int write_orders(const struct orders *o, FILE *f)
{
	const char *key;
	void *value;

	fputs("# lbxdp admin orders; written by lbxdp, undone by `lbxdp online` and `lbxdp weight "
	      "... "
	      "default`\n",
	      f);
	for (size_t at = 0; map_next(o->by_name, &at, &key, &value);) {
		const struct order *order = value;

		if (order->admin != ADMIN_ONLINE)
			fprintf(f, "%s %s\n", admin_order_name(order->admin), key);
		if (order->weight >= 0)
			fprintf(f, "weight %d %s\n", order->weight, key);
	}
	return fflush(f) || fsync(fileno(f)) ? -errno : 0;
}

int orders_save(const struct orders *o)
{
	char fresh[512];
	FILE *f;
	int err;

	snprintf(fresh, sizeof(fresh), "%s.new", o->path);
	f = fopen(fresh, "we");
	if (!f)
		return -errno;
	err = write_orders(o, f);
	fclose(f);
	if (!err && rename(fresh, o->path))
		err = -errno;
	if (err)
		(void)unlink(fresh); /* the old file stands */
	return err;
}

static bool matches(const char *pattern, size_t len, const char *name)
{
	return (len == 1 && *pattern == '*') ||
	       (strlen(name) == len && !strncmp(pattern, name, len));
}

bool pattern_has_service(const char *pattern, const char *service)
{
	const char *slash = strchr(pattern, '/');

	return slash && matches(pattern, slash - pattern, service);
}

bool pattern_has_real(const char *pattern, const char *real)
{
	const char *slash = strchr(pattern, '/');

	return slash && matches(slash + 1, strlen(slash + 1), real);
}

static void explain(const struct model *m, const char *pattern, struct buf *why)
{
	buf_printf(why, "no real is named %s; there are:", pattern);
	for (size_t i = 0; i < m->service_count; i++)
		for (size_t j = 0; j < m->services[i].real_count; j++)
			if (why->len < 2000)
				buf_printf(why, " %s/%s", m->services[i].name,
					   m->services[i].reals[j].name);
	buf_puts(why, "\n");
}

size_t orders_match(const struct model *m, const char *pattern,
		    void (*fn)(void *arg, const struct service_config *s,
			       const struct real_config *r),
		    void *arg, struct buf *why)
{
	size_t count = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		const struct service_config *s = &m->services[i];

		if (!pattern_has_service(pattern, s->name))
			continue;
		for (size_t j = 0; j < s->real_count; j++) {
			if (!pattern_has_real(pattern, s->reals[j].name))
				continue;
			fn(arg, s, &s->reals[j]);
			count++;
		}
	}
	if (!strchr(pattern, '/'))
		buf_printf(why, "%s: write SERVICE/REAL, for example '*/CAS1'\n", pattern);
	else if (!count)
		explain(m, pattern, why);
	return count;
}
