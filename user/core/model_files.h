/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a model names and main reads: certificates, authorities, error pages. Pure. */
#ifndef LBXDP_CORE_MODEL_FILES_H
#define LBXDP_CORE_MODEL_FILES_H

#include "core/model.h"

enum model_file_kind {
	MODEL_FILE_IDENTITY, /* certificate, chain and private key */
	MODEL_FILE_CA,
	MODEL_FILE_CHECK_CA, /* read when the check starts */
	MODEL_FILE_PAGE,
};

struct model_file {
	enum model_file_kind kind;
	struct place place;
	const char *path;
	const struct service_config *service;
	const struct real_config *real; /* NULL: the service's own */
};

/* Calls fn for each use of a file, in the order of the services. What a pool has of its parent
 * comes once, with the parent. */
void model_each_file(const struct model *m, void (*fn)(void *arg, const struct model_file *f),
		     void *arg);

#endif
