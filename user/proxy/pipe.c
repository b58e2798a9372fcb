/* SPDX-License-Identifier: GPL-2.0-only */
/* Pipes that bulk moves through: a bounded number, kept for the next session when it is done. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/internal.h"

struct pipe *pipe_take(struct engine *e)
{
	struct pipe *p = e->pipes;

	if (p) {
		e->pipes = p->next;
		return p;
	}
	if (e->pipe_count >= e->pipe_max)
		return NULL;
	p = malloc(sizeof(*p));
	if (!p || pipe2(p->fd, O_NONBLOCK | O_CLOEXEC)) {
		free(p);
		return NULL;
	}
	e->pipe_count++;
	return p;
}

static void pipe_close(struct engine *e, struct pipe *p)
{
	close(p->fd[0]);
	close(p->fd[1]);
	free(p);
	e->pipe_count--;
}

void pipe_give(struct engine *e, struct pipe *p, bool empty)
{
	if (!empty) {
		pipe_close(e, p);
		return;
	}
	p->next = e->pipes;
	e->pipes = p;
}

void pipes_free(struct engine *e)
{
	for (struct pipe *p; (p = e->pipes);) {
		e->pipes = p->next;
		pipe_close(e, p);
	}
}
