# SPDX-License-Identifier: GPL-2.0-only
"""The dated table of a run in a machine whose clock counts instructions: a ns is one of them."""

import os
import platform
import time

from report import LBXDP, commit, setups, show, table, version

XDP = [*((name, f"lbxdp, {arm}") for name, arm in LBXDP), ("bare", "the bare program")]
KERNEL = [("ipvs", "IPVS DR"), ("routing", "kernel routing"), ("dnat", "nftables DNAT")]
FLOORS = {"alone": "an XDP program that drops", "dropped": "the kernel, which drops before routing"}

SHARED = """\
**What is counted.** The machine is emulated and its clock goes by instructions (qemu, tcg, -icount):
each takes 1 ns, whatever it is. The figures are the CPU time of the generator's thread, on which
the softirqs of the whole way run, by the number of frames: so instructions a frame, the same on a
busy host. That is work, not time: memory, caches and branches cost nothing here, which flatters
whoever waits for memory most. `make bench-veth` measures time. The machine's pages are not zeroed
when they are taken (init_on_alloc=0, where Debian has 1): the kernel's ways take a page a frame
here, which a NIC's driver would not, and each of its words would count.

**What shares what.** The generator hands over 64 frames of known TCP flows
(BPF_F_TEST_XDP_LIVE_FRAMES, redirected into the first veth), the softirq carries them through the
balancer and a second veth, or back through the first one, into the sink's XDP program, which
counts and drops them.

**The floors** are what the same frames cost that go no further than the balancer's interface:
dropped by an XDP program there, or turned into socket buffers and dropped by the first hook of
netfilter. The second holds what any way through the kernel pays before it begins to forward. The
first table of ratios takes all ways above the first floor, the second takes the kernel's ways
above their own, which leaves them only what they do themselves and the second crossing, which XDP's
ways have too.

**The ways.** The bare program sends every frame for port 80 back, to one MAC, and knows no flows.
IPVS (wrr) and `lbxdp` share the flows among two real servers of equal weight; lbxdp's shares are
checked, and its daemon runs.
"""


def above(samples, name, floor):
    """Of each round."""
    return [way.thread - least.thread for way, least in zip(samples[name], samples[floor])]


def costs(all_ways, samples):
    rows = []
    for way in all_ways:
        beyond = [show(above(samples, way.name, floor)) if way.name not in FLOORS and
                  (floor == "alone" or way.name in dict(KERNEL)) else "-" for floor in FLOORS]
        label = "floor: " + FLOORS[way.name] if way.name in FLOORS else way.label
        rows.append((label, show([s.thread for s in samples[way.name]]), *beyond))
    return table(("way", "instructions a frame", "above XDP's drop", "above the kernel's drop"), rows)


def ratios(samples, floor):
    """A line a pair. floor: that of the kernel's ways."""
    rows = []
    for name, label in XDP:
        for other, words in KERNEL:
            if other in samples:
                pairs = zip(above(samples, name, "alone"), above(samples, other, floor))
                rows.append((f"{label} : {words}", show([a / b for a, b in pairs], "{:.2f}")))
    head = "above XDP's drop" if floor == "alone" else "each above the drop of its own kind"
    return table((f"ratio, within each round, {head}", ""), rows)


def facts(options):
    return (f"- {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, lbxdp {version()} "
            f"({commit()}), kernel {platform.release()}, one emulated CPU\n"
            f"- {options.rounds} rounds of {options.frames} frames a way, interleaved, each beginning"
            f" with another way; {options.flows} flows, frames of {options.bytes} bytes without FCS\n"
            f"- command: `make bench-vm`\n")


def write_counted(all_ways, samples, _, options):
    day = time.strftime("%Y-%m-%d", time.gmtime())
    tables = [costs(all_ways, samples), *(ratios(samples, floor) for floor in FLOORS)]
    text = "\n".join((f"# Instructions a frame through veth, {day}\n",
                      "Minimum / median / maximum.\n", *tables, facts(options), setups(all_ways),
                      SHARED))
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, f"{day}-vm.md"), "w", encoding="utf-8") as f:
        f.write(text)
    print("", *tables, sep="\n")
