#!/usr/bin/env python3
"""Draws what robustness_experiment printed: share of texts detected at 1e-6 over the level of each edit.

usage: plot.py robustness.csv robustness.svg

A panel an edit, a colour a scheme; solid lines are the fixed test, dashed ones the located. Colours are those of Okabe and
Ito, which colour-blind readers tell apart.
"""

import csv
import sys

COLOURS = {"green": "#009E73", "gumbel": "#0072B2", "tournament": "#D55E00", "multichannel": "#CC79A7"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 190, 120, 40, 40, 36


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    panels = {}
    with open(sys.argv[1], encoding="utf-8") as file:
        for row in csv.DictReader(file):
            panels.setdefault(row["edit"], {}).setdefault(row["scheme"], []).append(row)
    columns = 4
    rows = -(-len(panels) // columns)
    width, height = LEFT + columns * (WIDTH + GAP), TOP + rows * (HEIGHT + GAP + 14)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for i, (scheme, colour) in enumerate(COLOURS.items()):
        out.append(f'<text x="{LEFT + i * 110}" y="16" fill="{colour}" font-weight="bold">{scheme}</text>')
    out.append(f'<text x="{LEFT + 450}" y="16">solid: fixed test, dashed: located; share detected at 1e-6</text>')
    for i, (edit, schemes) in enumerate(panels.items()):
        x0, y0 = LEFT + i % columns * (WIDTH + GAP), TOP + i // columns * (HEIGHT + GAP + 14)
        out.append(f'<text x="{x0}" y="{y0 - 4}">{edit}</text><rect x="{x0}" y="{y0}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>')
        for level in range(0, 7, 2):
            out.append(f'<text x="{x0 + WIDTH * level / 6:.0f}" y="{y0 + HEIGHT + 13}" text-anchor="middle">{10 * level} %</text>')
        for share in (0, 1):
            out.append(f'<text x="{x0 - 4}" y="{y0 + HEIGHT * (1 - share) + 4:.0f}" text-anchor="end">{share}</text>')
        for scheme, points in schemes.items():
            for test, dash in (("fixed", ""), ("located", ' stroke-dasharray="4 3"')):
                line = " ".join(f'{x0 + WIDTH * float(p["level"]) / 0.6:.1f},{y0 + HEIGHT * (1 - float(p[test])):.1f}' for p in points)
                out.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[scheme]}" stroke-width="1.6"{dash}/>')
    out.append("</svg>")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
