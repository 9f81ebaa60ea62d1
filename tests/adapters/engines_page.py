#!/usr/bin/env python3
"""The part of docs/engines.md that comes from the adapters.

engines_page.py --write            writes it into the page
engines_page.py --check            ends with 1 where the page is not current
engines_page.py --results FOLDER   takes over what tests with VERDIGRIS_CONFORMANCE=FOLDER found, then writes
"""

import json
import pathlib
import sys

from engine_table import CONFORMANCE, ROOT, ROWS, load

PAGE = ROOT / "docs/engines.md"
BEGIN = "<!-- adapters: written by tests/adapters/engines_page.py -->"
END = "<!-- end of adapters -->"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def versions(engine):
    if not engine.newest:
        return "none"
    return engine.newest if engine.oldest == engine.newest else f"{engine.oldest} to {engine.newest}"


def results():
    """Lines of docs/conformance.jsonl by engine, in their order."""
    by_engine = {}
    for line in map(json.loads, CONFORMANCE.read_text().splitlines()):
        by_engine.setdefault(line["engine"], {})[line["row"]] = line
    return by_engine


def conformance():
    engines = results()
    assert all(set(rows) == set(ROWS) for rows in engines.values()), "docs/conformance.jsonl: an engine lacks rows"
    yield row(["", "", *(f"{name}, {rows['C1']['label']}" for name, rows in engines.items())])
    yield row(["---"] * (2 + len(engines)))
    for name, title in ROWS.items():
        yield row([name, title, *(rows[name]["result"] for rows in engines.values())])


def take_over(folder):
    """Rows of engines that were tested replace those that are there."""
    engines = results()
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for line in map(json.loads, path.read_text().splitlines()):
            engines.setdefault(line["engine"], {})[line["row"]] = line
    CONFORMANCE.write_text("".join(json.dumps(line) + "\n" for rows in engines.values() for line in rows.values()))


def part():
    engines = load().ENGINES
    lines = [row(["engine", "entry", "place of the mark", "output starts at", "drafts", "account from", "versions tested", "checked"]),
             row(["---"] * 8)]
    for e in engines:
        lines.append(row([e.name, e.entry, e.hook, e.boundary, e.drafts, e.account, versions(e), e.checked]))
    lines += ["", "What the tests of adapters show of each (docs/conformance.jsonl). Refused: the adapter or the engine does, with a test of that.", ""]
    lines += conformance()
    for e in engines:
        lines += ["", f"## {e.name}", "", f"`{e.module}`. Refused: {'; '.join(e.refused)}."]
        if e.limits:
            lines += ["", f"Limits: {'; '.join(e.limits)}."]
        for group, target in e.groups:
            lines += ["", f"Entry point `{target}` of the group `{group}`."]
        if e.without:
            lines += ["", f"Not applicable: {'; '.join(f'{name} ({ROWS[name]}), {reason}' for name, reason in e.without)}."]
    return "\n".join(lines) + "\n"


def renewed(text):
    before, rest = text.split(BEGIN + "\n", 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{part()}\n{END}{after}"


def main():
    if sys.argv[1:2] == ["--results"] and len(sys.argv) == 3:
        take_over(sys.argv.pop())
        sys.argv[1] = "--write"
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
