#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py DIRECTORY < ROWS: the rows of scale.c as a dated Markdown table. Fails where a claim is
missed."""

import os
import platform
import sys
import time

TEXT = """\
Main's own code, from the text of a file to pinned maps of the running kernel, in namespaces of its
own: 10,000 services of one VIP and port with 10 servers each, weights 50, 100 and 150, a connect
check a server; for the list one service with 100,000 IPv4 networks, another list each time in place
of the one before. Not part of it: the processes of probe and proxies, the kernel's neighbours (every
MAC address is known at once), and the load of the XDP program. A change is timed from the probe's
report, or the order as the control socket hands it over, until the maps have it and the order is
saved (on a tmpfs); every tenth of a second the sweep is called as main calls it, over a table of
1,048,576 entries with a million established IPv4 flows; a list that refuses clients is timed from
the switch to it until all flows are judged, with the rests that main makes. By the clock, and in
CPU time of the thread, user and system. Claims are judged by the clock (changes by the longest,
rounds by the median), that of the sweep by its CPU time a second.
"""


def priority():
    """Of this session among others, where the kernel groups them."""
    try:
        with open("/proc/self/autogroup", encoding="utf-8") as group:
            return ", session " + group.read().split(" ", 1)[1].strip()
    except (OSError, IndexError):
        return ""


def missed(row):
    """The sweep is judged by its CPU time, the rest by the clock: changes by the longest, rounds by
    the median."""
    label, _, _, middle, most, cpu, _, limit = row
    if not limit:
        return False
    if "sweep" in label:
        return float(cpu) > float(limit)
    return float(most if "one real" in label else middle) > float(limit)


def main():
    rows = [line.rstrip("\n").split("\t") for line in sys.stdin]
    if len(rows) < 12:
        sys.exit("bench-scale: rows are missing")
    day = time.strftime("%Y-%m-%d")
    out = os.path.join(sys.argv[1], f"{day}-scale.md")
    lines = [f"# What size costs, {day}", "",
             f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} "
             f"CPUs, load {os.getloadavg()[0]:.1f} at the end{priority()}.", "", TEXT,
             "| what | times | median | most | CPU, median | CPU, most | may be |",
             "|---|---|---|---|---|---|---|"]
    lines += [f"| {label} | {count} | {middle} {unit} | {most} {unit} | {cpu} {unit} | "
              f"{cpu_most} {unit} | {limit and limit + ' ' + unit} |"
              for label, unit, count, middle, most, cpu, cpu_most, limit in rows]
    os.makedirs(sys.argv[1], exist_ok=True)
    with open(out, "w", encoding="utf-8") as table:
        table.write("\n".join(lines) + "\n")
    print("\n".join(lines))
    print(f"\n{out}")
    late = [row[0] for row in rows if missed(row)]
    if late:
        sys.exit(f"missed: {'; '.join(late)}")


if __name__ == "__main__":
    main()
