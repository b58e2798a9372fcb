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
#include "core/view.h"
#include "io/loop.h"

struct admin;

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
	/* Warnings gathered at up (issue), one line each. */
	void (*warnings)(void *arg, struct buf *out);
	/* Asks on the wire who else has the VIPs; asked is false until that is over. */
	int (*ask)(void *arg);
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
void render_metrics(const struct view *v, bool openmetrics, struct buf *out);

#endif
