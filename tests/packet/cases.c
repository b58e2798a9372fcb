/* SPDX-License-Identifier: GPL-2.0-only */
#include "cases.h"

void cases_run(void)
{
	cases_parse();
	cases_flow();
	cases_route();
	cases_answer();
	cases_acl();
	cases_guard();
	cases_trace();
	cases_fragment();
	cases_related();
	cases_pick();
	cases_flood();
	cases_fast();
	cases_origin();
	cases_via();
	cases_nat();
	cases_nat_acl();
	cases_nat_half();
	cases_nat_flood();
	cases_nat_fragment();
}
