/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Layer-7 services as the rows that HAProxy's statistics have: Frontend, each real, Backend. A
 * number that a kind of row does not have is L7_ABSENT, such a text NULL.
 */
#ifndef LBXDP_ADMIN_L7_ROWS_H
#define LBXDP_ADMIN_L7_ROWS_H

#include "admin/grid.h"
#include "core/view.h"

#define L7_ABSENT    UINT64_MAX
#define L7_UNLIMITED (UINT64_MAX - 1) /* there could be a limit, and is none */

enum l7_number {
	L7_QCUR,
	L7_QMAX,
	L7_SCUR,
	L7_SMAX,
	L7_SLIM,
	L7_STOT,
	L7_LBTOT,
	L7_BIN,
	L7_BOUT,
	L7_DREQ,
	L7_DRESP,
	L7_EREQ,
	L7_ECON,
	L7_ERESP,
	L7_WRETR,
	L7_WREDIS,
	L7_WEIGHT,
	L7_ACT,
	L7_BCK,
	L7_CHKFAIL,
	L7_CHKDOWN,
	L7_LASTCHG,
	L7_DOWNTIME,
	L7_THROTTLE,
	L7_PID,
	L7_IID,
	L7_SID,
	L7_TYPE,
	L7_CHECK_CODE,
	L7_CHECK_DURATION,
	L7_CLI_ABRT,
	L7_SRV_ABRT,
	L7_CONN_TOT,
	L7_CONNECT,
	L7_UWEIGHT,
	L7_QLIMIT,
	L7_RATE, /* sessions in the last second */
	L7_RATE_MAX,
	L7_RATE_LIM,
	L7_DCON,
	L7_HRSP_OTHER, /* and the classes after it, in the order of struct proxy_counts */
	L7_HRSP_1XX,
	L7_HRSP_2XX,
	L7_HRSP_3XX,
	L7_HRSP_4XX,
	L7_HRSP_5XX,
	L7_REQ_TOT,
	L7_CTIME, /* mean, ms */
	L7_RTIME,
	L7_REUSE,
	L7_NUMBER_COUNT,
};

enum l7_text {
	L7_PXNAME,
	L7_SVNAME,
	L7_STATUS,
	L7_CHECK_STATUS,
	L7_LAST_CHK, /* what the server said when it failed */
	L7_LASTCHK,  /* "L4OK in 0ms" */
	L7_ADDR,
	L7_MODE,
	L7_ALGO,
	L7_TEXT_COUNT,
};

/* What HAProxy calls them in the column "type". */
enum l7_kind { L7_FRONTEND, L7_BACKEND, L7_REAL };

struct l7_row {
	enum l7_kind kind;
	enum grid_colour colour;
	bool down;
	time_t since;
	uint64_t number[L7_NUMBER_COUNT];
	const char *text[L7_TEXT_COUNT]; /* into the view, into this row, or constant */
	char addr[ADDR_TEXT_LEN + 8], lastchk[64];
};

/* row is for the call only. */
typedef void l7_row_fn(void *arg, const struct l7_row *row);

/* Every row of the index-th service of the view, which must be a layer-7 service. */
void l7_rows(const struct view *v, size_t index, l7_row_fn *fn, void *arg);

#endif
