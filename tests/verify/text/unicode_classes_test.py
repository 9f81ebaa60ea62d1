#!/usr/bin/env python3
"""Making verify/text/unicode_classes.cc again gives the same file.

usage: unicode_classes_test.py ROOT VENV     VENV: an environment for unicodedata2, made if need be; exit 77 where PyPI cannot be reached
"""
import pathlib
import subprocess
import sys

root, venv = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
script, table = root / "verify/text/make_unicode_classes.py", root / "verify/text/unicode_classes.cc"
python = sys.executable
if subprocess.run([python, "-c", "import unicodedata2; assert unicodedata2.unidata_version == '16.0.0'"], stderr=subprocess.DEVNULL).returncode != 0:
    python = venv / "bin/python"
    if not python.exists() and subprocess.run([sys.executable, "-m", "venv", venv]).returncode != 0:
        print("skipped: no virtual environment can be made")
        sys.exit(77)
    if subprocess.run([python, "-m", "pip", "-q", "install", "unicodedata2==16.0.0"]).returncode != 0:
        print("skipped: unicodedata2 cannot be installed")
        sys.exit(77)
made = subprocess.run([python, script], check=True, stdout=subprocess.PIPE).stdout
if made != table.read_bytes():
    print(f"{table} is not what {script} makes")
    sys.exit(1)
