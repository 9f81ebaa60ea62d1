#!/usr/bin/env python3
"""The part of docs/engines.md that comes from the adapters.

engines_page.py --write   writes it into the page
engines_page.py --check   ends with 1 where the page is not current
"""

import sys

from engine_table import ROOT, load

PAGE = ROOT / "docs/engines.md"
BEGIN = "<!-- adapters: written by tests/adapters/engines_page.py -->"
END = "<!-- end of adapters -->"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def versions(engine):
    if not engine.newest:
        return "none"
    return engine.newest if engine.oldest == engine.newest else f"{engine.oldest} to {engine.newest}"


def part():
    engines = load().ENGINES
    lines = [row(["engine", "entry", "place of the mark", "output starts at", "drafts", "account from", "versions tested", "checked"]),
             row(["---"] * 8)]
    for e in engines:
        lines.append(row([e.name, e.entry, e.hook, e.boundary, e.drafts, e.account, versions(e), e.checked]))
    for e in engines:
        lines += ["", f"## {e.name}", "", f"`{e.module}`. Refused: {'; '.join(e.refused)}."]
        if e.limits:
            lines += ["", f"Limits: {'; '.join(e.limits)}."]
        for group, target in e.groups:
            lines += ["", f"Entry point `{target}` of the group `{group}`."]
    return "\n".join(lines) + "\n"


def renewed(text):
    before, rest = text.split(BEGIN + "\n", 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{part()}\n{END}{after}"


def main():
    text = PAGE.read_text()
    new = renewed(text)
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(new)
        return 0
    if sys.argv[1:] != ["--check"]:
        print(__doc__, file=sys.stderr)
        return 2
    if new != text:
        print("docs/engines.md is not current: run tests/adapters/engines_page.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
