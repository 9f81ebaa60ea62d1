#!/usr/bin/env python3
"""Every source and test on disk is named in the CMakeLists.txt that answers for it; a test nobody lists never runs.

usage: lists_test.py ROOT
"""

import pathlib
import sys

# Folder: (suffixes, the file that lists them).
LISTS = {
    "watermark": ((".cc", ".h"), "watermark/CMakeLists.txt"),
    "verify": ((".cc", ".h"), "verify/CMakeLists.txt"),
    "tools": ((".cc",), "tools/CMakeLists.txt"),
    "tools/python": ((".cc",), "tools/python/CMakeLists.txt"),
    "tests": ((".cc", ".c", ".sh"), "tests/CMakeLists.txt"),
    "tests/python": (("_test.py",), "tests/CMakeLists.txt"),
}
FILLS_ITSELF = ("watermark", "scheme_")  # file(GLOB scheme_*.cc)
# Where a list names things short: (folder, what is left out before, and after).
BY_SHORT_NAME = (("tests/cli/", "", ""), ("tests/bench/", "", ""), ("tests/fuzz/", "fuzz_", ""), ("tests/c_api/", "", "_test"),
                 ("tests/python/", "", "_test"))
OTHERS = ("tests/install/",)  # projects of their own


def main():
    root = pathlib.Path(sys.argv[1])
    missing = []
    for folder, (suffixes, listing) in LISTS.items():
        words = set((root / listing).read_text().replace("(", " ").replace(")", " ").split())
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root).as_posix()
            name = path.relative_to((root / listing).parent).as_posix()
            if not path.name.endswith(suffixes) or relative.startswith(OTHERS):
                continue
            if any(relative.startswith(deeper + "/") for deeper in LISTS if deeper.startswith(folder + "/")):
                continue
            if folder == FILLS_ITSELF[0] and path.name.startswith(FILLS_ITSELF[1]) and path.suffix == ".cc":
                continue
            names = {name} | {path.stem.removeprefix(before).removesuffix(after)
                              for start, before, after in BY_SHORT_NAME if relative.startswith(start)}
            if words.isdisjoint(names):
                missing.append(f"{relative} is not in {listing}")
    print(*missing, sep="\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
