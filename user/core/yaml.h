/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML text to a tree of nodes that know where they stand. A strict profile: one document, no
 * anchors, aliases or tags, no key twice in a map; keys are words. What is wrong is said to
 * messages; the tree then holds what could be read. The only file with libyaml is yaml.c.
 */
#ifndef LBXDP_CORE_YAML_H
#define LBXDP_CORE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "core/config_message.h"
#include "core/model.h"

enum { YAML_DEPTH_MAX = 32, YAML_BYTES_MAX = 32 << 20 };

enum yaml_kind {
	YAML_WORD, /* a scalar; every scalar is text to us: `on` is the word "on" */
	YAML_LIST,
	YAML_MAP,
	YAML_BROKEN, /* already complained about; nobody else needs to */
};

struct yaml_node {
	enum yaml_kind kind;
	struct place place;     /* of the value */
	struct place key_place; /* of the key; in a list, of the item */
	const char *key;        /* in a map; NULL elsewhere */
	const char *text;       /* of a word; holds no NUL */
	bool quoted;
	size_t index, count; /* position among its siblings; number of children */
	const struct yaml_node *up, *next, *first;
};

/* The root of text, or NULL when it is no YAML (then exactly one message says why) or empty. */
const struct yaml_node *yaml_read(const char *text, size_t len, struct arena *a,
				  struct config_messages *m);

/* The value of key in a map; NULL when it is not there or n is no map (or NULL). */
const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key);

/* "one or a list": first item of a list, or the node itself; then each next one, NULL at the end.
 */
const struct yaml_node *yaml_first(const struct yaml_node *n);
const struct yaml_node *yaml_next(const struct yaml_node *n, const struct yaml_node *item);

/* True for `key:` with nothing behind it. */
bool yaml_is_blank(const struct yaml_node *n);

/* "services.CAS-HTTPS.check[1].type", allocated from a. */
const char *yaml_path(const struct yaml_node *n, struct arena *a);

#endif
