/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/command_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

enum { WEIGHT_MAX = 65535 };

const char *command_argument(const struct command_request *r, size_t i)
{
	return i < r->words->count ? r->words->word[i] : "";
}

int command_outcome(struct command_request *r, int err)
{
	if (!err)
		return DONE;
	if (!r->out.len)
		buf_printf(&r->out, "%s\n", strerror(-err));
	return FAILED;
}

static int run_ping(struct command_request *r)
{
	buf_puts(&r->out, "pong\n");
	return DONE;
}

typedef void render_fn(const struct view *v, struct buf *out);

static void status_colour(const struct view *v, struct buf *out)
{
	render_status_text(v, true, out);
}

static void status_plain(const struct view *v, struct buf *out)
{
	render_status_text(v, false, out);
}

static void metrics_text(const struct view *v, struct buf *out)
{
	render_metrics(v, false, out);
}

static void metrics_open(const struct view *v, struct buf *out)
{
	render_metrics(v, true, out);
}

/* A page of the layer-7 statistics, whole and without what is DOWN. */
#define L7_PAGE(form)                                                                              \
	static void l7_##form(const struct view *v, struct buf *out)                               \
	{                                                                                          \
		render_report_l7_##form(v, false, out);                                            \
	}                                                                                          \
	static void l7_up_##form(const struct view *v, struct buf *out)                            \
	{                                                                                          \
		render_report_l7_##form(v, true, out);                                             \
	}

L7_PAGE(text)
L7_PAGE(csv)
L7_PAGE(json)

/* SERVICE/REAL, a line each: what shells complete. */
static void real_names(const struct view *v, struct buf *out)
{
	for (size_t i = 0; i < v->service_count; i++)
		for (size_t n = 0; n < v->services[i].real_count; n++)
			buf_printf(out, "%s/%s\n", v->services[i].name,
				   v->services[i].reals[n].name);
}

enum { PAGE_WORDS = 4 };

/* What can be read, by the words of the request; the first row of a command is its default. */
static const struct {
	const char *word[PAGE_WORDS];
	render_fn *fn;
} pages[] = {
	{{"status", "text", "", ""},         status_plain               },
	{{"status", "text", "colour", ""},   status_colour              },
	{{"status", "json", "", ""},         render_status_json         },
	{{"report", "l4", "text", ""},       render_report_l4_text      },
	{{"report", "l4", "csv", ""},        render_report_l4_csv       },
	{{"report", "l4", "json", ""},       render_report_l4_json      },
	{{"report", "l7", "text", ""},       l7_text                    },
	{{"report", "l7", "text", "up"},     l7_up_text                 },
	{{"report", "l7", "csv", ""},        l7_csv                     },
	{{"report", "l7", "csv", "up"},      l7_up_csv                  },
	{{"report", "l7", "json", ""},       l7_json                    },
	{{"report", "l7", "json", "up"},     l7_up_json                 },
	{{"report", "sessions", "text", ""}, render_report_sessions_text},
	{{"report", "sessions", "csv", ""},  render_report_sessions_csv },
	{{"report", "sessions", "json", ""}, render_report_sessions_json},
	{{"report", "checks", "text", ""},   render_report_checks_text  },
	{{"report", "checks", "csv", ""},    render_report_checks_csv   },
	{{"report", "checks", "json", ""},   render_report_checks_json  },
	{{"metrics", "text", "", ""},        metrics_text               },
	{{"metrics", "open", "", ""},        metrics_open               },
	{{"names", "", "", ""},              real_names                 },
};

static bool page_matches(const struct command_request *r, size_t page)
{
	for (size_t i = 0; i < PAGE_WORDS; i++)
		if (i < r->words->count && strcmp(r->words->word[i], pages[page].word[i]))
			return false;
	return true;
}

static int run_page(struct command_request *r)
{
	for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
		struct view *v;

		if (!page_matches(r, i))
			continue;
		v = !strcmp(pages[i].word[1], "sessions") ? r->ops->view_sessions(r->ops->arg)
							  : r->ops->view(r->ops->arg);
		if (!v)
			return command_outcome(r, -ENOMEM);
		pages[i].fn(v, &r->out);
		view_free(v);
		return DONE;
	}
	return USAGE;
}

static bool is_pattern(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash && slash != text && slash[1] && !strchr(slash + 1, '/');
}

static int run_order(struct command_request *r)
{
	static const struct {
		const char *name;
		enum admin_order order;
	} orders[] = {
		{"drain",  ADMIN_DRAIN },
		{"halt",   ADMIN_HALT  },
		{"online", ADMIN_ONLINE},
	};

	if (!is_pattern(command_argument(r, 1)))
		return USAGE;
	for (size_t i = 0; i < ARRAY_COUNT(orders); i++)
		if (!strcmp(command_argument(r, 0), orders[i].name))
			return command_outcome(r, r->ops->order(r->ops->arg, r->who,
								command_argument(r, 1),
								orders[i].order, &r->out));
	return USAGE;
}

/* 0 to 65535, or -1 for "default"; -2 for anything else. */
static int parse_weight(const char *text)
{
	char *end;
	long value;

	if (!strcmp(text, "default"))
		return -1;
	if (*text < '0' || *text > '9')
		return -2;
	value = strtol(text, &end, 10);
	return *end || value > WEIGHT_MAX ? -2 : (int)value;
}

static int run_weight(struct command_request *r)
{
	int weight = parse_weight(command_argument(r, 2));

	if (!is_pattern(command_argument(r, 1)) || weight < -1)
		return USAGE;
	return command_outcome(
		r, r->ops->weight(r->ops->arg, r->who, command_argument(r, 1), weight, &r->out));
}

static int run_isolate(struct command_request *r)
{
	int code;

	if (!is_pattern(command_argument(r, 1)))
		return USAGE;
	code = command_outcome(
		r, r->ops->isolate(r->ops->arg, r->who, command_argument(r, 1), r->token, &r->out));
	r->then = code == DONE ? COMMAND_HOLD : COMMAND_CLOSE;
	return code;
}

static int run_reload(struct command_request *r)
{
	if (!strcmp(command_argument(r, 1), "certificates"))
		return command_outcome(r, r->ops->reload_files(r->ops->arg, r->who, &r->out));
	if (r->words->count > 1)
		return USAGE;
	return command_outcome(r, r->ops->reload(r->ops->arg, r->who, &r->out));
}

static int run_join(struct command_request *r)
{
	int err = r->ops->join(r->ops->arg, r->who, r->words->word + 2, r->words->count - 2,
			       command_argument(r, 1), &r->out);
	int code = command_outcome(r, err);

	return err == -EINVAL ? USAGE : code; /* another file than the one in force */
}

static void wait_for(struct command_request *r, bool (*ready)(void *arg))
{
	if (ready(r->ops->arg))
		return;
	r->then = COMMAND_WAIT;
	r->ready = ready;
}

static int run_up(struct command_request *r)
{
	int code = run_join(r);

	if (code == DONE)
		wait_for(r, r->ops->settled);
	return code;
}

static int run_wait(struct command_request *r)
{
	wait_for(r, r->ops->settled);
	return DONE;
}

static int run_down(struct command_request *r)
{
	bool stop = false;
	int err = r->ops->down(r->ops->arg, r->who, r->words->word + 1, r->words->count - 1, &stop,
			       &r->out);

	if (stop)
		r->then = COMMAND_STOP;
	return command_outcome(r, err);
}

static int run_warnings(struct command_request *r)
{
	r->ops->warnings(r->ops->arg, &r->out);
	return DONE;
}

static int run_ask(struct command_request *r)
{
	bool arp = !strcmp(command_argument(r, 1), "arp");
	int err;

	if (!arp && r->words->count > 1)
		return USAGE;
	err = r->ops->ask(r->ops->arg, !arp);
	if (!err)
		wait_for(r, r->ops->asked);
	return command_outcome(r, err);
}

static int run_doctor(struct command_request *r)
{
	bool arp = !strcmp(command_argument(r, 1), "arp");

	if (!arp && r->words->count > 1)
		return USAGE;
	r->ops->doctor(r->ops->arg, arp, &r->out);
	return DONE;
}

static int run_config(struct command_request *r)
{
	buf_printf(&r->out, "%s\n", r->ops->config(r->ops->arg));
	return DONE;
}

static int run_help(struct command_request *r);

/* Arguments beside the name, from min to max. orders: changes something, so only root and the
 * daemon's group may, and it is audited. */
static const struct {
	const char *name, *arguments;
	bool orders;
	size_t min, max;
	int (*run)(struct command_request *r);
} commands[] = {
	{"ping",     "",						      false, 0, 0,              run_ping    },
	{"help",     "",						      false, 0, 0,              run_help    },
	{"status",   "[text|json] [colour]",                                  false, 0, 2,              run_page    },
	{"report",   "l4|l7|sessions|checks [text|json|csv] [up]",            false, 1, 3,              run_page    },
	{"metrics",  "[text|open]",					   false, 0, 1,              run_page    },
	{"names",    "",						      false, 0, 0,              run_page    },
	{"warnings", "",						      false, 0, 0,              run_warnings},
	{"wait",     "",						      false, 0, 0,              run_wait    },
	{"trace",    "text|json RATE COUNT [SERVICE [CLIENT [VERDICT,...]]]", false, 3, 6,
	 command_trace											      },
	{"flows",    "text|csv|json LIMIT [SERVICE[/REAL] [CLIENT [STATE]]]", false, 2, 5,
	 command_flows											      },
	{"ask",      "[arp]",						 false, 0, 1,              run_ask     },
	{"doctor",   "[arp]",						 false, 0, 1,              run_doctor  },
	{"config",   "",						      false, 0, 0,              run_config  },
	{"drain",    "SERVICE/REAL",					  true,  1, 1,              run_order   },
	{"halt",     "SERVICE/REAL",					  true,  1, 1,              run_order   },
	{"online",   "SERVICE/REAL",					  true,  1, 1,              run_order   },
	{"weight",   "SERVICE/REAL 0..65535|default",                         true,  2, 2,              run_weight  },
	{"isolate",  "SERVICE/REAL",					  true,  1, 1,              run_isolate },
	{"reload",   "[certificates]",					true,  0, 1,              run_reload  },
	{"join",     "FILE [IFACE...]",				       true,  1, LINE_WORDS_MAX, run_join    },
	{"up",       "FILE [IFACE...]",				       true,  1, LINE_WORDS_MAX, run_up      },
	{"down",     "[IFACE...]",					    true,  0, LINE_WORDS_MAX, run_down    },
};

static int run_help(struct command_request *r)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		buf_printf(&r->out, "%s%s%s\n", commands[i].name, *commands[i].arguments ? " " : "",
			   commands[i].arguments);
	return DONE;
}

static void audit(const struct command_request *r, int code)
{
	static const char *const result[] = {"done", "failed", "refused"};
	struct buf line = {};
	size_t first = strcspn(buf_text(&r->out), "\n");

	for (size_t i = 0; i < r->words->count; i++)
		(void)line_add(&line, r->words->word[i]); /* it came in a line, so it fits one */
	log_info("audit: %s: %s: %s%s%.*s", r->who, buf_text(&line), result[code],
		 code == DONE ? "" : ": ", code == DONE ? 0 : (int)first, buf_text(&r->out));
	buf_free(&line);
}

static int run(struct command_request *r, size_t i)
{
	size_t arguments = r->words->count - 1;
	int code = USAGE;

	if (commands[i].orders && !r->may_order) {
		buf_puts(&r->out, "permission denied: only root and the group of the socket may "
				  "change anything\n");
		return FAILED;
	}
	if (arguments >= commands[i].min && arguments <= commands[i].max)
		code = commands[i].run(r);
	if (code == USAGE && !r->out.len)
		buf_printf(&r->out, "usage: %s %s\n", commands[i].name, commands[i].arguments);
	return code;
}

int command_run(struct command_request *r)
{
	r->then = COMMAND_CLOSE;
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		int code;

		if (strcmp(command_argument(r, 0), commands[i].name))
			continue;
		code = run(r, i);
		if (commands[i].orders)
			audit(r, code);
		return code;
	}
	buf_puts(&r->out, "unknown command; \"help\" lists them\n");
	return USAGE;
}
