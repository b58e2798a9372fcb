/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends frames of established TCP flows from one pinned CPU, so many or for so long, and prints as
 * one line of JSON how many went out, how many each destination received, and what that cost.
 * Run it in the generator's network namespace. The flows are opened first: SYN, ACK, ACK.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "generate.skel.h"

enum {
	TRIAL = 262144, /* frames that tell how many fill the time */
	FRAMES_MAX = 1000000000,
	BATCH = 64, /* frames between two runs of the network's softirq, as a driver's NAPI poll */
	DESTINATIONS = 256,
	SEQUENCE = 0x1000,
	BYTES_MAX = 1514,
};

struct options {
	const char *interface, *mac, *source, *destination, *counts;
	unsigned int flows, bytes, cpu, milliseconds;
	unsigned int frames; /* are measured; 0: as many as fill the time */
};

struct cost {
	double wall, thread, core; /* seconds */
};

struct generator {
	struct generate_bpf *bpf;
	int counts;
	unsigned int cpus;
	unsigned char frame[BYTES_MAX];
};

static void die(const char *what)
{
	fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Seconds that the CPU was not idle, by /proc/stat: user, nice, system, irq, softirq. */
static double core_seconds(unsigned int cpu)
{
	unsigned long long t[7] = {};
	char line[256], name[16];
	FILE *f = fopen("/proc/stat", "r");

	if (!f)
		die("/proc/stat");
	snprintf(name, sizeof(name), "cpu%u ", cpu);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line, "%*s %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2],
			   &t[3], &t[4], &t[5], &t[6]) == 7)
			break;
	fclose(f);
	return (double)(t[0] + t[1] + t[2] + t[5] + t[6]) / sysconf(_SC_CLK_TCK);
}

static struct cost cost_now(const struct options *o)
{
	return (struct cost){
		.wall = clock_seconds(CLOCK_MONOTONIC),
		.thread = clock_seconds(CLOCK_THREAD_CPUTIME_ID),
		.core = core_seconds(o->cpu),
	};
}

static __u32 sum_of(const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;
	__u32 sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		__u16 word;

		memcpy(&word, byte + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static struct frame frame_of(const struct options *o, bool syn)
{
	unsigned int payload = syn || o->bytes <= FRAME_MIN ? 0 : o->bytes - sizeof(struct frame);
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};
	struct tcphdr tcp = {.doff = 5, .dest = htons(FRAME_PORT), .window = htons(0xfff0)};
	struct frame f = {
		.eth.h_source = {0x02}, .eth.h_proto = htons(ETH_P_IP), .ip = ip, .tcp = tcp};
	struct ether_addr mac;

	if (!ether_aton_r(o->mac, &mac) || inet_pton(AF_INET, o->source, &f.ip.saddr) != 1 ||
	    inet_pton(AF_INET, o->destination, &f.ip.daddr) != 1) {
		errno = EINVAL;
		die("address");
	}
	memcpy(f.eth.h_dest, &mac, ETH_ALEN);
	f.ip.tot_len = htons(sizeof(f.ip) + sizeof(f.tcp) + payload);
	f.ip.check = fold(sum_of(&f.ip, sizeof(f.ip)));
	f.tcp.syn = syn;
	f.tcp.ack = !syn;
	f.tcp.seq = htonl(syn ? SEQUENCE : SEQUENCE + 1);
	f.tcp.ack_seq = htonl(syn ? 0 : 1);
	return f;
}

/* What the program sends from here on. */
static void generator_aim(struct generator *g, const struct options *o, bool syn)
{
	struct frame f = frame_of(o, syn);
	unsigned int segment = ntohs(f.ip.tot_len) - sizeof(f.ip);

	memcpy(g->bpf->bss->head, &f, sizeof(f));
	g->bpf->bss->tcp_sum = sum_of(&f.tcp, sizeof(f.tcp)) + sum_of(&f.ip.saddr, 8) +
			       htons(IPPROTO_TCP) + htons(segment);
}

static void generator_send(struct generator *g, const struct options *o, unsigned int count)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = g->frame, .data_size_in = o->bytes,
		    .repeat = count, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	if (bpf_prog_test_run_opts(bpf_program__fd(g->bpf->progs.generate), &run))
		die("BPF_PROG_TEST_RUN");
}

struct received {
	__u64 by_host[DESTINATIONS], elsewhere; /* of all, on other CPUs */
};

static struct received generator_received(const struct generator *g, unsigned int cpu)
{
	struct received r = {};
	__u64 each[g->cpus];

	for (__u32 host = 0; host < DESTINATIONS; host++) {
		if (bpf_map_lookup_elem(g->counts, &host, each))
			die("counts");
		for (unsigned int i = 0; i < g->cpus; i++) {
			r.by_host[host] += each[i];
			r.elsewhere += i == cpu ? 0 : each[i];
		}
	}
	return r;
}

static void generator_open(struct generator *g, const struct options *o)
{
	g->cpus = libbpf_num_possible_cpus();
	g->counts = bpf_obj_get(o->counts);
	if (g->counts < 0)
		die(o->counts);
	g->bpf = generate_bpf__open_and_load();
	if (!g->bpf)
		die("load");
	g->bpf->bss->flows = o->flows;
	g->bpf->bss->egress = if_nametoindex(o->interface);
	if (!g->bpf->bss->egress)
		die(o->interface);
}

static void open_flows(struct generator *g, const struct options *o)
{
	generator_aim(g, o, true);
	generator_send(g, o, o->flows);
	generator_aim(g, o, false);
	generator_send(g, o, 2 * o->flows);
}

/* As many as asked for, or frames that take the time asked for, by a trial. */
static unsigned int frames_to_send(struct generator *g, const struct options *o)
{
	double start = clock_seconds(CLOCK_THREAD_CPUTIME_ID), frames;

	if (o->frames)
		return o->frames;
	generator_send(g, o, TRIAL);
	frames = TRIAL * (o->milliseconds / 1e3) / (clock_seconds(CLOCK_THREAD_CPUTIME_ID) - start);
	return frames < FRAMES_MAX ? frames : FRAMES_MAX;
}

static void print(unsigned int sent, const struct cost *start, const struct cost *end,
		  const struct received *before, const struct received *after)
{
	const char *comma = "";

	printf("{\"sent\": %u, \"wall\": %.9f, \"thread\": %.9f, \"core\": %.2f, ", sent,
	       end->wall - start->wall, end->thread - start->thread, end->core - start->core);
	printf("\"elsewhere\": %llu, \"received\": {", after->elsewhere - before->elsewhere);
	for (int i = 0; i < DESTINATIONS; i++)
		if (after->by_host[i] != before->by_host[i]) {
			printf("%s\"%d\": %llu", comma, i, after->by_host[i] - before->by_host[i]);
			comma = ", ";
		}
	printf("}}\n");
}

/* One system call for all frames: its beginning and end wait for the kernel, for milliseconds. */
static void measure(struct generator *g, const struct options *o)
{
	unsigned int sent = frames_to_send(g, o);
	struct received before = generator_received(g, o->cpu), after;
	struct cost start = cost_now(o), end;

	generator_send(g, o, sent);
	end = cost_now(o);
	after = generator_received(g, o->cpu);
	print(sent, &start, &end, &before, &after);
}

static void usage(void)
{
	fprintf(stderr, "usage: generate -i INTERFACE -m MAC -s SOURCE -d DESTINATION -c COUNTS_PIN"
			" [-f FLOWS] [-b BYTES] [-p CPU] [-t MILLISECONDS] [-n FRAMES]\n");
	exit(2);
}

static struct options options_parse(int argc, char **argv)
{
	const char *word[128] = {
		['f'] = "1024", ['b'] = "60", ['p'] = "0", ['t'] = "1000", ['n'] = "0"};
	struct options o;
	int c;

	while ((c = getopt(argc, argv, "i:m:s:d:c:f:b:p:t:n:")) != -1) {
		if (c == '?')
			usage();
		word[c] = optarg;
	}
	o = (struct options){
		.interface = word['i'],
		.mac = word['m'],
		.source = word['s'],
		.destination = word['d'],
		.counts = word['c'],
		.flows = strtoul(word['f'], NULL, 10),
		.bytes = strtoul(word['b'], NULL, 10),
		.cpu = strtoul(word['p'], NULL, 10),
		.milliseconds = strtoul(word['t'], NULL, 10),
		.frames = strtoul(word['n'], NULL, 10),
	};
	if (!o.interface || !o.mac || !o.source || !o.destination || !o.counts || !o.flows ||
	    o.flows > FRAME_FLOWS_MAX || o.bytes < FRAME_MIN || o.bytes > BYTES_MAX)
		usage();
	return o;
}

static void take_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("CPU");
	/* Others on this CPU would cost frames, not only time: keep them to a trickle. */
	if (setpriority(PRIO_PROCESS, 0, -20))
		die("priority");
}

int main(int argc, char **argv)
{
	struct options o = options_parse(argc, argv);
	struct generator g = {};

	generator_open(&g, &o);
	take_cpu(o.cpu);
	open_flows(&g, &o);
	measure(&g, &o);
	generate_bpf__destroy(g.bpf);
	return 0;
}
