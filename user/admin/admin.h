/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's side of the daemon: control socket, command table, renderers. What a command does
 * to the daemon is behind struct admin_ops, which daemon/ fills in.
 */
#ifndef LBXDP_ADMIN_ADMIN_H
#define LBXDP_ADMIN_ADMIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "core/finding.h"
#include "core/prefix.h"
#include "core/view.h"
#include "io/loop.h"

struct admin;

/* What `trace` shows. */
struct trace_request {
	const char *service;  /* empty: any */
	struct prefix client; /* len 0: any */
	uint64_t verdicts;    /* 1 << enum lb_verdict */
	uint32_t rate;        /* packets a second */
	uint64_t count;       /* then it ends; 0: never */
	bool json;
};

enum flows_form { FLOWS_TEXT, FLOWS_CSV, FLOWS_JSON };

/* What `report flows` lists. */
struct flows_request {
	const char *service, *real; /* empty: any */
	struct prefix client;       /* len 0: any */
	int state;                  /* enum lb_flow_state; -1: any */
	uint64_t limit;             /* rows; 0: all */
	enum flows_form form;
};

/* Each int op returns 0, or -errno with one line of what is wrong in out. who is for the audit
 * line: "uid 0". Patterns are "SERVICE/REAL", with '*' for any service. */
struct admin_ops {
	struct view *(*view)(void *arg);          /* caller: view_free */
	struct view *(*view_sessions)(void *arg); /* the same, with the sessions */
	int (*order)(void *arg, const char *who, const char *pattern, enum admin_order o,
		     struct buf *out);
	/* weight < 0: back to the configured one */
	int (*weight)(void *arg, const char *who, const char *pattern, int weight, struct buf *out);
	/* Halts every other real of the service; isolate_end restores what stood before. token is
	 * the caller's, one isolation each. */
	int (*isolate)(void *arg, const char *who, const char *pattern, const void *token,
		       struct buf *out);
	void (*isolate_end)(void *arg, const void *token);
	int (*reload)(void *arg, const char *who, struct buf *out);
	/* Only the files that the configuration names; -EINVAL when one is not used, out has a line
	 * for each. */
	int (*reload_files)(void *arg, const char *who, struct buf *out);
	/* `up` on a running daemon: attach a further interface; -EINVAL when file is another than
	 * the one in force (empty: do not care). */
	int (*join)(void *arg, const char *who, const char *const *interfaces, size_t count,
		    const char *file, struct buf *out);
	/* `down`: interfaces count 0 is everything; *stop says that the daemon ends now. */
	int (*down)(void *arg, const char *who, const char *const *interfaces, size_t count,
		    bool *stop, struct buf *out);
	/* True once each check has its first result or timed out. */
	bool (*settled)(void *arg);
	/* Replies that go on: the daemon adds to them by admin_stream_*, token being the name. */
	int (*trace)(void *arg, const struct trace_request *t, const void *token, struct buf *out);
	int (*flows)(void *arg, const struct flows_request *f, const void *token, struct buf *out);
	/* The client wants no more: add what is to be said at the end, and end it. gone: it does
	 * not even read that; token names nothing afterwards. */
	void (*stream_stop)(void *arg, const void *token, bool gone);
	/* Warnings gathered at up (issue), one line each. */
	void (*warnings)(void *arg, struct buf *out);
	/* Asks on the wire who else has the VIPs, and if all, real servers whether they do as they
	 * should; asked is false until that is over. */
	int (*ask)(void *arg, bool all);
	bool (*asked)(void *arg);
	/* Findings as lines of core/finding.h; arp: only who else has the VIPs. */
	void (*doctor)(void *arg, bool arp, struct buf *out);
	/* The path of the configuration in force. */
	const char *(*config)(void *arg);
	void *arg;
};

/* Binds the control socket at path (mode 0660, root:lbxdp group gid). A stale socket is replaced, a
 * live one is -EADDRINUSE. */
int admin_open(struct admin **out, struct loop *l, const char *path, gid_t group,
	       const struct admin_ops *ops);
void admin_close(struct admin *a, bool unlink_socket);

/* Call when settled or asked may have become true: requests that wait for it are answered. */
void admin_wake(struct admin *a);

/*
 * A reply that goes on. What the client does not read is kept; whoever adds looks at how much that
 * is, and drops or waits. Nothing here calls back. A stream that ended is named no more.
 */
size_t admin_stream_pending(const struct admin *a, const void *token);
void admin_stream_add(struct admin *a, const void *token, const struct buf *bytes);
void admin_stream_end(struct admin *a, const void *token);
/* Ends a reply that must not be taken for whole when it is not: by a NUL byte, the exit status on a
 * line of its own, and why ("": there is nothing to say). */
void admin_stream_seal(struct admin *a, const void *token, int code, const char *why);

/* Renderers. Text uses colour when asked; wide output is not cut. */
void render_status_text(const struct view *v, bool colour, struct buf *out);
void render_status_json(const struct view *v, struct buf *out);
void render_report_l4_text(const struct view *v, struct buf *out);
void render_report_l4_csv(const struct view *v, struct buf *out);
void render_report_l4_json(const struct view *v, struct buf *out);
/* up_only leaves out what is DOWN (R71). */
void render_report_l7_text(const struct view *v, bool up_only, struct buf *out);
void render_report_l7_csv(const struct view *v, bool up_only, struct buf *out);
void render_report_l7_json(const struct view *v, bool up_only, struct buf *out);
void render_report_sessions_text(const struct view *v, struct buf *out);
void render_report_sessions_csv(const struct view *v, struct buf *out);
void render_report_sessions_json(const struct view *v, struct buf *out);
void render_report_checks_text(const struct view *v, struct buf *out);
void render_report_checks_csv(const struct view *v, struct buf *out);
void render_report_checks_json(const struct view *v, struct buf *out);
/* What lbxdp doctor found. */
void render_findings_text(const struct findings *f, struct buf *out);
void render_findings_json(const struct findings *f, struct buf *out);
/* A packet: one line. */
void render_packet_text(const struct view_packet *p, struct buf *out);
void render_packet_json(const struct view_packet *p, struct buf *out);
/* Packets that were not shown, likewise; and how many were, at the end. */
void render_missed(bool json, uint64_t missed, struct buf *out);
void render_traced(bool json, uint64_t shown, uint64_t missed, struct buf *out);
/* Flows: what stands before the first, each, and what stands behind the last; shown of matched are
 * in the list, all are in the tables; whole: the walk over them came to its end. */
void render_flows_begin(enum flows_form form, struct buf *out);
void render_flow(enum flows_form form, const struct view_flow *f, bool first, struct buf *out);
void render_flows_end(enum flows_form form, uint64_t shown, uint64_t matched, uint64_t all,
		      bool whole, struct buf *out);
void render_metrics(const struct view *v, bool openmetrics, struct buf *out);

#endif
