/* SPDX-License-Identifier: GPL-2.0-only */
/* This process' own figures, for the process_* metrics. */
#ifndef LBXDP_DAEMON_PROCESS_INFO_H
#define LBXDP_DAEMON_PROCESS_INFO_H

#include "core/view.h"

/* Fills v->process; what /proc does not tell stays 0. */
void process_info_read(struct view *v);

#endif
