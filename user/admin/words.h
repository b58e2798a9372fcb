/* SPDX-License-Identifier: GPL-2.0-only */
/* What the renderers share: the same thing is called and coloured the same everywhere. */
#ifndef LBXDP_ADMIN_WORDS_H
#define LBXDP_ADMIN_WORDS_H

#include "admin/grid.h"
#include "base/buf.h"
#include "core/view.h"

enum { CHECK_LABEL_LEN = 96, DURATION_TEXT_LEN = 24, CHECK_WORD_LEN = 24 };

/* Never by colour alone (R66): each state has a letter. */
char words_service_letter(enum service_status s);
char words_real_letter(enum real_status s);
enum grid_colour words_service_colour(enum service_status s);
enum grid_colour words_real_colour(enum real_status s);

/* "192.168.30.10,fd00::10" and "143,993"; appended. */
void words_vips(const struct service_config *s, struct buf *out);
void words_ports(const struct service_config *s, struct buf *out);

/* The guide's "Layer 4" and "DR", "Layer 7" and "TCP". */
const char *words_method(const struct service_config *s);
const char *words_mode(const struct service_config *s);

/* What runs now: flows at layer 4, sessions at layer 7. */
uint64_t words_active(const struct view_service *s, const struct view_real *r);

/* "https:443", or "https:443 via 10.0.0.100", unique within the real ("https:443#2") and the same
 * on each real of a service. */
const char *words_check_label(const struct view_real *r, size_t index, char *text);

/* "L7STS/503", "L4OK", "checking": HAProxy's word without the duration. */
const char *words_check_code(const struct check_outcome *o, char *text);

/* "45s", "1m33s", "2h05m", "3d04h"; "-" when since is 0. */
const char *words_age(time_t since, time_t now, char *text);

/* The check a real is judged by; NULL when it has none. */
const struct view_check *words_worst(const struct view_real *r);

bool words_check_up(const struct view_check *c);

#endif
