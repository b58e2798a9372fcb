/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of a packet filter: any text is read, and each finding names a VIP that is there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/filter_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] =
	"version: 1\n"
	"node: {interfaces: [eth0]}\n"
	"services:\n"
	"  web: {mode: l4-dr, vip: 192.168.30.10, ports: [80, 443], reals: {a: {ip: 10.0.0.1}}}\n"
	"  six: {mode: l4-dr, vip: 2001:db8::10, ports: [443], reals: {a: {ip: 2001:db8::1}}}\n";

static const struct model *the_model(void)
{
	static struct model *m;
	const struct config_input in = {
		.file = "fuzz", .text = config, .len = sizeof(config) - 1, .host_name = "lb1"};
	struct buf messages = {};

	if (!m)
		m = config_read(&in, &messages);
	if (!m)
		abort();
	buf_free(&messages);
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct findings found = {}, read = {};
	char *text = malloc(size + 1); /* so that the sanitizer sees a byte too many */
	struct buf lines = {};

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	filter_rules_examine(text, the_model(), &found);
	for (size_t i = 0; i < found.count; i++)
		if (!strstr(found.at[i].seen, "names VIP 192.168.30.10 of service web") &&
		    !strstr(found.at[i].seen, "names VIP 2001:db8::10 of service six"))
			abort();
	findings_write(&found, &lines);
	if (findings_read(&read, buf_text(&lines)) || read.count != found.count)
		abort();
	(void)findings_read(&read, text); /* what no daemon says is refused or taken, no more */
	findings_free(&found);
	findings_free(&read);
	buf_free(&lines);
	free(text);
	return 0;
}
