/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of layer 7 at the host's own door (R82): whom the sk_lookup program refuses, and what it
 * counts. The service is TCP 443 of 10.77.0.100 and fd77::100. */
#include "cases.h"
#include "world.h"

#include <string.h>

enum { LIST = 7, PORT = 443, TCP = 6 };

static bool refused(const char *src, const char *dst, uint16_t port)
{
	struct lb_endpoint at = {.port = port, .proto = TCP};
	struct lb_addr client;

	frame_mapped(client.byte, src);
	frame_mapped(at.vip.byte, dst);
	return runner_guard(&client, &at, strchr(src, ':'));
}

/* 10.77.0.2 and fd77::2 may. */
static void list_begin(bool host)
{
	world_reset();
	world_ring(NULL, 0);
	world_acl(LIST, "0.0.0.0", 0, LB_ACL_DENY);
	world_acl(LIST, "::", 0, LB_ACL_DENY);
	world_acl(LIST, "10.77.0.2", 32, LB_ACL_ALLOW);
	world_acl(LIST, "fd77::2", 128, LB_ACL_ALLOW);
	world_gate(LIST, host);
}

static void who_is_not_on_the_list_is_refused_and_counted(void)
{
	static const struct {
		const char *src, *dst;
		bool refused;
	} clients[] = {
		{"10.77.0.2",        "10.77.0.100", false},
                {"10.77.0.3",        "10.77.0.100", true },
		{"10.77.0.100",      "10.77.0.100", true }, /* the host itself */
		{"fd77::2",          "fd77::100",   false},
                {"fd77::3",          "fd77::100",   true },
		{"::ffff:10.77.0.2", "fd77::100",   true }, /* nobody's address in IPv6 */
	};
	uint64_t count = 0;

	list_begin(true);
	for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++) {
		uint32_t verdict = LB_ACL;
		uint64_t counted = 0;

		tap_about("%s", clients[i].src);
		tap_equal(refused(clients[i].src, clients[i].dst, PORT), clients[i].refused,
			  "refused");
		count += clients[i].refused;
		tap_equal(world_denied(), count, "denied");
		tap_equal(world_denied_connections(), count, "connections");
		(void)runner_get("lbx_verdicts", &verdict, &counted);
		tap_equal(counted, count, "verdicts");
	}
}

static void what_no_list_of_layer_7_guards_is_open(void)
{
	list_begin(true);
	tap_equal(refused("10.77.0.3", "10.77.0.100", 444), false, "another port");
	tap_equal(refused("10.77.0.3", "10.77.0.101", PORT), false, "another address");
	world_gate(0, false);
	tap_equal(refused("10.77.0.3", "10.77.0.100", PORT), false, "without a list");
	list_begin(false);
	tap_equal(refused("10.77.0.3", "10.77.0.100", PORT), false, "layer 4");
	tap_equal(world_denied(), 0, "denied");
}

static void a_list_without_rows_lets_nobody_in(void)
{
	list_begin(true);
	world_gate(LIST + 1, true);
	tap_equal(refused("10.77.0.2", "10.77.0.100", PORT), true, "refused");
}

void cases_guard(void)
{
	tap_case("guard: who is not on the list is refused and counted",
		 who_is_not_on_the_list_is_refused_and_counted);
	tap_case("guard: what no list of layer 7 guards is open",
		 what_no_list_of_layer_7_guards_is_open);
	tap_case("guard: a list without rows lets nobody in", a_list_without_rows_lets_nobody_in);
}
