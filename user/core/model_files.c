/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/model_files.h"

struct walk {
	void (*fn)(void *arg, const struct model_file *f);
	void *arg;
	const struct service_config *service;
	const struct real_config *real;
};

static void visit(const struct walk *w, enum model_file_kind kind, const struct file_config *file)
{
	const struct model_file f = {.kind = kind,
				     .place = file->place,
				     .path = file->path,
				     .service = w->service,
				     .real = w->real};

	w->fn(w->arg, &f);
}

static void visit_service(const struct walk *w)
{
	const struct service_config *s = w->service;

	for (size_t i = 0; i < s->l7.tls.certificate_count; i++)
		visit(w, MODEL_FILE_IDENTITY, &s->l7.tls.certificates[i]);
	if (s->l7.tls.certificate_count && *s->l7.tls.client_ca.path)
		visit(w, MODEL_FILE_CA, &s->l7.tls.client_ca);
	for (size_t i = 0; i < s->l7.page_count; i++)
		visit(w, MODEL_FILE_PAGE, &s->l7.pages[i].file);
}

static void visit_reals(struct walk *w)
{
	const struct service_config *s = w->service;

	if (s->parent && s->reals == s->parent->reals)
		return;
	for (size_t i = 0; i < s->real_count; i++) {
		w->real = &s->reals[i];
		if (w->real->reencrypt && w->real->verify)
			visit(w, MODEL_FILE_CA, &w->real->ca);
	}
	w->real = NULL;
}

static void visit_checks(const struct walk *w)
{
	const struct service_config *s = w->service;

	if (s->parent && s->checks == s->parent->checks)
		return;
	for (size_t i = 0; i < s->check_count; i++) {
		const struct check_config *c = &s->checks[i];

		if (c->verify)
			visit(w, MODEL_FILE_CHECK_CA,
			      &(struct file_config){.place = c->place, .path = c->ca});
	}
}

void model_each_file(const struct model *m, void (*fn)(void *arg, const struct model_file *f),
		     void *arg)
{
	for (size_t i = 0; i < m->service_count; i++) {
		struct walk w = {.fn = fn, .arg = arg, .service = &m->services[i]};

		if (!w.service->parent)
			visit_service(&w);
		visit_reals(&w);
		visit_checks(&w);
	}
}
