/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/check.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[CHECK_TYPE_COUNT] = {
	[CHECK_ON] = "on",           [CHECK_OFF] = "off",   [CHECK_PING] = "ping",
	[CHECK_CONNECT] = "connect", [CHECK_TCP] = "tcp",   [CHECK_HTTP] = "http",
	[CHECK_HTTPS] = "https",     [CHECK_SMTP] = "smtp", [CHECK_IMAP] = "imap",
	[CHECK_IMAPS] = "imaps",     [CHECK_POP3] = "pop3", [CHECK_POP3S] = "pop3s",
};

static const char *const code_names[CHECK_CODE_COUNT] = {
	[CHECK_CODE_NONE] = "checking",   [CHECK_CODE_OFF] = "off",
	[CHECK_CODE_L4OK] = "L4OK",       [CHECK_CODE_L4TOUT] = "L4TOUT",
	[CHECK_CODE_L4CON] = "L4CON",     [CHECK_CODE_L6OK] = "L6OK",
	[CHECK_CODE_L6TOUT] = "L6TOUT",   [CHECK_CODE_L6RSP] = "L6RSP",
	[CHECK_CODE_L7OK] = "L7OK",       [CHECK_CODE_L7TOUT] = "L7TOUT",
	[CHECK_CODE_L7RSP] = "L7RSP",     [CHECK_CODE_L7STS] = "L7STS",
	[CHECK_CODE_SOCKERR] = "SOCKERR",
};

const char *check_type_name(enum check_type t)
{
	return type_names[t];
}

int check_type_parse(const char *name)
{
	for (int t = 0; t < CHECK_TYPE_COUNT; t++)
		if (!strcmp(name, type_names[t]))
			return t;
	return -1;
}

const char *check_code_name(enum check_code c)
{
	return code_names[c];
}

bool check_code_passed(enum check_code c)
{
	return c == CHECK_CODE_OFF || c == CHECK_CODE_L4OK || c == CHECK_CODE_L6OK ||
	       c == CHECK_CODE_L7OK;
}

const char *check_outcome_format(const struct check_outcome *o, char *text, unsigned int room)
{
	const char *name = check_code_name(o->code);
	unsigned int msec = o->duration_usec / 1000;

	if (o->code == CHECK_CODE_NONE || o->code == CHECK_CODE_OFF)
		snprintf(text, room, "%s", name);
	else if (o->status)
		snprintf(text, room, "%s/%u in %ums", name, o->status, msec);
	else
		snprintf(text, room, "%s in %ums", name, msec);
	return text;
}

bool check_state_count(struct check_state *s, bool passed, uint32_t rise, uint32_t fall)
{
	enum health now = passed ? HEALTH_UP : HEALTH_DOWN;
	uint32_t need = passed ? rise : fall;

	if (s->health == now) {
		s->streak = 0;
		return false;
	}
	if (s->health != HEALTH_UNKNOWN && ++s->streak < need)
		return false;
	s->health = now;
	s->streak = 0;
	return true;
}

bool check_state_changing(const struct check_state *s)
{
	return s->health == HEALTH_UNKNOWN || s->streak > 0;
}
