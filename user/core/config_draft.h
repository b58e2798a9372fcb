/* SPDX-License-Identifier: GPL-2.0-only */
/* What the config reader works on: inside core/config*.c and core/schema.c only. */
#ifndef LBXDP_CORE_CONFIG_DRAFT_H
#define LBXDP_CORE_CONFIG_DRAFT_H

#include "core/config.h"
#include "core/config_message.h"
#include "core/yaml.h"

/* The top level of the schema fills one of these. */
struct config_draft {
	struct model model; /* first: what config_read hands out */
	uint32_t version;
	struct check_config check; /* defaults.check: its timings begin every check */
	struct {
		uint32_t connect, client, server, request, queue, tunnel; /* ms */
	} l7; /* defaults.timeouts: those of every service */
};

struct config_reading {
	struct arena *arena;
	struct config_messages *messages;
	struct config_draft *draft;
	const struct config_input *in;
	const struct yaml_node *root;
	uint32_t modes; /* bits of enum service_mode: what the service being read may be */
};

/* Says what is wrong with the value n, with the key or list entry n, or that the map n lacks key.
 */
void config_say(struct config_reading *r, const struct yaml_node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void config_say_label(struct config_reading *r, const struct yaml_node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void config_say_missing(struct config_reading *r, const struct yaml_node *n, const char *key,
			const char *format, ...) __attribute__((format(printf, 4, 5)));
void config_warn(struct config_reading *r, const struct yaml_node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Says of a key of map n, if it is there, that it means nothing as things are. */
void config_say_unused(struct config_reading *r, const struct yaml_node *n, const char *key,
		       const char *without);

/* True once so many messages stand that more are only counted: spares their making. */
bool config_is_full(const struct config_reading *r);

/* Fills the draft from the tree by the schema. */
void config_decode(struct config_reading *r);

/* What no single value can show: R3, overlaps, limits. The others are its parts for health checks,
 * for who may use a service (which makes service_config.acl), for the room that rings take, and for
 * services of layer 7. */
void config_rules(struct config_reading *r);
void config_rules_checks(struct config_reading *r, const struct service_config *s,
			 const struct yaml_node *n);
void config_rules_acl(struct config_reading *r, struct service_config *s,
		      const struct yaml_node *n);
void config_rules_slots(struct config_reading *r);
void config_rules_tproxy(struct config_reading *r, const struct service_config *s,
			 const struct yaml_node *n);
void config_rules_l7(struct config_reading *r, const struct service_config *s,
		     const struct yaml_node *n);
/* Who gets a new connection, at either layer; and only the limits of connections, of a route's
 * reals.
 */
void config_rules_order(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n);
void config_rules_connections(struct config_reading *r, const struct service_config *s,
			      const struct yaml_node *n);
void config_rules_nat(struct config_reading *r, struct service_config *s,
		      const struct yaml_node *n);
void config_rules_http(struct config_reading *r, const struct service_config *s,
		       const struct yaml_node *n);

/* of_reals: what else is to be judged of a route's own reals. */
typedef void config_rule(struct config_reading *r, const struct service_config *s,
			 const struct yaml_node *n);
void config_rules_routes(struct config_reading *r, const struct service_config *s,
			 const struct yaml_node *n, config_rule *of_reals);

/* Of the reals of a service or a route: how many, and one address each. */
void config_rules_reals(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n);

/* The node of each real, in step with service_config.reals, of the service or route n. */
const struct yaml_node *config_first_real(const struct yaml_node *n);
const struct yaml_node *config_next_real(const struct yaml_node *n, const struct yaml_node *real);

/* Defaults of the service n that depend on what else it says. */
void config_fill(struct config_reading *r, struct service_config *s, const struct yaml_node *n);

/* Puts the pools of routes among the services; those of the draft and the nodes keep step no more.
 */
void config_expand_routes(struct config_reading *r);

#endif
