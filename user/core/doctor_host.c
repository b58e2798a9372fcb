/* SPDX-License-Identifier: GPL-2.0-only */
/* The examinations of a host on which no daemon runs. */
#include <stdio.h>

#include "core/doctor.h"

enum { LINE = 512 };

static void add(struct findings *out, enum finding_severity s, const char *about, const char *seen,
		const char *why, const char *type)
{
	findings_add(out, &(struct finding){
				  .severity = s,
				  .examination = "host",
				  .about = about,
				  .seen = seen,
				  .why = why,
				  .type = type,
			  });
}

static void examine_daemon(const struct doctor_host *h, struct findings *out)
{
	char seen[LINE];

	snprintf(seen, sizeof(seen),
		 "lbxdp does not run, but its data plane goes on with the state "
		 "of %llu s ago",
		 (unsigned long long)h->silence_msec / 1000);
	add(out, FINDING_ERROR, h->orphaned ? h->pin_dir : "lbxdp",
	    h->orphaned ? seen : "lbxdp does not run",
	    h->orphaned
		    ? "servers that fail go on getting connections, and layer 7 follows no change"
		    : "nothing is balanced",
	    h->orphaned ? "lbxdp up (it takes over without a gap), or lbxdp down" : "lbxdp up");
}

void doctor_examine_host(const struct doctor_host *h, struct findings *out)
{
	char type[LINE];

	examine_daemon(h, out);
	if (!h->has_user)
		add(out, FINDING_ERROR, "host", "there is no user lbxdp",
		    "checks, proxies and the web page run as that user: lbxdp up refuses to start",
		    h->user_hint);
	if (!h->config_error)
		return;
	snprintf(type, sizeof(type), "lbxdp check -c %s", h->config);
	add(out, FINDING_ERROR, h->config, h->config_error, "lbxdp up refuses to start with it",
	    type);
}
