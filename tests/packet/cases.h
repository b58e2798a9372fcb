/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet cases: written once, run natively and in the kernel. */
#ifndef TESTS_PACKET_CASES_H
#define TESTS_PACKET_CASES_H

/* Runs all of them. */
void cases_run(void);

void cases_parse(void);
void cases_flow(void);
void cases_route(void);
void cases_answer(void);
void cases_acl(void);
void cases_guard(void);
void cases_trace(void);
void cases_fragment(void);
void cases_related(void);
void cases_pick(void);
void cases_flood(void);
void cases_fast(void);
void cases_origin(void);
void cases_via(void);
void cases_nat(void);
void cases_nat_acl(void);
void cases_nat_half(void);
void cases_nat_flood(void);
void cases_nat_fragment(void);

#endif
