/* SPDX-License-Identifier: GPL-2.0-only */
/* How each type of schema row is decoded: inside core/config_decode*.c only. */
#ifndef LBXDP_CORE_CONFIG_DECODE_H
#define LBXDP_CORE_CONFIG_DECODE_H

#include "core/config_draft.h"
#include "core/schema.h"

/* Decodes the value n into the struct at base. n is NULL where the key is missing: sections and
 * lists then take their defaults. */
typedef void config_decoder(struct config_reading *r, const struct schema_row *row,
			    const struct yaml_node *n, void *base);

/* Single values. */
config_decoder config_decode_uint, config_decode_duration, config_decode_word, config_decode_text,
	config_decode_escaped, config_decode_address, config_decode_listen, config_decode_mode,
	config_decode_source, config_decode_file, config_decode_logging, config_decode_later;

/* Several of them. */
config_decoder config_decode_files, config_decode_pages, config_decode_headers, config_decode_names,
	config_decode_prefixes;

/* Where the row's value stands in the struct at base. */
void *config_field(const struct schema_row *row, void *base);

/* Where the length of the row's array stands, and a new array for it. */
size_t *config_counter(const struct schema_row *row, void *base);
void *config_new_array(struct config_reading *r, const struct schema_row *row, size_t count,
		       size_t size, void *base);

/* True when "one or a list" may be gone through; complains about an empty or too long one. */
bool config_is_list(struct config_reading *r, const struct schema_row *row,
		    const struct yaml_node *n, bool may_be_empty);

/* True when n is one word; complains where it is not. */
bool config_is_word(struct config_reading *r, const struct yaml_node *n);

/* Complains about the word n when wrong says what is wrong with it; true when it is NULL. */
bool config_is_right(struct config_reading *r, const struct yaml_node *n, const char *wrong);

/* True when n says no more than a missing key: one of the row's neutral words, nothing, or a map or
 * list of them. */
bool config_is_neutral(const struct schema_row *row, const struct yaml_node *n);

/* True when word stands in the space-separated list. */
bool config_lists_word(const char *list, const char *word);

#endif
