/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one table of every key of lbxdp.yaml. The reader, the defaults, `check --print` and the man
 * page's key list walk the same rows.
 */
#ifndef LBXDP_CORE_SCHEMA_H
#define LBXDP_CORE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum schema_type {
	SCHEMA_MAP,        /* fixed keys (sub), in the same struct */
	SCHEMA_NAMED,      /* label -> sub, an array of size each at offset, counted at counter */
	SCHEMA_BACKUP,     /* one more item of the array at offset, as SCHEMA_NAMED */
	SCHEMA_CHECKS,     /* one map of sub, or a list of them */
	SCHEMA_STEPS,      /* a list of maps of sub */
	SCHEMA_UINT,       /* .zero is the word for 0, of durations too */
	SCHEMA_DURATION,   /* min and max in ms */
	SCHEMA_WORD,       /* .word gives the words, .later more that are not supported yet */
	SCHEMA_TEXT,       /* const char *, at most max bytes */
	SCHEMA_ESCAPED,    /* char[size], C escapes resolved */
	SCHEMA_ADDRESS,    /* struct addr */
	SCHEMA_ADDRESSES,  /* one or a list */
	SCHEMA_INTERFACES, /* one or a list */
	SCHEMA_PORTS,      /* one or a list of struct port_range */
	SCHEMA_LISTEN,     /* model.admin */
	SCHEMA_LATER,      /* not supported by this version; neutral values (.later) pass */
	SCHEMA_TYPE_COUNT,
};

struct schema_row {
	const char *key;
	enum schema_type type;
	size_t offset, size, counter;
	const char *fallback;    /* as one would write it; NULL: none, or as help says */
	const char *need;        /* the key must be there: a line that shows how it is written */
	const char *doc_default; /* default for people, where fallback is NULL */
	uint32_t min, max;
	const char *zero;
	const char *(*word)(uint32_t value); /* NULL: no word has this value */
	const char *later;                   /* words, separated by spaces */
	const char *why;                     /* a later key: said instead of the usual sentence */
	const char *(*judge)(const char *text);
	uint32_t for_types; /* a check's key: bits of enum check_type it belongs to; 0: all */
	const struct schema_row *sub;
	const char *help;
};

/* Rows end with one whose key is NULL. */
extern const struct schema_row schema_root[];

const struct schema_row *schema_find(const struct schema_row *rows, const char *key);

#endif
