/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of child: what main opens for each, and what each then runs without power. */
#include "daemon/roles.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/power.h"
#include "health/probe.h"
#include "proxy/proxy.h"

struct role {
	const char *name, *title; /* in our words, and as ps(1) shows it */
	enum power_kept keeps;
	int (*start)(struct child *c, int channel);
	int (*connect)(struct child *c, int channel);
	int (*run)(const int *fd, int index); /* in the child; fd: as start gave them */
};

static int start_probe(struct child *c, int channel)
{
	int fds[] = {channel,
		     socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP),
		     socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6),
		     dataplane_via_ports(c->daemon->dataplane)};
	int err = process_spawn(c, fds, ARRAY_COUNT(fds));

	for (size_t i = 1; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return err;
}

static int connect_probe(struct child *c, int channel)
{
	return health_client_connect(c->daemon->health, channel);
}

static int run_probe(const int *fd, int index)
{
	return probe_main(&(struct probe_fds){
		.channel = fd[0], .icmp4 = fd[1], .icmp6 = fd[2], .via_ports = fd[3]});
}

static int start_web(struct child *c, int channel)
{
	int fds[] = {channel, c->daemon->web_listener};

	return process_spawn(c, fds, ARRAY_COUNT(fds));
}

static int connect_web(struct child *c, int channel)
{
	return web_client_connect(c->daemon->web, channel);
}

static int run_web(const int *fd, int index)
{
	return web_main(&(struct web_fds){.channel = fd[0], .listener = fd[1]});
}

static int start_proxy(struct child *c, int channel)
{
	return process_spawn(c, &channel, 1);
}

static int connect_proxy(struct child *c, int channel)
{
	c->daemon->proxy_pulses[c->index] = (struct pulse){};
	return proxy_client_connect(c->daemon->proxy, c->index, c->pid, channel);
}

static int run_proxy(const int *fd, int index)
{
	return proxy_main(&(struct proxy_fds){.channel = fd[0], .index = index});
}

static const struct role roles[CHILD_ROLE_COUNT] = {
	[CHILD_PROBE] = {"probe", "lbxdp-probe", POWER_PLAIN, start_probe, connect_probe,
			 run_probe							       },
	[CHILD_WEB] = {"web",   "lbxdp-web",   POWER_PLAIN, start_web,   connect_web,   run_web},
	[CHILD_PROXY] = {"proxy", "lbxdp-proxy", POWER_PROXY, start_proxy, connect_proxy,
			 run_proxy							       },
};

/* How a child is told to write its log. */
static const char *const style_names[] = {
	[LOG_STYLE_PLAIN] = "plain", [LOG_STYLE_JOURNAL] = "journal", [LOG_STYLE_FILE] = "file"};

const char *role_name(enum child_role role)
{
	return roles[role].name;
}

const char *role_log_style(enum log_style style)
{
	return style_names[style];
}

unsigned int role_number(const struct child *c)
{
	return c->role == CHILD_PROXY ? proxy_client_column(c->daemon->proxy, c->index) : 0;
}

int role_start(struct child *c, int channel)
{
	return roles[c->role].start(c, channel);
}

int role_connect(struct child *c, int channel)
{
	return roles[c->role].connect(c, channel);
}

static enum log_style style_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(style_names); i++)
		if (!strcmp(name, style_names[i]))
			return i;
	return LOG_STYLE_PLAIN;
}

static const struct role *role_of(const char *name)
{
	for (size_t i = 0; i < CHILD_ROLE_COUNT; i++)
		if (!strcmp(name, roles[i].name))
			return &roles[i];
	return NULL;
}

/* The arguments are those that process.c gives: the empty directory, the style of the log, the
 * index among processes of this role, and descriptors. */
int daemon_role(const char *name, int argc, char **argv)
{
	const struct role *role = role_of(name);
	int fd[ROLE_FDS_MAX];
	struct buf why = {};
	uid_t uid;
	gid_t gid;

	if (argc < 4 || !role) {
		fprintf(stderr, "lbxdp: --role is for the daemon's own use\n");
		return 2;
	}
	log_open(role->name, style_of(argv[1]), STDERR_FILENO);
	(void)prctl(PR_SET_NAME, role->title);
	clock_know_zone();
	if (power_find_user(&uid, &gid, &why) ||
	    power_drop_all(argv[0], uid, gid, role->keeps, &why)) {
		log_error("%s", buf_text(&why));
		return 1;
	}
	for (int i = 0; i < ROLE_FDS_MAX; i++)
		fd[i] = i + 3 < argc ? atoi(argv[i + 3]) : -1;
	return role->run(fd, atoi(argv[2]));
}
