/* SPDX-License-Identifier: GPL-2.0-only */
/* The request line of the control socket: any bytes split without harm, and what was split can be
 * said again and splits to the same words. What asks for a stream is understood, or refused with a
 * reason, and what is understood keeps its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static int take_trace(void *arg, const struct trace_request *t, const void *token, struct buf *out)
{
	if (!t->rate || t->rate > 5000 || !t->verdicts || t->client.len > PREFIX_BITS)
		abort();
	return 0;
}

static int take_flows(void *arg, const struct flows_request *f, const void *token, struct buf *out)
{
	if (f->client.len > PREFIX_BITS || f->state >= LB_FLOW_STATE_COUNT ||
	    strlen(f->service) + strlen(f->real) >= 2 * LB_NAME_LEN)
		abort();
	return 0;
}

static void run_stream(const struct line_words *words)
{
	static const struct admin_ops ops = {.trace = take_trace, .flows = take_flows};
	struct command_request r = {.ops = &ops, .who = "fuzzer", .token = words, .words = words};

	if (!words->count || (strcmp(words->word[0], "trace") && strcmp(words->word[0], "flows")))
		return;
	if (command_run(&r) && !r.out.len)
		abort();
	buf_free(&r.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line_words first, again;
	char *text = text_of(data, size);
	struct buf line = {};

	if (!line_split(text, &first)) {
		for (size_t i = 0; i < first.count; i++)
			if (line_add(&line, first.word[i]))
				abort();
		run_stream(&first);
		buf_puts(&line, "");
		if (line_split(line.at, &again) || again.count != first.count)
			abort();
		for (size_t i = 0; i < first.count; i++)
			if (strcmp(first.word[i], again.word[i]))
				abort();
	}
	buf_free(&line);
	free(text);
	return 0;
}
