# SPDX-License-Identifier: GPL-2.0-only
"""The samples of bench.py as a dated Markdown table and an SVG plot."""

import os
import platform
import statistics
import subprocess
import time

from loads import FEW
from plot import bars, number

TEXT = """\
CPU time of the proxy's one process (what the scheduler counts, user and system) for the same work:
HTTP requests of wrk answered by one nginx with a few bytes, on {connections} connections that are kept
("few clients": {few}), and on one connection each; files of 512 MB fetched by two curl at a time.
Nothing is tuned; "splice" has HAProxy's splice-request and splice-response set, nginx keeps its
connections to the server. TLS ends at the proxy: of "TLS" it carries the bytes only, of "HTTPS" it
reads the requests; handshakes are full ones with RSA-2048, TLS 1.3. Proxies on one CPU, load and server
on another, all over loopback: what the kernel does for the other end of a connection in a process'
name is in its figure. The p99 is of h2load's requests at {rate} a second on {few} connections. Ratios
are those of the same round; their median is shown. Memory: growth of the process (PSS) with {idle}
sessions that were used once and then say nothing.
"""


def ratio(samples, work, way, base="HAProxy"):
    """To another way in the same round; None: it was not there."""
    if (work, base) not in samples:
        return None
    return statistics.median(a / b for a, b in zip(samples[work, way], samples[work, base]))


def ratio_text(value):
    return "" if value is None else f"{value:.2f}"


def row(work, way, samples):
    values = samples[work.name, way]
    ratios = [ratio_text(ratio(samples, work.name, way, base)) for base in ("HAProxy", "nginx")]
    return (f"| {work.name} | {way} | {number(min(values))} | {number(statistics.median(values))} | "
            f"{number(max(values))} | {work.unit} | {ratios[0]} | {ratios[1]} |")


def table(works, samples):
    lines = ["| work | proxy | min | median | max | unit | to HAProxy | to nginx |",
             "|---|---|---|---|---|---|---|---|"]
    return "\n".join(lines + [row(work, way, samples)
                              for work in works for name, way in samples if name == work.name])


def memory_table(memory):
    ways = list(dict.fromkeys(way for _, way in memory))
    lines = ["| bytes an idle session | " + " | ".join(ways) + " |",
             "|---" * (len(ways) + 1) + "|"]
    for name in dict.fromkeys(name for name, _ in memory):
        figures = [f"{memory[name, way]:.0f}" if (name, way) in memory else "" for way in ways]
        lines.append(f"| {name} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def first_line(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).split("\n")[0]


def where(version, options):
    return (f"- lbxdp {version}; {first_line('haproxy', '-v')}; {first_line('nginx', '-v')}\n"
            f"- {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, Linux {platform.release()}, "
            f"{os.cpu_count()} CPUs, load average at the end {os.getloadavg()[0]:.1f}\n"
            f"- {options.rounds} interleaved rounds, {options.seconds} s a way and work\n")


def plot(works, samples, day):
    """Relative to plain HAProxy's median, so that all work fits one scale."""
    rows = []
    for work in works:
        base = statistics.median(samples[work.name, "HAProxy"])
        rows += [(f"{way}: {work.name}", *(f(v) / base for f in (min, statistics.median, max)))
                 for (name, way), v in samples.items() if name == work.name]
        rows.append(None)
    return bars("Layer 7: CPU time a unit of work, and p99",
                "HAProxy's median is 1; less is better", rows[:-1],
                f"{day}, Linux {platform.release()}")


def write_report(works, samples, memory, version, options):
    day = time.strftime("%Y-%m-%d", time.gmtime())
    stem = os.path.join(options.out, f"{day}-l7")
    tables = "\n\n".join(t for t in (table(works, samples), memory and memory_table(memory)) if t)
    text = "\n".join((f"# Layer 7 beside HAProxy and nginx, {day}\n",
                      TEXT.format(idle=options.idle, rate=options.rate, few=FEW,
                                  connections=options.connections), tables, "",
                      f"![plot]({day}-l7.svg)\n", where(version, options)))
    os.makedirs(options.out, exist_ok=True)
    for path, words in ((stem + ".md", text), (stem + ".svg", plot(works, samples, day))):
        with open(path, "w", encoding="utf-8") as f:
            f.write(words)
    print(f"\n{tables}\n\nwritten: {stem}.md, {stem}.svg")
