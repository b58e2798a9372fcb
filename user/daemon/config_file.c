/* SPDX-License-Identifier: GPL-2.0-only */
#include "daemon/config_file.h"

#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "daemon/files.h"
#include "net/net.h"

enum { FILE_LEN_MAX = 64 << 20 };

static bool listed(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* The connected networks of the interfaces that will be attached. */
static size_t connected_of(const struct net_snapshot *s, const char *const *wanted, size_t count,
			   struct prefix *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->connected_count; i++)
		if (listed(wanted, count, s->connected[i].interface))
			out[n++] = s->connected[i].prefix;
	return n;
}

static struct model *judge(struct config_input *in, bool missing_ok, struct arena *a,
			   struct buf *messages)
{
	const char *const *configured = config_interfaces(in->text, in->len, a);
	struct config_net net = {.missing_ok = missing_ok};
	struct net_snapshot s = {};
	const char **wanted;
	struct prefix *connected, *networks;
	struct addr *addresses;
	size_t count = 0;
	int err = net_snapshot_take(&s, a);

	if (err) {
		buf_printf(messages, "%s: error: cannot read the host's interfaces: %s\n", in->file,
			   strerror(-err));
		return NULL;
	}
	while (configured[count])
		count++;
	wanted = arena_alloc(a, count + in->extra_interface_count + 1, sizeof(*wanted));
	memcpy(wanted, configured, count * sizeof(*wanted));
	for (size_t i = 0; i < in->extra_interface_count; i++)
		wanted[count++] = in->extra_interfaces[i];
	connected = arena_alloc(a, s.connected_count + 1, sizeof(*connected));
	net.interfaces = s.interfaces;
	net.interface_count = s.interface_count;
	net.connected = connected;
	networks = arena_alloc(a, s.connected_count + 1, sizeof(*networks));
	addresses = arena_alloc(a, s.connected_count + 1, sizeof(*addresses));
	for (size_t i = 0; i < s.connected_count; i++) {
		networks[i] = s.connected[i].prefix;
		addresses[i] = s.connected[i].address;
	}
	net.addresses = addresses;
	net.address_count = s.connected_count;
	net.networks = networks;
	net.network_count = s.connected_count;
	net.connected_count = connected_of(&s, wanted, count, connected);
	in->net = &net;
	return config_read(in, messages);
}

static struct model *read_file(struct config_input *in, bool look, bool missing_ok,
			       struct buf *messages)
{
	char host_name[256] = "lbxdp";
	struct buf text = {};
	struct model *m = NULL;
	struct arena *a;
	int err = files_read(in->file, FILE_LEN_MAX, &text);

	if (err) {
		buf_printf(messages, "%s: error: cannot read: %s\n", in->file, strerror(-err));
		buf_free(&text);
		return NULL;
	}
	(void)gethostname(host_name, sizeof(host_name) - 1); /* the default stands */
	in->text = buf_text(&text);
	in->len = text.len;
	in->host_name = host_name;
	a = arena_new();
	m = look ? judge(in, missing_ok, a, messages) : config_read(in, messages);
	if (m && look && !files_judge(m, missing_ok, messages)) {
		model_free(m);
		m = NULL;
	}
	arena_free(a);
	buf_free(&text);
	return m;
}

struct model *config_file_read(const char *file, const char *const *extra, size_t extra_count,
			       bool missing_ok, struct buf *messages)
{
	struct config_input in = {
		.file = file, .extra_interfaces = extra, .extra_interface_count = extra_count};

	return read_file(&in, true, missing_ok, messages);
}

struct model *config_file_read_alone(const char *file, struct buf *messages)
{
	struct config_input in = {.file = file};

	return read_file(&in, false, false, messages);
}
