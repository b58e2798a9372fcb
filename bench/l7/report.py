# SPDX-License-Identifier: GPL-2.0-only
"""The samples of bench.py as a dated Markdown table and an SVG plot."""

import os
import platform
import statistics
import subprocess
import time

from plot import bars, number

TEXT = """\
CPU time of the proxy's one process (what the scheduler counts, user and system) for the same work:
HTTP requests of wrk answered by one nginx with a few bytes, on connections that are kept, and on
one connection each; files of 512 MB fetched by two curl at a time. TCP mode where it does not say
HTTP, nothing tuned; "splice" has HAProxy's splice-request and splice-response set, nginx keeps
connections to its upstream. Proxies on one CPU, load and server on another,
all over loopback: what the kernel does for the other end of a connection in a process' name is in
its figure. Ratios are those of the same round; their median is shown. Memory: growth of anonymous
pages with {idle} sessions that were used once and then say nothing.
"""


def ratio(samples, work, way):
    """To plain HAProxy in the same round."""
    pairs = zip(samples[work, way], samples[work, "HAProxy"])
    return statistics.median(a / b for a, b in pairs)


def row(samples, key, unit):
    work, way = key
    values = samples[key]
    return (f"| {work} | {way} | {number(min(values))} | {number(statistics.median(values))} | "
            f"{number(max(values))} | {unit} | {ratio(samples, work, way):.2f} |")


def table(units, samples):
    lines = ["| work | proxy | min | median | max | unit | to HAProxy |",
             "|---|---|---|---|---|---|---|"]
    return "\n".join(lines + [row(samples, key, units[key[0]]) for key in samples])


def where(version, options):
    haproxy = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=False).stdout
    return (f"- lbxdp {version}; {haproxy.splitlines()[0] if haproxy else 'HAProxy'}\n"
            f"- {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, Linux {platform.release()}, "
            f"{os.cpu_count()} CPUs, load average at the end {os.getloadavg()[0]:.1f}\n"
            f"- {options.rounds} interleaved rounds, {options.seconds} s a way and work, "
            f"{options.connections} connections\n")


def plot(units, samples, day):
    """Relative to plain HAProxy's median, so that all work fits one scale."""
    rows = []
    for work in (w for w in units if (w, "HAProxy") in samples):
        base = statistics.median(samples[work, "HAProxy"])
        rows += [(f"{way}: {work}", *(f(v) / base for f in (min, statistics.median, max)))
                 for (w, way), v in samples.items() if w == work]
        rows.append(None)
    return bars("CPU time a unit of work", "HAProxy's median is 1; less is better",
                rows[:-1], f"{day}, Linux {platform.release()}")


def write_report(units, samples, memory, version, options):
    day = time.strftime("%Y-%m-%d", time.gmtime())
    stem = os.path.join(options.out, f"{day}-l7")
    idle = "\n".join(f"- memory an idle session, {way}: {size:.0f} bytes"
                     for way, size in memory.items())
    text = "\n".join((f"# Layer 7 beside HAProxy and nginx, {day}\n", TEXT.format(idle=options.idle),
                      table(units, samples), "", idle, "", f"![plot]({day}-l7.svg)\n",
                      where(version, options)))
    os.makedirs(options.out, exist_ok=True)
    for path, words in ((stem + ".md", text), (stem + ".svg", plot(units, samples, day))):
        with open(path, "w", encoding="utf-8") as f:
            f.write(words)
    print(f"\n{table(units, samples)}\n\n{idle}\n\nwritten: {stem}.md, {stem}.svg")
