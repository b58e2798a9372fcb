/* SPDX-License-Identifier: GPL-2.0-only */
/* How each type of schema row is printed: inside core/config_print*.c only. */
#ifndef LBXDP_CORE_CONFIG_PRINT_H
#define LBXDP_CORE_CONFIG_PRINT_H

#include "base/buf.h"
#include "core/model.h"
#include "core/schema.h"

struct printing {
	struct buf *out;
	unsigned int depth;
	uint32_t modes; /* of the service being printed */
	bool in_list;   /* the next line begins a list's entry */
};

/* Prints the row of the struct at base, key and all. */
typedef void config_printer(struct printing *p, const struct schema_row *row, const void *base);

/* One line, or a few. */
config_printer config_print_uint, config_print_duration, config_print_enum, config_print_mode,
	config_print_source, config_print_text, config_print_escaped, config_print_address,
	config_print_addresses, config_print_interfaces, config_print_ports, config_print_listen,
	config_print_file, config_print_files, config_print_names, config_print_prefixes,
	config_print_headers, config_print_pages, config_print_logging;

/* The array that an array row points to, and its length. */
const void *config_array(const struct schema_row *row, const void *base, size_t *count);

/* "key:", at its depth. */
void config_print_key(struct printing *p, const char *key);

/* The lines of one key among rows, of the struct at base that belongs to services of that mode;
 * nothing where nothing is to be said. */
void config_print_one(const struct schema_row *rows, const char *key, const void *base,
		      enum service_mode mode, struct buf *out);

#endif
