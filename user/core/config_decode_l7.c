/* SPDX-License-Identifier: GPL-2.0-only */
/* Values that only layer 7 has: files, changes of headers, error pages. */
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "core/config_decode.h"
#include "core/config_value.h"
#include "core/http_edit.h"

/* As the standard error pages of core/proxy.h's PROXY_BLOB_ERROR_PAGE. */
static const uint16_t page_statuses[] = {400, 403, 408, 413, 431, 502, 503, 504};

/* Says whether n is a file's name, which then stands in f. */
static bool take_file(struct config_reading *r, const struct schema_row *row,
		      const struct yaml_node *n, struct file_config *f)
{
	if (!config_is_word(r, n))
		return false;
	if (row->neutral && config_lists_word(row->neutral, n->text))
		return false;
	if (strlen(n->text) >= PROXY_PATH_LEN) {
		config_say(r, n, "is too long (at most %d bytes)", PROXY_PATH_LEN - 1);
		return false;
	}
	if (*n->text != '/' || !value_is_printable(n->text, true))
		return config_is_right(r, n, "is not an absolute path");
	*f = (struct file_config){.place = n->place, .path = n->text};
	return true;
}

void config_decode_file(struct config_reading *r, const struct schema_row *row,
			const struct yaml_node *n, void *base)
{
	struct file_config f = {.path = ""};

	if (n)
		(void)take_file(r, row, n, &f); /* none stands */
	memcpy(config_field(row, base), &f, sizeof(f));
}

void config_decode_files(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	struct file_config *files;
	size_t count = 0;

	if (!config_is_list(r, row, n, false))
		return;
	files = config_new_array(r, row, n->kind == YAML_LIST ? n->count : 1, row->size, base);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i))
		count += take_file(r, row, i, &files[count]);
	*config_counter(row, base) = count;
}

/* True for a map of at most so many entries as the row takes, or a word for none, which has no
 * entry. */
static bool is_map(struct config_reading *r, const struct schema_row *row,
		   const struct yaml_node *n, const char *shape)
{
	if (n->kind == YAML_BROKEN || yaml_is_blank(n))
		return false;
	if (n->kind == YAML_WORD && row->neutral && config_lists_word(row->neutral, n->text))
		return false;
	if (n->kind != YAML_MAP)
		config_say(r, n, "a map belongs here (%s)", shape);
	else if (row->max && n->count > row->max)
		config_say(r, n, "more than %u entries", row->max);
	else
		return true;
	return false;
}

static uint16_t page_status(const char *text)
{
	uint32_t status;

	for (size_t i = 0; i < ARRAY_COUNT(page_statuses); i++)
		if (!value_uint(text, &status) && status == page_statuses[i])
			return page_statuses[i];
	return 0;
}

void config_decode_pages(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	struct page_config *pages;
	size_t count = 0;

	if (!is_map(r, row, n, "error_pages: {503: /etc/lbxdp/503.html}"))
		return;
	pages = config_new_array(r, row, n->count, row->size, base);
	for (const struct yaml_node *i = n->first; i; i = i->next) {
		pages[count].status = page_status(i->key);
		if (!pages[count].status)
			config_say_label(r, i,
					 "has no page here (400, 403, 408, 413, 431, 502, "
					 "503 and 504 have)");
		else
			count += take_file(r, row, i, &pages[count].file);
	}
	*config_counter(row, base) = count;
}

static enum http_edit_op op_of(const struct schema_row *row)
{
	if (!strcmp(row->key, "delete"))
		return HTTP_EDIT_DELETE;
	return strcmp(row->key, "set") ? HTTP_EDIT_ADD : HTTP_EDIT_SET;
}

/* What belongs to a connection is lbxdp's own to write (RFC 9110 7.6.1, RFC 9112 section 6). */
static const char *judge_name(const char *name, enum http_edit_op op)
{
	static const char *const own[] = {
		"Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive",
		"TE",         "Trailer",        "Upgrade",           "Proxy-Connection"};

	if (!value_is_token(name))
		return "is not the name of a header field";
	if (strlen(name) >= PROXY_TEXT_LEN)
		return "is too long (at most 127 bytes)";
	for (size_t i = 0; i < ARRAY_COUNT(own); i++)
		if (!strcasecmp(name, own[i]))
			return "belongs to the connection and cannot be changed";
	if (op != HTTP_EDIT_SET && !strcasecmp(name, "Host"))
		return "stands in a request exactly once; it can only be set";
	return NULL;
}

/* RFC 9110 5.5; the last word has whoever writes it. */
static const char *judge_value(const char *name, const char *text, enum http_edit_op op)
{
	const struct http_edit edit = {
		.op = op, .name = {name, strlen(name)},
                     .value = {text, strlen(text)}
        };

	if (strlen(text) >= PROXY_VALUE_LEN)
		return "is too long (at most 511 bytes)";
	if (!value_is_printable(text, true))
		return "holds control characters";
	return http_edit_is_sound(&edit) ? NULL : "cannot be the value of this field";
}

/* Two values of one name would be two answers to one question. */
static bool is_said_before(struct config_reading *r, const struct yaml_node *n,
			   const struct header_config *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(all[i].name, n->key ? n->key : n->text))
			continue;
		if (n->key)
			config_say_label(r, n, "stands here twice (case does not count)");
		else
			config_say(r, n, "stands here twice (case does not count)");
		return true;
	}
	return false;
}

void config_decode_headers(struct config_reading *r, const struct schema_row *row,
			   const struct yaml_node *n, void *base)
{
	struct header_config *all;
	size_t count = 0;

	if (!is_map(r, row, n, "set: {X-Name: value}"))
		return;
	all = config_new_array(r, row, n->count, row->size, base);
	for (const struct yaml_node *i = n->first; i; i = i->next) {
		const char *wrong = judge_name(i->key, op_of(row));

		if (wrong)
			config_say_label(r, i, "%s %s", config_quote(i->key, r->arena), wrong);
		if (wrong || is_said_before(r, i, all, count))
			continue;
		if (config_is_word(r, i) &&
		    config_is_right(r, i, judge_value(i->key, i->text, op_of(row))))
			all[count++] = (struct header_config){i->key, i->text};
	}
	*config_counter(row, base) = count;
}

void config_decode_names(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	struct header_config *all;
	size_t count = 0;

	if (n->kind == YAML_WORD && config_lists_word(row->neutral, n->text))
		return;
	if (!config_is_list(r, row, n, true))
		return;
	all = config_new_array(r, row, n->kind == YAML_LIST ? n->count : 1, row->size, base);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i))
		if (config_is_word(r, i) &&
		    config_is_right(r, i, judge_name(i->text, op_of(row))) &&
		    !is_said_before(r, i, all, count))
			all[count++] = (struct header_config){i->text, ""};
	*config_counter(row, base) = count;
}

void config_decode_logging(struct config_reading *r, const struct schema_row *row,
			   const struct yaml_node *n, void *base)
{
	struct model *m = &r->draft->model;

	if (!config_is_word(r, n))
		return;
	m->l7.log_file = "";
	m->l7.logging = !config_lists_word(row->neutral, n->text);
	if (!m->l7.logging || !strcmp(n->text, "on"))
		return;
	if (*n->text != '/' || !value_is_printable(n->text, true))
		config_say(r, n, "%s is not off, on or an absolute path",
			   config_quote(n->text, r->arena));
	else
		m->l7.log_file = n->text;
}
