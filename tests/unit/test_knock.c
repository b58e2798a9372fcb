/* SPDX-License-Identifier: GPL-2.0-only */
/* What real servers are asked by SYNs, and what their answers mean. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/knock.h"
#include "unit/view_sample.h"

/* One service with one real; open to change. */
struct world {
	struct view view;
	struct view_service service;
	struct service_config config;
	struct port_range port;
	struct addr vips[2];
	struct view_real real;
	struct view_check check;
	struct arena *arena;
	struct knocks knocks;
	struct findings found;
};

static void make(struct world *w, enum service_mode mode)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_new();
	w->vips[0] = sample_addr("192.168.30.10");
	w->vips[1] = sample_addr("192.168.30.11");
	w->port = (struct port_range){443, 443};
	w->config = (struct service_config){.mode = mode,
					    .vips = w->vips,
					    .vip_count = 1,
					    .ports = &w->port,
					    .port_range_count = 1,
					    .protocol = IPPROTO_TCP};
	w->real = (struct view_real){
		.name = "CAS1",
		.ip = sample_addr("192.168.30.20"),
		.has_mac = true,
		.mac = {2, 0, 0, 0, 0, 1},
		.interface = "eth0",
		.checks = &w->check,
		.check_count = 1
        };
	w->service = (struct view_service){
		.name = "CAS", .config = &w->config, .reals = &w->real, .real_count = 1};
	w->view.services = &w->service;
	w->view.service_count = 1;
}

static void plan(struct world *w)
{
	w->knocks = knocks_plan(&w->view, w->arena);
}

static void answer(struct world *w, enum knock_kind kind, enum knock_answer answer)
{
	for (size_t i = 0; i < w->knocks.count; i++) {
		w->knocks.at[i].from = sample_addr("192.168.30.2");
		if (w->knocks.at[i].kind == kind)
			w->knocks.at[i].answer = answer;
	}
}

static void judge(struct world *w, const char *examination, const char *seen, const char *type)
{
	knocks_examine(&w->view, &w->knocks, &w->found);
	if (!examination) {
		assert_int_equal(w->found.count, 0);
		return;
	}
	assert_int_equal(w->found.count, 1);
	assert_string_equal(w->found.at[0].examination, examination);
	assert_string_equal(w->found.at[0].about, "real CAS/CAS1");
	assert_non_null(strstr(w->found.at[0].seen, seen));
	assert_non_null(strstr(w->found.at[0].type, type));
}

static void finish(struct world *w)
{
	findings_free(&w->found);
	arena_free(w->arena);
}

static const struct {
	const char *name;
	enum service_mode mode;
	uint8_t protocol;
	enum knock_answer near, other;
	const char *examination, *seen, *type;
} judged[] = {
	{"has the VIP",                MODE_L4_DR,  IPPROTO_TCP, KNOCK_OPEN,    KNOCK_OPEN,    NULL,          "",                                                          ""                                         },
	{"listens at the VIP only",    MODE_L4_DR,  IPPROTO_TCP, KNOCK_REFUSED, KNOCK_OPEN,    NULL,          "",
	 ""																									   },
	{"has no VIP",                 MODE_L4_DR,  IPPROTO_TCP, KNOCK_OPEN,    KNOCK_SILENT,  "vip-on-real",
	 "answers at 192.168.30.20 but not at the VIP 192.168.30.10",												      "ip addr add 192.168.30.10/32 dev lo"      },
	{"has no VIP and no service",  MODE_L4_DR,  IPPROTO_TCP, KNOCK_REFUSED, KNOCK_SILENT,
	 "vip-on-real",										       "not at the VIP",					    "real-script CAS"                          },
	{"does not listen at the VIP", MODE_L4_DR,  IPPROTO_TCP, KNOCK_OPEN,    KNOCK_REFUSED,
	 "vip-on-real",										       "listens at 192.168.30.20:443 but not at 192.168.30.10:443", "ss -ltn"                                  },
	{"is down",		    MODE_L4_DR,  IPPROTO_TCP, KNOCK_SILENT,  KNOCK_SILENT,  NULL,          "",                                                          ""                                         },
	{"of UDP has the VIP",         MODE_L4_DR,  IPPROTO_UDP, KNOCK_OPEN,    KNOCK_REFUSED, NULL,          "",                                                          ""                                         },
	{"of UDP has no VIP",          MODE_L4_DR,  IPPROTO_UDP, KNOCK_REFUSED, KNOCK_SILENT,  "vip-on-real",
	 "not at the VIP",																		 "dev lo"				   },
	{"answers by this host",       MODE_L4_NAT, IPPROTO_TCP, KNOCK_OPEN,    KNOCK_OPEN,    NULL,          "",                                                          ""                                         },
	{"answers by another host",    MODE_L4_NAT, IPPROTO_TCP, KNOCK_OPEN,    KNOCK_SILENT,  "gateway",
	 "do not come back",																	       "ip route replace default via 192.168.30.2"},
	{"of l4-nat is down",          MODE_L4_NAT, IPPROTO_TCP, KNOCK_SILENT,  KNOCK_SILENT,  NULL,          "",                                                          ""                                         },
};

static void a_real_is_judged_by_what_it_answers(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(judged); i++) {
		struct world w;

		make(&w, judged[i].mode);
		w.config.protocol = judged[i].protocol;
		plan(&w);
		assert_int_equal(w.knocks.count, 2);
		answer(&w, KNOCK_REAL, judged[i].near);
		answer(&w, judged[i].mode == MODE_L4_NAT ? KNOCK_AWAY : KNOCK_VIP, judged[i].other);
		print_message("%s\n", judged[i].name);
		judge(&w, judged[i].examination, judged[i].seen, judged[i].type);
		finish(&w);
	}
}

static void what_could_not_be_asked_is_not_judged(void **state)
{
	struct world w;

	make(&w, MODE_L4_DR);
	plan(&w);
	answer(&w, KNOCK_REAL, KNOCK_OPEN);
	for (size_t i = 0; i < w.knocks.count; i++)
		if (w.knocks.at[i].kind == KNOCK_VIP)
			w.knocks.at[i].from = (struct addr){};
	judge(&w, NULL, "", "");
	w.knocks.count = 0;
	judge(&w, NULL, "", "");
	finish(&w);
}

static void a_vip_that_a_check_goes_by_is_not_asked(void **state)
{
	struct world w;

	make(&w, MODE_L4_DR);
	w.config.vip_count = 2;
	w.check.via = w.vips[0];
	plan(&w);
	assert_int_equal(w.knocks.count, 2);
	for (size_t i = 0; i < w.knocks.count; i++)
		if (w.knocks.at[i].kind == KNOCK_VIP)
			assert_true(addr_equal(&w.knocks.at[i].at, &w.vips[1]));
	finish(&w);
}

static void only_reals_that_can_be_asked_are(void **state)
{
	for (int i = 0; i < 6; i++) {
		struct world w;

		make(&w, MODE_L4_DR);
		if (i == 0)
			w.real.has_mac = false;
		else if (i == 1)
			w.real.interface = "";
		else if (i == 2)
			w.config.mode = MODE_L4_SNAT;
		else if (i == 3)
			w.config.mode = MODE_L7_TCP;
		else if (i == 4)
			w.vips[0] = sample_addr("fd00::10");
		else
			w.config.port_range_count = 0;
		plan(&w);
		assert_int_equal(w.knocks.count, 0);
		finish(&w);
	}
}

static void services_that_share_a_real_and_a_port_ask_once(void **state)
{
	struct view_service both[2];
	struct world w;

	make(&w, MODE_L4_DR);
	both[0] = both[1] = w.service;
	w.view.services = both;
	w.view.service_count = 2;
	plan(&w);
	assert_int_equal(w.knocks.count, 2);
	answer(&w, KNOCK_REAL, KNOCK_OPEN);
	knocks_examine(&w.view, &w.knocks, &w.found);
	assert_int_equal(w.found.count, 2);
	finish(&w);
}

static void a_round_has_its_limit_and_says_so(void **state)
{
	enum { REALS = KNOCKS_MAX };
	struct view_real *reals = xcalloc(REALS, sizeof(*reals));
	struct world w;

	make(&w, MODE_L4_DR);
	for (uint32_t i = 0; i < REALS; i++) {
		reals[i] = w.real;
		reals[i].ip = addr_from_v4((uint8_t[]){10, 9, (uint8_t)(i >> 8), (uint8_t)i});
	}
	w.service.reals = reals;
	w.service.real_count = REALS / 2;
	plan(&w);
	assert_int_equal(w.knocks.count, KNOCKS_MAX);
	assert_false(w.knocks.cut);
	answer(&w, KNOCK_REAL, KNOCK_OPEN);
	knocks_examine(&w.view, &w.knocks, &w.found);
	assert_int_equal(w.found.count, REALS / 2); /* each has found its own */
	w.service.real_count = REALS;
	plan(&w);
	assert_int_equal(w.knocks.count, KNOCKS_MAX);
	assert_true(w.knocks.cut);
	knocks_examine(&w.view, &w.knocks, &w.found);
	assert_int_equal(w.found.note_count, 1);
	finish(&w);
	free(reals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_is_judged_by_what_it_answers),
		cmocka_unit_test(what_could_not_be_asked_is_not_judged),
		cmocka_unit_test(a_vip_that_a_check_goes_by_is_not_asked),
		cmocka_unit_test(only_reals_that_can_be_asked_are),
		cmocka_unit_test(services_that_share_a_real_and_a_port_ask_once),
		cmocka_unit_test(a_round_has_its_limit_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
