#!/usr/bin/env python3
"""SARIF that `report` writes, against the schema of SARIF 2.1.0 as the npm package @microsoft/jest-sarif has it. Skipped where
packages cannot be fetched.

usage: sarif_test.py --tool VERDIGRIS --root ROOT --venv FOLDER
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import venv

SKIP = 77
SCHEMA_PACKAGE, SCHEMA = "@microsoft/jest-sarif@1.0.0-beta.0", "package/lib/schemas/sarif-2.1.0-rtm.5.json"


def fetch(arguments):
    """The schema and the Python of an environment that has jsonschema, or None."""
    python = arguments.venv / "bin/python"
    try:
        if not python.exists():
            venv.create(arguments.venv, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "jsonschema==4.26.0"], check=True, stdin=subprocess.DEVNULL)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["npm", "pack", "--silent", SCHEMA_PACKAGE], check=True, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            with tarfile.open(next(pathlib.Path(folder).glob("*.tgz"))) as package:
                return json.load(package.extractfile(SCHEMA)), python
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: {error}")
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, type=pathlib.Path)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--venv", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    fetched = fetch(arguments)
    if fetched is None:
        return SKIP
    schema, python = fetched
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "schema.json").write_text(json.dumps(schema))
        for corpus, options in (("plain", ["--documents", "100000", "--marked", "6000"]), ("hostile", ["--documents", "3000", "--marked", "60", "--hostile"]), ("none", ["--documents", "3000", "--marked", "0"])):
            subprocess.run([sys.executable, arguments.root / "tests/report/make_results.py", folder / corpus, *options], check=True)
            subprocess.run([arguments.tool, "report", folder / corpus, "--format", "sarif", "-o", folder / "out.sarif"], check=True)
            check = ("import json, jsonschema, sys; log = json.load(open(sys.argv[2], encoding='utf-8')); v = jsonschema.Draft7Validator(json.load(open(sys.argv[1])), "
                     "format_checker=jsonschema.FormatChecker()); errors = list(v.iter_errors(log)); print(*[(list(e.path), e.message[:200]) for e in errors[:5]], sep='\\n'); "
                     "print(len(log['runs'][0]['results']), 'results'); sys.exit(bool(errors))")
            if subprocess.run([python, "-c", check, folder / "schema.json", folder / "out.sarif"], check=False).returncode != 0:
                return 1
            results = json.loads((folder / "out.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
            wanted = {"plain": 5000, "none": 0}.get(corpus)
            if wanted is not None and len(results) != wanted:
                print(f"{corpus}: {len(results)} results, not {wanted}")
                return 1
            if [r["rank"] for r in results] != sorted((r["rank"] for r in results), reverse=True):
                print("not by p")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
