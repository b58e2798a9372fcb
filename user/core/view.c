/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/view.h"

const double view_duration_bounds[VIEW_DURATION_BUCKETS - 1] = {
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
};

uint64_t view_check_failures(const struct view_check *c)
{
	uint64_t sum = 0;

	for (int code = 0; code < CHECK_CODE_COUNT; code++)
		sum += c->failures[code];
	return sum;
}

void view_free(struct view *v)
{
	if (v)
		arena_free(v->arena); /* v itself lives there too */
}

const char *session_state_name(enum session_state s)
{
	static const char *const name[] = {
		[SESSION_HEADER] = "header", [SESSION_HANDSHAKE] = "handshake",
		[SESSION_HELLO] = "hello",   [SESSION_HTTP] = "http",
		[SESSION_QUEUE] = "queue",   [SESSION_CONNECT] = "connect",
		[SESSION_PAUSE] = "retry",   [SESSION_RELAY] = "relay",
		[SESSION_ENDED] = "ended",
	};

	return name[s];
}

const char *real_status_name(enum real_status s)
{
	static const char *const name[] = {"up", "down", "drain", "halt"};

	return name[s];
}

const char *service_status_name(enum service_status s)
{
	static const char *const name[] = {"healthy", "degraded", "down", "redirect"};

	return name[s];
}

const char *admin_order_name(enum admin_order o)
{
	static const char *const name[] = {"online", "drain", "halt"};

	return name[o];
}

const char *verdict_name(enum lb_verdict v)
{
	static const char *const names[LB_VERDICT_COUNT] = {
#define NAME(name, action, help) [LB_##name] = #name,
		LB_VERDICTS(NAME)
#undef NAME
	};

	return names[v];
}

const char *flow_state_name(enum lb_flow_state s)
{
	static const char *const names[LB_FLOW_STATE_COUNT] = {
		[LB_FLOW_HALF_OPEN] = "half-open",
		[LB_FLOW_NEW] = "new",
		[LB_FLOW_ESTABLISHED] = "established",
		[LB_FLOW_CLOSING] = "closing",
		[LB_FLOW_UDP] = "udp",
		[LB_FLOW_DENIED] = "denied",
	};

	return s < LB_FLOW_STATE_COUNT ? names[s] : "";
}
