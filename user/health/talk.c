/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/talk.h"

struct talk_kind {
	void (*start)(struct talk *t, const struct recipe *r);
	size_t (*feed)(struct talk *t, char *bytes, size_t len);
	void (*closed)(struct talk *t, const char *how);
	void (*timeout)(struct talk *t);
};

/* Takes over what the dialogue wants to say and whether it is over. */
static void follow_dialogue(struct talk *t)
{
	t->say = t->dialogue.say;
	t->dialogue.say.len = 0;
	t->over = t->dialogue.over;
}

static void dialogue_kind_start(struct talk *t, const struct recipe *r)
{
	dialogue_start(&t->dialogue, r->script, r->helo, r->steps, r->step_count);
	t->outcome = &t->dialogue.outcome;
	follow_dialogue(t);
}

static size_t dialogue_kind_feed(struct talk *t, char *bytes, size_t len)
{
	size_t used = dialogue_feed(&t->dialogue, bytes, len);

	follow_dialogue(t);
	return used;
}

static void dialogue_kind_closed(struct talk *t, const char *how)
{
	dialogue_closed(&t->dialogue, how);
}

static void dialogue_kind_timeout(struct talk *t)
{
	dialogue_timeout(&t->dialogue);
}

static void http_kind_start(struct talk *t, const struct recipe *r)
{
	http_check_start(&t->http, r->expect, r->no_body);
	t->outcome = &t->http.outcome;
	t->say = r->request;
}

static size_t http_kind_feed(struct talk *t, char *bytes, size_t len)
{
	size_t used = http_check_feed(&t->http, bytes, len);

	t->over = t->http.over;
	return used;
}

static void http_kind_closed(struct talk *t, const char *how)
{
	http_check_closed(&t->http, how);
}

static void http_kind_timeout(struct talk *t)
{
	http_check_timeout(&t->http);
}

static const struct talk_kind kinds[] = {
	[RECIPE_HTTP] = {http_kind_start,     http_kind_feed,     http_kind_closed,     http_kind_timeout},
	[RECIPE_DIALOGUE] = {dialogue_kind_start, dialogue_kind_feed, dialogue_kind_closed,
                         dialogue_kind_timeout							   },
};

void talk_start(struct talk *t, const struct recipe *r)
{
	t->kind = &kinds[r->talk];
	t->over = false;
	t->kind->start(t, r);
}

size_t talk_feed(struct talk *t, char *bytes, size_t len)
{
	return t->kind->feed(t, bytes, len);
}

void talk_closed(struct talk *t, const char *how)
{
	t->kind->closed(t, how);
	t->over = true;
}

void talk_timeout(struct talk *t)
{
	t->kind->timeout(t);
	t->over = true;
}
