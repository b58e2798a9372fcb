/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one table of every key of lbxdp.yaml. The reader, the defaults, `check --print` and the man
 * page's key list walk the same rows.
 */
#ifndef LBXDP_CORE_SCHEMA_H
#define LBXDP_CORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
	SCHEMA_MAP,        /* fixed keys (sub), in the same struct */
	SCHEMA_NAMED,      /* label -> sub, an array of size each at offset, counted at counter */
	SCHEMA_BACKUP,     /* one more item of the array at offset, as SCHEMA_NAMED */
	SCHEMA_CHECKS,     /* one map of sub, or a list of them */
	SCHEMA_LIST,       /* a list of maps of sub, an array of size each */
	SCHEMA_ROUTES,     /* the same, of struct route_config */
	SCHEMA_UINT,       /* .zero is the word for 0, of durations too */
	SCHEMA_DURATION,   /* min and max in ms */
	SCHEMA_WORD,       /* .word gives the words, .later more that are not supported yet */
	SCHEMA_MODE,       /* the same; says which other keys of the service there are */
	SCHEMA_TEXT,       /* const char *, at most max bytes */
	SCHEMA_ESCAPED,    /* char[size], C escapes resolved */
	SCHEMA_ADDRESS,    /* struct addr */
	SCHEMA_ADDRESSES,  /* one or a list */
	SCHEMA_PREFIXES,   /* struct acl_prefixes: one or a list of addresses, networks, ranges */
	SCHEMA_FILE,       /* struct file_config */
	SCHEMA_FILES,      /* one or a list */
	SCHEMA_PAGES,      /* status -> file, struct page_config */
	SCHEMA_HEADERS,    /* name -> value, struct header_config */
	SCHEMA_NAMES,      /* one or a list of names, struct header_config */
	SCHEMA_LOGGING,    /* model.l7: off, on or a file */
	SCHEMA_INTERFACES, /* one or a list */
	SCHEMA_PORTS,      /* one or a list of struct port_range */
	SCHEMA_LISTEN,     /* model.admin */
	SCHEMA_SOURCE,     /* service_config.l7: where connections to the reals come from */
	SCHEMA_LATER,      /* not supported by this version; neutral values pass */
	SCHEMA_TYPE_COUNT,
};

struct schema_row {
	const char *key;
	enum schema_type type;
	size_t offset, size, counter;
	const char *fallback;    /* as one would write it; NULL: none, or as help says */
	const char *need;        /* the key must be there: a line that shows how it is written */
	const char *doc_default; /* default for people, where fallback is NULL */
	size_t usual; /* the default is this field of struct config_draft; 0: it is not */
	uint32_t min, max;
	const char *zero;
	const char *(*word)(uint32_t value); /* NULL: no word has this value */
	const char *later;                   /* words, separated by spaces */
	const char *neutral; /* words that say no more than a missing key; pass in every mode */
	const char *why;     /* said where the key is refused, instead of the usual sentence */
	const char *shape;   /* of a list: how it is written */
	const char *(*judge)(const char *text);
	uint32_t for_types; /* a check's key: bits of enum check_type it belongs to; 0: all */
	uint32_t for_modes; /* bits of enum service_mode it belongs to; 0: all */
	bool (*is_said)(const void *base); /* false: there is nothing to print; NULL: always */
	const struct schema_row *sub;
	const char *help;
};

/* Rows end with one whose key is NULL. */
extern const struct schema_row schema_root[];

const struct schema_row *schema_find(const struct schema_row *rows, const char *key);

#endif
