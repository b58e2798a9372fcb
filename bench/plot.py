#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Bars with their spread as SVG, with nothing but the standard library.

    plot.py TITLE UNIT [NOTE] < ROWS > FILE.svg

Each row is `label<TAB>min<TAB>median<TAB>max`; an empty line leaves a gap. Also: plot.bars().
"""

import sys
from xml.sax.saxutils import escape

LEFT, RIGHT, TOP, STEP, BAR, WIDTH = 230, 170, 56, 30, 18, 860
COLOURS = {"lbxdp": "#1f77b4"}
STYLE = "font-family: sans-serif; font-size: 13px"


def number(value):
    """Three digits and a magnitude: 2.41 M, 853 k, 76.5."""
    for size, sign in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def text(x, y, words, **attributes):
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(words)}</text>'


def bar(y, row, scale):
    """One bar to the median, a whisker from min to max, and the figures."""
    label, low, middle, high = row
    colour = next((c for word, c in COLOURS.items() if word in label), "#999999")
    at, centre = LEFT + low * scale, y + BAR / 2
    end = LEFT + high * scale
    return [
        text(LEFT - 8, y + BAR - 4, label, text_anchor="end"),
        f'<rect x="{LEFT}" y="{y}" width="{middle * scale:.1f}" height="{BAR}" fill="{colour}"/>',
        f'<path d="M{at:.1f} {centre - 5}v10m0 -5H{end:.1f}m0 -5v10" stroke="#222" fill="none"/>',
        text(end + 8, y + BAR - 4, f"{number(middle)}  ({number(low)} – {number(high)})"),
    ]


def bars(title, unit, rows, note=""):
    """The SVG document. rows: (label, min, median, max), or None for a gap."""
    highest = max((row[3] for row in rows if row), default=0) or 1
    scale = (WIDTH - LEFT - RIGHT) / highest
    height = TOP + STEP * len(rows) + (28 if note else 8)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}" style="{STYLE}">',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
             text(12, 22, title, font_weight="bold"),
             text(12, 42, f"{unit}; median (min – max)", fill="#555")]
    for i, row in enumerate(rows):
        if row:
            parts += bar(TOP + i * STEP, row, scale)
    if note:
        parts.append(text(12, height - 10, note, fill="#555", font_size=11))
    return "\n".join(parts + ["</svg>", ""])


def read(lines):
    rows = []
    for line in lines:
        label, *figures = line.rstrip("\n").split("\t")
        rows.append((label, *map(float, figures)) if figures else None)
    return rows


def main(words):
    if len(words) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    sys.stdout.write(bars(words[0], words[1], read(sys.stdin), *words[2:]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
