#!/usr/bin/env python3
"""What the adapters rely on is in the engines' sources: names, arguments and entry point groups.

The pinned package of each engine and the newest one are fetched and parsed, not imported; in compiled ones names are looked for. Skipped (77) where PyPI cannot be reached.
Packages are kept in --keep, where that is given.
"""

import argparse
import ast
import fnmatch
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

from engine_table import ROOT, load

SKIPPED = 77
OFFLINE = ("NewConnectionError", "ConnectTimeout", "Temporary failure in name resolution", "Max retries exceeded")


class Absent(Exception):
    """PyPI cannot be reached."""


def fetch(package, version, folder):
    wanted = f"{package}=={version}" if version else package
    name = package.replace("-", "_")
    if version:
        kept = sorted(folder.glob(f"{name}-{version}-*.whl"))
        if kept:
            return kept[0]
    before = set(folder.glob("*.whl"))
    got = subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
                          "--dest", str(folder), wanted], capture_output=True, text=True)
    if got.returncode != 0:
        said = got.stdout + got.stderr
        if any(sign in said for sign in OFFLINE) or ("from versions: none" in said):
            raise Absent(said)
        raise SystemExit(f"{wanted}: {said}")
    new = sorted(set(folder.glob(f"{name}-*.whl")) - before)
    # Nothing new: the newest is the pinned one, which is there.
    return new[-1] if new else max(folder.glob(f"{name}-*.whl"), key=lambda path: path.stat().st_mtime)


def version_of(wheel):
    return wheel.name.split("-")[1]


def found(tree, name):
    node = tree
    for part in name.split("."):
        inside = [child for child in ast.walk(node) if child is not node] if node is tree else node.body
        node = next((child for child in inside if isinstance(child, (ast.FunctionDef, ast.ClassDef)) and child.name == part), None)
        if node is None:
            return None
    return node


def arguments(node):
    """Of a function its parameters, of a class its fields, those named in its __init__ included."""
    if isinstance(node, ast.FunctionDef):
        spec = node.args
        return [argument.arg for argument in spec.posonlyargs + spec.args + spec.kwonlyargs]
    names = []
    for child in node.body:
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            names.append(child.target.id)
        elif isinstance(child, ast.Assign):
            names += [target.id for target in child.targets if isinstance(target, ast.Name)]
        elif isinstance(child, ast.FunctionDef) and child.name == "__init__":
            names += arguments(child)
    return names


def absent(archive, relied):
    """Names of a compiled module that do not stand in it: of what binds functions by name, all of them end in a NUL."""
    content = b"".join(archive.read(name) for name in archive.namelist() if fnmatch.fnmatch(name, relied.file))
    return [name for name in (relied.name, *relied.arguments) if name.encode() + b"\0" not in content]


def faults(engine, wheel):
    with zipfile.ZipFile(wheel) as archive:
        listed = set(archive.namelist())
        for relied in engine.relied:
            where = f"{wheel.name}: {relied.file}: {relied.name}"
            if relied.file.endswith(".so"):
                yield from (f"{where}: {name} is not in it" for name in absent(archive, relied))
                continue
            if relied.file not in listed:
                yield f"{where}: no such file"
                continue
            node = found(ast.parse(archive.read(relied.file)), relied.name)
            if node is None:
                yield f"{where}: no such name"
                continue
            has = arguments(node)
            missing = [name for name in relied.arguments if name not in has]
            if missing:
                yield f"{where}: no {', '.join(missing)} among {', '.join(has)}"
            # What is called by place must keep its place, too.
            elif isinstance(node, ast.FunctionDef) and relied.arguments[:1] in (("self",), ("cls",)):
                places = [has.index(name) for name in relied.arguments]
                if places != sorted(places):
                    yield f"{where}: another order, {', '.join(has)}"
        for group, _ in engine.groups:
            text = f'"{group}"'
            if not any(text in archive.read(name).decode("utf-8", "replace") for name in listed
                       if name.endswith(".py") and "plugins" in name):
                yield f"{wheel.name}: no entry point group {group}"


def check_self(Relied):
    """The checker sees what is gone: a name, an argument, a place."""
    tree = ast.parse("class A:\n    x: int\n    def f(self, a, b): ...\ndef g(a, *, k): ...\n")
    assert arguments(found(tree, "A.f")) == ["self", "a", "b"] and arguments(found(tree, "A")) == ["x"]
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.writestr("a/b.cpython-311.so", b"\0Thing\0do\0undone")
        assert absent(archive, Relied("a/b.cpython-*.so", "Thing", ("do", "done", "gone"))) == ["done", "gone"]
        assert absent(archive, Relied("a/c.cpython-*.so", "Thing", ())) == ["Thing"]
    assert found(tree, "A.h") is None and found(tree, "B") is None and arguments(found(tree, "g")) == ["a", "k"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    table = load()
    check_self(table.Relied)
    declared = (ROOT / "pyproject.toml").read_text()
    wrong = [f"pyproject.toml: no {target} in {group}" for engine in table.ENGINES for group, target in engine.groups
             if not re.search(rf'\[project\.entry-points\."{re.escape(group)}"\][^\[]*"{re.escape(target)}"', declared)]
    checked = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for engine in table.ENGINES:
                if not engine.relied:
                    continue
                pinned = fetch(engine.package, engine.newest, folder)
                newest = fetch(engine.package, None, folder)
                for wheel in dict.fromkeys((pinned, newest)):
                    got = list(faults(engine, wheel))
                    wrong += got
                    checked += len(engine.relied)
                    print(f"{engine.name}: {version_of(wheel)}: {len(engine.relied)} names, {len(got)} faults")
        except Absent:
            print("skipped: PyPI cannot be reached, so there are no sources to read")
            return SKIPPED
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
