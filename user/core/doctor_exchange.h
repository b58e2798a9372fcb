/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lbxdp doctor exchange makes of the names, certificates and answers of an Exchange service
 * (R25). Pure.
 */
#ifndef LBXDP_CORE_DOCTOR_EXCHANGE_H
#define LBXDP_CORE_DOCTOR_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "core/check.h"
#include "core/finding.h"
#include "core/model.h"

enum { EXCHANGE_ADDRS_MAX = 16, EXCHANGE_PORT = 443, EXCHANGE_NAME_LEN = 256 };

/* The two names that clients come by. */
enum exchange_which { EXCHANGE_MAIL, EXCHANGE_AUTODISCOVER, EXCHANGE_NAMES };

struct exchange_name {
	char name[EXCHANGE_NAME_LEN];
	struct addr addrs[EXCHANGE_ADDRS_MAX];
	size_t count;
	const char *error; /* why there are none; NULL: nobody said */
};

/* What was seen of one server under one name. */
struct exchange_sight {
	bool showed; /* a certificate */
	char fingerprint[65];
	int64_t not_after; /* seconds since 1970 */
	bool is_for;       /* that name */
	struct check_outcome outcome;
};

/* Who shows a certificate and answers: a real, or a VIP that can be asked from here. */
struct exchange_server {
	const char *label; /* "real CAS-HTTPS/CAS1", "VIP 192.168.30.10" */
	bool is_vip;       /* its certificate need not be that of the reals */
	struct addr addr;
	uint16_t port;
	struct exchange_sight sight[EXCHANGE_NAMES];
};

struct exchange_facts {
	int64_t now; /* seconds since 1970 */
	struct exchange_name names[EXCHANGE_NAMES];
	const struct addr *vips; /* of services on port 443 */
	size_t vip_count;
	const struct exchange_server *servers;
	size_t server_count;
};

/* Names from the mail name: "mail.example.com" has its autodiscover at "autodiscover.example.com".
 * False: no host name. */
bool exchange_names(struct exchange_facts *f, const char *mail);

/*
 * Lists whom of m to look at, and the VIPs; in a. dr_vips: those of Direct Routing too, which can
 * be asked from everywhere but the balancer itself. Returns the servers, whose sights are to be
 * filled in.
 */
struct exchange_server *exchange_servers(struct exchange_facts *f, const struct model *m,
					 bool dr_vips, struct arena *a);

void exchange_examine(const struct exchange_facts *f, struct findings *out);

#endif
