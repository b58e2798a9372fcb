/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows and columns, filled once and printed three ways: aligned text, CSV (quoted as RFC 4180 says)
 * and JSON. Whatever a cell is given, what comes out is valid UTF-8 without control characters:
 * servers and config files must not be able to speak to the operator's terminal.
 */
#ifndef LBXDP_ADMIN_GRID_H
#define LBXDP_ADMIN_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { GRID_COLUMNS_MAX = 128 };

enum grid_colour {
	GRID_PLAIN,
	GRID_GREEN,
	GRID_AMBER,
	GRID_RED,
	GRID_BLUE,
	GRID_PURPLE,
	GRID_COLOUR_COUNT
};

struct grid_column {
	const char *heading; /* for people and CSV */
	const char *key;     /* in JSON */
	bool number;         /* right-aligned; bare in JSON */
};

struct grid_cell;

/* columns is kept by reference and has at most GRID_COLUMNS_MAX entries. */
struct grid {
	const struct grid_column *columns;
	size_t column_count;
	/* NULL, or the group of each column for a line above the headings of aligned text; NULL
	 * in it: that of the column before. */
	const char *const *groups;
	struct grid_cell *cells;
	size_t cell_count, cell_room;
	struct buf text;
};

void grid_init(struct grid *g, const struct grid_column *columns, size_t count);
void grid_fini(struct grid *g);

/* The next cell, row by row. */
void grid_cell(struct grid *g, enum grid_colour c, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Empty cells up to the end of the row. */
void grid_end_row(struct grid *g);

/* Aligned, each line after indent; headings first. */
void grid_print(const struct grid *g, const char *indent, bool colour, struct buf *out);
void grid_print_csv(const struct grid *g, struct buf *out);
/* One field, quoted where it must be. */
void grid_csv_field(struct buf *out, const char *text);
/* A list of objects. Empty cells are null. */
void grid_print_json(const struct grid *g, struct buf *out);

/* text between the colour's terminal codes when on. */
void grid_paint(struct buf *out, enum grid_colour c, bool on, const char *text);

#endif
