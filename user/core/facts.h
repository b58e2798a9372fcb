/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was observed or ordered, laid out beside a model for desire(): health, neighbours, links,
 * admin orders, HA role. Plain data; daemon/ gathers it for each plan.
 */
#ifndef LBXDP_CORE_FACTS_H
#define LBXDP_CORE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/plan.h"
#include "core/view.h"
#include "lbxdp/abi.h"

struct real_fact {
	uint32_t id;               /* row id of the real */
	const uint32_t *check_ids; /* of its checks, as service_check_spec numbers them */
	enum admin_order admin;
	int32_t weight; /* ordered; -1: as configured */
	/* Of the connected network its address is in; with source: client, by which its answers
	 * come. 0: none. */
	uint32_t ifindex;
	/* Direct Routing only: */
	bool has_mac;      /* the neighbour is known */
	bool no_neighbour; /* it was asked for and did not answer */
	uint8_t mac[6], source_mac[6];
	enum health health;  /* of all its checks together */
	bool connect_failed; /* a failing check ended L4CON or L4TOUT */
	/* clock_msec() at which it became usable again; 0: long ago, or the service has no
	 * slow_start. */
	uint64_t usable_since;
	uint8_t ramp; /* layer 4: ramp_step() of that; 0: all of it */
};

struct service_fact {
	uint32_t id;
	const struct real_fact *reals; /* as in the model */
	uint64_t ramp_next;            /* layer 4: clock_msec() at which a ramp takes its next step;
					* UINT64_MAX: there is none */
};

/* A real that left the configuration while flows may still carry its id. */
struct retired_fact {
	uint32_t id;
	struct lb_real real; /* its row as it stands */
	struct lb_real_info info;
	bool resets; /* its flows are reset, as when its service left; else they run to their end */
	bool has_mac;
	uint8_t mac[6];
};

struct iface_fact {
	uint32_t ifindex;
	char name[16];
	uint8_t mac[6];
	bool up;
	uint16_t epoch;
	bool attached; /* our program runs there: announce through it */
};

/* What a file holds, as a number: another content is another version. */
struct file_fact {
	const char *path;
	uint64_t version;
};

struct facts {
	const struct service_fact *services; /* as in the model */
	const struct retired_fact *retired;
	size_t retired_count;
	const struct addr *held; /* VIPs that left layer 7 while sessions on them still run */
	size_t held_count;
	uint32_t local_table; /* TProxy's routing table */
	/* What TProxy has and its sessions still need, whatever the model says. */
	const struct row_local_route *held_routes;
	size_t held_route_count;
	const uint32_t *held_diverts;
	size_t held_divert_count;
	const struct addr *held_sources; /* that left a source_pool while flows have them */
	size_t held_source_count;
	const struct lb_addr *leaving_vips; /* answered for no more, unless the model has them */
	size_t leaving_vip_count;
	const struct iface_fact *ifaces; /* that exist and should be attached */
	size_t iface_count;
	enum xdp_mode xdp_mode;        /* of the command line, or as configured */
	bool active;                   /* HA role: answer for the VIPs */
	const struct file_fact *files; /* of core/model_files.h, sorted by path */
	size_t file_count;
};

#endif
