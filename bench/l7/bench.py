#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""CPU time, latency and memory of lbxdp's layer-7 proxy beside HAProxy's and nginx's.

One process each, on a CPU of their own; the load generator and the server share another. All of it
over loopback, so that no device's cost is in the figures. The rounds
are interleaved in one run; what counts are the ratios within a round. Writes
bench/results/DATE-l7.md and DATE-l7.svg, and removes everything it made.
"""

import argparse
import os
import resource
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(TOP, "tests")]

from lab.space import LabError  # noqa: E402
from loads import IDLE, WORK, idle  # noqa: E402
from report import write_report  # noqa: E402
from ways import everything  # noqa: E402


def run_rounds(net, ways, works, options):
    """(work's name, way's name) -> one figure a round; each round begins with another way."""
    samples = {}
    for i in range(options.rounds):
        for work in works:
            some = work.ways(ways)
            turn = i % len(some)
            for way in some[turn:] + some[:turn]:
                samples.setdefault((work.name, way.name), []).append(
                    work.measure(net, way, options))
            print(f"round {i + 1}, {work.name}: " + ", ".join(
                f"{w.name} {samples[work.name, w.name][-1]:.3g}" for w in some) +
                f" {work.unit}", flush=True)
    return samples


def run_idle(net, ways, options):
    """(name, way's name) -> bytes a session."""
    found = {}
    for way in ways:
        if options.idle and "tls" in way.ports:
            found |= {(name, way.name): size for name, size in idle(net, way, options).items()}
    return found


def parse(words):
    cpus = sorted(os.sched_getaffinity(0))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=int, default=3, help="a way, work and round")
    p.add_argument("--gigabytes", type=int, default=2)
    p.add_argument("--connections", type=int, default=128)
    p.add_argument("--rate", type=int, default=4000, help="requests a second for the latency")
    p.add_argument("--idle", type=int, default=2000, help="idle sessions for the memory; 0: none")
    p.add_argument("--only", default="", help="work whose name holds this")
    p.add_argument("--cpu", type=int, default=cpus[-1], help="of the proxies")
    p.add_argument("--other", type=int, default=cpus[0], help="of load generator and server")
    p.add_argument("--out", default=os.path.join(TOP, "bench", "results"))
    return p.parse_args(words)


def main(words):
    options = parse(words)
    if os.geteuid():
        sys.exit("bench-l7: needs root: sudo make bench-l7")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    works = [work for work in WORK if options.only in work.name]
    with everything(f"bl7{os.getpid()}", options) as (net, lb, ways):
        memory = run_idle(net, ways, options)  # first: a heap that has grown stays
        samples = run_rounds(net, ways, works, options)
        version = lb.status()["version"]
    write_report(works, samples, memory, version, options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as e:
        sys.exit(f"bench-l7: {e}")
