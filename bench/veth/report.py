# SPDX-License-Identifier: GPL-2.0-only
"""The dated table and plot of one run."""

import os
import platform
import statistics
import subprocess
import time

from plot import bars

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LBXDP = [("dr-one-arm", "one arm"), ("dr-two-arm", "two arms")]
KERNEL = [("routing", "kernel routing"), ("dnat", "nftables DNAT"), ("ipvs", "IPVS DR")]

SHARED = """\
**What shares what.** Generator, forwarder and sink run on one CPU: the generator hands over 64
frames (BPF_F_TEST_XDP_LIVE_FRAMES, redirected into the first veth), then the softirq on the same
CPU carries them through the balancer and the second veth into the sink's XDP program, which
counts and drops them. So `frames/s` holds the generator's and the sink's work too, and flatters
the slower ways; `alone` is what both cost without a balancer, and "beyond alone" is the
forwarding itself with one more crossing of a veth. A run in which another CPU did more than 0.1 %
of the work is repeated. All frames are of established TCP flows, opened by SYN, SYN-ACK (the sink
answers), ACK, ACK. The kernel's ways get the balancer's interfaces with GRO on and without any
XDP program; they work on socket buffers that veth makes of the frames, as a NIC's driver does,
and hand those to the sink. Routing has one next hop. DNAT chooses one of two real servers a
connection, with connection tracking; IPVS, where the kernel has it, forwards as `lbxdp` does. `lbxdp` forwards frames addressed to the VIP to two real
servers (weights equal, shared exactly: checked), with its daemon running.

**CPU time.** `thread` is the CPU time of the generator's thread, which the softirqs run on;
`core` is what /proc/stat calls busy of that CPU, in ticks of 10 ms, other processes' time
included.
"""


def spread(values):
    return min(values), statistics.median(values), max(values)


def show(values, form="{:.0f}", scale=1.0):
    return " / ".join(form.format(v / scale) for v in spread(values))


def ratios(samples, name, other, what=lambda s: s.rate):
    """Of the two ways within each round."""
    return [what(a) / what(b) for a, b in zip(samples[name], samples[other])]


def beyond_alone(samples, name):
    return [a.thread - b.thread for a, b in zip(samples[name], samples["alone"])]


def cost_ratios(samples, name, other):
    return [b / a for a, b in zip(beyond_alone(samples, name), beyond_alone(samples, other))]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def rates(all_ways, samples):
    rows = []
    for way in all_ways:
        s = samples[way.name]
        beyond = show(beyond_alone(samples, way.name)) if way.name != "alone" else "-"
        rows.append((way.label, show([x.rate for x in s], "{:.2f}", 1e6),
                     show([x.thread for x in s]), beyond, show([x.core for x in s]),
                     f"{max(x.lost for x in s):.2%}"))
    return table(("way", "million frames/s", "ns a frame (thread)", "beyond alone, ns",
                  "ns a frame (core)", "lost, at most"), rows)


def comparisons(samples):
    rows = [(f"lbxdp {arm} : {other}", show(ratios(samples, name, kernel), "{:.2f}"),
             show(cost_ratios(samples, name, kernel), "{:.2f}"))
            for name, arm in LBXDP for kernel, other in KERNEL if kernel in samples]
    return table(("ratio, within each round", "frames/s", "forwarding alone: times cheaper"), rows)


def cpu_model():
    with open("/proc/cpuinfo", encoding="ascii") as f:
        return next((line.partition(":")[2].strip() for line in f
                     if line.startswith("model name")), platform.machine())


def commit():
    done = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], text=True,
                          capture_output=True, check=False)
    return done.stdout.strip() or "unknown"


def version():
    with open(os.path.join(TOP, "VERSION"), encoding="ascii") as f:
        return f.read().strip()


def attached(interfaces):
    return ", ".join(f"{i['name']} {i['xdp_mode']} "
                     f"{'with' if i['dispatcher'] else 'without'} dispatcher" for i in interfaces)


def facts(interfaces, options):
    return "\n".join((
        f"- {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, lbxdp {version()} ({commit()}), "
        f"XDP on {attached(interfaces)}",
        f"- kernel {platform.release()}, {cpu_model()}, {os.cpu_count()} CPUs; everything, the "
        f"daemon too, on CPU {options.cpu}; generator at nice -20; load average at the end "
        f"{os.getloadavg()[0]:.1f}",
        f"- {options.rounds} rounds of {options.seconds:g} s a way, interleaved, each beginning with"
        f" another way; {options.flows} flows, frames of {options.bytes} bytes without FCS",
        f"- command: `make bench-veth BENCH_VETH=\"--rounds {options.rounds} --seconds"
        f" {options.seconds:g} --flows {options.flows} --bytes {options.bytes}\"`"))


def setups(all_ways):
    """A line a setup; ways that share one stand together."""
    labels = {}
    for way in all_ways:
        labels.setdefault(way.setup, []).append(way.label)
    return "\n".join(f"- {'; '.join(names)}: `{setup}`" for setup, names in labels.items()) + "\n"


def plot(all_ways, samples, day):
    """Fastest above, the generator's own pace below."""
    rows = [(way.label, *spread([x.rate for x in samples[way.name]])) for way in all_ways]
    return bars("Frames through veth, one CPU for generator, forwarder and sink",
                "frames received a second", rows[1:] + rows[:1], f"lbxdp {version()}, {day}, "
                f"Linux {platform.release()}, {cpu_model()}")


def write_report(all_ways, samples, interfaces, options):
    day = time.strftime("%Y-%m-%d", time.gmtime())
    stem = os.path.join(options.out, f"{day}-veth")
    text = "\n".join((f"# Frames a second through veth, {day}\n", "Minimum / median / maximum.\n",
                      rates(all_ways, samples), comparisons(samples),
                      f"![plot]({day}-veth.svg)\n", facts(interfaces, options) + "\n",
                      setups(all_ways), SHARED))
    os.makedirs(options.out, exist_ok=True)
    for path, words in ((stem + ".md", text), (stem + ".svg", plot(all_ways, samples, day))):
        with open(path, "w", encoding="utf-8") as f:
            f.write(words)
    print(f"\n{rates(all_ways, samples)}\n{comparisons(samples)}\nwritten: {stem}.md, {stem}.svg")
