#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Frames a second through veth on one CPU: lbxdp beside the kernel's routing and nftables DNAT.

The rounds of all ways are interleaved in one run; what counts are the ratios within a round. Writes
bench/results/DATE-veth.md and DATE-veth.svg, and removes everything it made. With --frames, in a
machine whose clock counts instructions (tests/vm/bench.sh): DATE-vm.md, instructions a frame.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import sys
import tempfile

TRIES = 5
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(TOP, "tests")]

from lab.space import LabError  # noqa: E402
from counted import write_counted  # noqa: E402
from report import write_report  # noqa: E402
from ways import SIGNALS, check_counts, ignore_signals, ways  # noqa: E402


@dataclasses.dataclass
class Sample:
    """One way in one round."""
    rate: float     # frames received a second
    thread: float   # ns a frame: CPU time of the generator's thread, softirq on it included
    core: float     # ns a frame: what /proc/stat says of the CPU, everybody's time included
    lost: float     # share of the frames sent


def generate(way, everything, options):
    """The generator's answer about one run on this way."""
    space = everything.spaces["generator"]
    done = space.run(os.path.join(options.build, "generate"), "-i", way.interface, "-m", way.mac,
                     "-s", way.source, "-d", way.destination, "-c", everything.counts,
                     "-f", options.flows, "-b", options.bytes, "-p", options.cpu,
                     "-t", int(options.seconds * 1000), "-n", options.frames,
                     timeout=options.seconds + 30)
    answer = json.loads(done.stdout)
    check_counts(way, answer)
    return answer


def sample_of(way, answer):
    """A way that drops all frames is measured by those that were sent."""
    arrived = sum(answer["received"].values())
    frames = arrived if way.arrives else answer["sent"]
    return Sample(arrived / answer["wall"], answer["thread"] / frames * 1e9,
                  answer["core"] / frames * 1e9, 1 - arrived / answer["sent"])


def measure(way, everything, options):
    """A run whose work was all on the one CPU. A frame of somebody else (an ARP probe from a timer)
    can wake a veth's NAPI on another CPU, which then keeps it: such a run is not counted."""
    for _ in range(TRIES):
        answer = generate(way, everything, options)
        if answer["elsewhere"] < answer["sent"] / 1000:
            return sample_of(way, answer)
        print(f"{way.name}: again, {answer['elsewhere'] / answer['sent']:.0%} was done by another CPU")
    raise LabError(f"{way.name}: the work does not stay on CPU {options.cpu}")


def run_rounds(all_ways, everything, options):
    """name -> the samples of its rounds. Each round begins with another way."""
    samples = {way.name: [] for way in all_ways}
    for i in range(options.rounds):
        for way in all_ways[i % len(all_ways):] + all_ways[:i % len(all_ways)]:
            samples[way.name].append(measure(way, everything, options))
        print(f"round {i + 1}, ns a frame: " + ", ".join(
            f"{name} {rounds[-1].thread:.0f}" for name, rounds in samples.items()), flush=True)
    return samples


def check_flows(everything, options):
    """The frames measured were those of known flows, shared exactly by weight."""
    for name in ("one-arm", "two-arm"):
        active = [real["active"] for real in everything.lbxdp.service(name)["reals"]]
        if sum(active) != options.flows or max(active) - min(active) > 1:
            raise LabError(f"{name}: {options.flows} flows were opened, the reals have {active}")


def check_dropped(everything, options):
    """Frames that nobody received were dropped where they were meant to be."""
    if options.frames and everything.count_dropped() < options.rounds * options.frames:
        raise LabError(f"dropped: only {everything.count_dropped()} frames came that far")


def parse(words):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", required=True, help="where generate and *.bpf.o are")
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--seconds", type=float, default=1.0, help="a way and round")
    p.add_argument("--frames", type=int, default=0, help="a way and round, instead of seconds")
    p.add_argument("--flows", type=int, default=1024)
    p.add_argument("--bytes", type=int, default=60, help="a frame, without FCS")
    p.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    p.add_argument("--out", default=os.path.join(TOP, "bench", "results"))
    return p.parse_args(words)


@contextlib.contextmanager
def ended_in_order():
    """A signal ends the with block by an exception."""
    def end(number, _):
        ignore_signals()
        raise SystemExit(128 + number)
    before = [signal.signal(number, end) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, before):
            signal.signal(number, handler)


def main(words):
    options = parse(words)
    if os.geteuid():
        sys.exit("bench-veth: needs root: sudo make bench-veth")
    os.sched_setaffinity(0, {options.cpu})      # the daemon's frames start there too
    with ended_in_order(), tempfile.TemporaryDirectory(prefix="lbxdp-bench-") as directory:
        os.chmod(directory, 0o755)
        with ways(f"bveth{os.getpid()}", directory, options.build,
                  least=options.frames) as (all_ways, everything):
            samples = run_rounds(all_ways, everything, options)
            check_flows(everything, options)
            check_dropped(everything, options)
            interfaces = everything.lbxdp.status()["interfaces"]
    write = write_counted if options.frames else write_report
    write(all_ways, samples, interfaces, options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as e:
        sys.exit(f"bench-veth: {e}")
