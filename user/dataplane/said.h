/* SPDX-License-Identifier: GPL-2.0-only */
/* What libbpf and libxdp have to say. They print; we keep the useful line and show it as the
 * cause of an error that we report. */
#ifndef LBXDP_DATAPLANE_SAID_H
#define LBXDP_DATAPLANE_SAID_H

/* From now on the libraries print nothing. */
void said_install(void);

void said_clear(void);

/* The cause of err (-errno): what the kernel said where it said something, else what a library
 * said, else the error's name. Borrowed until the next call. */
const char *said_why(int err);

#endif
