/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lbxdp.yaml to model. YAML through libyaml, in a strict profile (one document, no anchors, aliases
 * or tags, no duplicate keys); keys decoded by the schema table of core/schema.h. Pure: text in,
 * model or errors out.
 */
#ifndef LBXDP_CORE_CONFIG_H
#define LBXDP_CORE_CONFIG_H

#include "base/buf.h"
#include "core/model.h"

/* What the host looks like, for the checks that need it (R3). NULL net: those are left out. */
struct config_net {
	const char *const *interfaces; /* that exist on the host */
	size_t interface_count;
	/* Connected networks of the interfaces that will be attached. */
	const struct prefix *connected;
	size_t connected_count;
	/* Connected networks of all interfaces, for R76. */
	const struct prefix *networks;
	size_t network_count;
	/* Addresses of all interfaces. */
	const struct addr *addresses;
	size_t address_count;
	bool missing_ok; /* `check`: a missing interface is a warning, and R3 is then not judged */
};

struct config_input {
	const char *file; /* for messages */
	const char *text;
	size_t len;
	const char *host_name;               /* default of node.name */
	const char *const *extra_interfaces; /* of the command line, beside node.interfaces */
	size_t extra_interface_count;
	const struct config_net *net;
};

/*
 * Returns a model, or NULL when there is any error. Every error and warning, not only the first, is
 * appended to messages as "FILE:LINE:COL: error: path: what (hint)" lines, in file order.
 */
struct model *config_read(const struct config_input *in, struct buf *messages);

/* The names of node.interfaces alone, for gathering config_net before the full read. Appends
 * nothing; returns an arena-owned list, NULL-terminated; an unreadable file gives an empty one. */
const char *const *config_interfaces(const char *text, size_t len, struct arena *a);

/* The model as YAML that config_read would read to the same model (`check --print`). */
void config_print(const struct model *m, struct buf *out);

/* The key list of lbxdp.yaml(5) as mdoc, and as plain lines "path type default" for completion. */
void config_schema_mdoc(struct buf *out);
void config_schema_text(struct buf *out);

#endif
