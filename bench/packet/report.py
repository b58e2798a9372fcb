#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py DIRECTORY < ROWS: the rows of bench.c as a dated Markdown table and an SVG plot. Fails
where a claim is missed."""

import os
import platform
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from plot import bars  # noqa: E402

TEXT = """\
ns a packet by BPF_PROG_TEST_RUN, thread CPU time. A generator program restores the packet, varies
its flow and tail-calls the program under test; its cost (the second row less the first) is measured
in every round and subtracted. The cost of the test loop is in every row. The reference parses
Ethernet, IPv4 and TCP, looks the 5-tuple up in one hash and swaps the MACs. Ratios are those of the
same round to the reference with as many flows (one flow for the rest; an LRU insert besides for a new
flow); their median is shown, and judged where there is a claim. The flood is that of a service that
has been in flood mode for longer than half-open flows live.
"""


def missed(row):
    """By the ratio as it is shown."""
    _, _, _, _, ratio, limit = row
    return limit and float(ratio) > float(limit)


def main():
    directory = sys.argv[1]
    rows = [line.rstrip("\n").split("\t") for line in sys.stdin]
    if len(rows) < 18:
        sys.exit("bench-packet: rows are missing")
    day = time.strftime("%Y-%m-%d")
    base = os.path.join(directory, f"{day}-packet")
    where = f"{platform.system()} {platform.release()}, {platform.machine()}"
    lines = [f"# ns a packet, {day}", "", f"{where}, {os.cpu_count()} CPUs.", "", TEXT,
             "| packet | min | median | max | ratio | may be |", "|---|---|---|---|---|---|"]
    lines += [f"| {name} | {low} | {middle} | {high} | {ratio} | {limit} |"
              for name, low, middle, high, ratio, limit in rows]
    os.makedirs(directory, exist_ok=True)
    with open(base + ".md", "w", encoding="utf-8") as table:
        table.write("\n".join(lines) + "\n")
    with open(base + ".svg", "w", encoding="utf-8") as plot:
        plot.write(bars("ns a packet", "ns, test loop included",
                        [(r[0], *map(float, r[1:4])) for r in rows[2:]], where))
    print("\n".join(lines))
    print(f"\n{base}.md, {base}.svg")
    late = [row[0] for row in rows if missed(row)]
    if late:
        sys.exit(f"missed: {'; '.join(late)}")


if __name__ == "__main__":
    main()
