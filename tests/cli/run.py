#!/usr/bin/env python3
"""Runs command-line tests: shell scripts beside what they must print.

  name.sh             run by `sh -eu` in an empty folder of its own, with
                        VERDIGRIS  path of the tool
                        SRC        root of the source tree
  name.stdout.exact   its standard output, byte for byte; without the file nothing may be printed
  name.stderr.glob    its standard error as a pattern: `*` stands for anything, `?` for one character; without the
                      file nothing may be printed there either
  name.exit           its exit status as a number; without the file 0

`--set-exact-output` writes name.stdout.exact and name.exit from what the script did: read the change before you keep
it. These tests are for what people and scripts meet: options, messages, exit statuses, files. What the numbers in a
finding must be is tested in tests/verify/.
"""

import argparse
import difflib
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def run(script, tool, source):
    """Returns (exit status, stdout, stderr) of one script, as bytes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VERDIGRIS")}
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"):
        environment.pop(name, None)
    environment.update(VERDIGRIS=str(tool), SRC=str(source), LC_ALL="C.UTF-8", TZ="UTC", TERM="dumb")
    with tempfile.TemporaryDirectory(prefix="verdigris-cli-") as folder:
        environment["HOME"] = folder
        environment["TMPDIR"] = folder
        # Secret files must come out unreadable to others whatever the caller's umask is.
        done = subprocess.run(["sh", "-eu", str(script)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, umask=0o022, timeout=600, check=False)
        return done.returncode, done.stdout, done.stderr


def beside(script, suffix):
    return script.with_name(script.stem + suffix)


def read_or(path, default):
    return path.read_bytes() if path.exists() else default


def matches_glob(text, pattern):
    # fnmatch also gives [ ] a meaning, and messages have brackets.
    return fnmatch.fnmatchcase(text, re.sub(r"\[", "[[]", pattern))


def check(script, tool, source):
    """Returns a list of what is wrong, empty if nothing is."""
    status, out, err = run(script, tool, source)
    wrong = []
    want_status = int(read_or(beside(script, ".exit"), b"0"))
    if status != want_status:
        wrong.append(f"exit status {status}, not {want_status}")
    want_out = read_or(beside(script, ".stdout.exact"), b"")
    if out != want_out:
        lines = difflib.unified_diff(want_out.decode("utf-8", "replace").splitlines(),
                                     out.decode("utf-8", "replace").splitlines(),
                                     "expected stdout", "stdout", lineterm="")
        wrong.append("\n".join(lines) or "stdout differs in its line ends or invalid bytes")
    want_err = read_or(beside(script, ".stderr.glob"), b"")
    if not matches_glob(err.decode("utf-8", "replace").rstrip("\n"), want_err.decode("utf-8").rstrip("\n")):
        wrong.append("stderr does not match:\n" + want_err.decode("utf-8"))
    if wrong:
        wrong.append("stderr was:\n" + err.decode("utf-8", "replace"))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, type=pathlib.Path, help="the verdigris program")
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--set-exact-output", action="store_true", help="write the expected files")
    parser.add_argument("scripts", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    tool = arguments.tool.resolve()
    failed = 0
    for script in (path.resolve() for path in arguments.scripts):
        if arguments.set_exact_output:
            status, out, err = run(script, tool, arguments.source)
            for suffix, value, default in ((".stdout.exact", out, b""), (".exit", b"%d\n" % status, b"0\n")):
                path = beside(script, suffix)
                if value != default:
                    path.write_bytes(value)
                else:
                    path.unlink(missing_ok=True)
            sys.stderr.write(f"{script.name}: exit {status}\n{err.decode('utf-8', 'replace')}")
            continue
        wrong = check(script, tool, arguments.source)
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok'} {script.name}", *wrong, sep="\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
