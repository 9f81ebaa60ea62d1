#!/usr/bin/env python3
"""Compares what the shared library exports and needs with lists that a person changes.

Exported: exactly the names of symbols.txt, each under the version VDG_1. A name that goes, or changes its meaning, is
another SONAME and another vdg_abi(). Needed: libcrypto and what the C and C++ runtimes are made of, since a serving
process loads this library beside its own copies of everything else.
"""

import pathlib
import re
import subprocess
import sys

SONAME = "libverdigris.so.1"
VERSION = "VDG_1"
MAY_NEED = re.compile(r"lib(crypto|stdc\+\+|gcc_s|m|c)\.so\.\d+|ld-linux[^/]*\.so\.\d+")


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    library = sys.argv[1]
    wrong = []

    listed = pathlib.Path(__file__).with_name("symbols.txt").read_text().split()
    exported = set()
    for line in output_of("nm", "-D", "--defined-only", library).splitlines():
        name = line.split()[-1]
        if name != f"{VERSION}@@{VERSION}" and name != VERSION:
            exported.add(name)
    expected = {f"{name}@@{VERSION}" for name in listed}
    wrong += [f"exported, but not in symbols.txt: {name}" for name in sorted(exported - expected)]
    wrong += [f"in symbols.txt, but not exported: {name}" for name in sorted(expected - exported)]
    if listed != sorted(set(listed)):
        wrong.append("symbols.txt is not sorted, or names something twice")
    if not listed:
        wrong.append("symbols.txt is empty")

    dynamic = output_of("readelf", "-dW", library)
    sonames = re.findall(r"\(SONAME\).*\[(.*)\]", dynamic)
    if sonames != [SONAME]:
        wrong.append(f"SONAME is {sonames}, not {SONAME}")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    wrong += [f"needs {name}" for name in needed if not MAY_NEED.fullmatch(name)]
    if not needed:
        wrong.append("readelf shows no NEEDED at all")

    print(*wrong, sep="\n") if wrong else print(f"{len(exported)} names exported; needs {' '.join(needed)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
