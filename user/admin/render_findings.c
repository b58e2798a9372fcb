/* SPDX-License-Identifier: GPL-2.0-only */
/* What `lbxdp doctor` prints. */
#include "admin/admin.h"
#include "admin/json.h"

void render_findings_text(const struct findings *f, struct buf *out)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *one = &f->at[i];

		buf_printf(out, "%s: %s: %s\n", finding_severity_name(one->severity), one->about,
			   one->seen);
		buf_printf(out, "    why:  %s\n    type: %s\n", one->why, one->type);
	}
	if (!f->count)
		buf_puts(out, "nothing found\n");
	for (size_t i = 0; i < f->note_count; i++)
		buf_printf(out, "note: %s\n", f->notes[i]);
}

void render_findings_json(const struct findings *f, struct buf *out)
{
	struct json j = {.out = out};

	json_open(&j, NULL, '{');
	json_open(&j, "findings", '[');
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *one = &f->at[i];

		json_open(&j, NULL, '{');
		json_text(&j, "severity", finding_severity_name(one->severity));
		json_text(&j, "examination", one->examination);
		json_text(&j, "about", one->about);
		json_text(&j, "seen", one->seen);
		json_text(&j, "why", one->why);
		json_text(&j, "type", one->type);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_open(&j, "notes", '[');
	for (size_t i = 0; i < f->note_count; i++)
		json_text(&j, NULL, f->notes[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	buf_puts(out, "\n");
}
