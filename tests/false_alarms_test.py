#!/usr/bin/env python3
"""Every random test states the chance that it fails for correct code, as `False alarm: 6e-7`, once for what it checks; they
add up to what docs/statistics.md says, and to less than 1e-3.

usage: false_alarms_test.py ROOT
"""

import decimal
import pathlib
import re
import sys

STATED = re.compile(r"False alarm: (\d(?:\.\d+)?e-\d+)\b")
IN_OTHER_WORDS = re.compile(r"False alarm: (?!\d(?:\.\d+)?e-\d+\b)")
BAND = re.compile(r"\b(?:WithinBinomialBand|AtMostBinomial|CheckNullOverKeys)\(")
SUM = re.compile(r"add up to (\d(?:\.\d+)?e-\d+)")
LIMIT = decimal.Decimal("1e-3")
# The bands themselves, and the tests of them.
NO_RANDOM_TESTS = {"tests/bands.h", "tests/null_over_keys.h", "tests/verify/law_test.cc"}


def two_digits_up(value):
    """As 3.1e-4, never less than it is."""
    digits, exponent = value, 0
    while digits < 1:
        digits, exponent = digits * 10, exponent - 1
    digits = digits.quantize(decimal.Decimal("0.1"), rounding=decimal.ROUND_CEILING)
    return f"{digits}e{exponent}"


def main():
    root = pathlib.Path(sys.argv[1])
    total, problems = decimal.Decimal(0), []
    for path in sorted((root / "tests").rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix not in (".cc", ".h", ".c"):
            continue
        text = path.read_text(encoding="utf-8")
        stated = [decimal.Decimal(number) for number in STATED.findall(text)]
        total += sum(stated)
        if IN_OTHER_WORDS.search(text):
            problems.append(f"{name}: a false alarm is stated as `False alarm: 6e-7`, the number first")
        if BAND.search(text) and not stated and name not in NO_RANDOM_TESTS:
            problems.append(f"{name}: a random test without `False alarm: 6e-7`")
    written = SUM.search((root / "docs/statistics.md").read_text(encoding="utf-8"))
    wanted = two_digits_up(total)
    if not written or written.group(1) != wanted:
        problems.append(f"docs/statistics.md must say that the false alarms \"add up to {wanted}\", it says {written and written.group(1)}")
    if total >= LIMIT:
        problems.append(f"all random tests together fail with chance {total}, which is not below {LIMIT}")
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
