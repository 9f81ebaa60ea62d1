"""The table of adapters, read from its source: neither the package nor an engine has to be there."""

import importlib.util
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFORMANCE = ROOT / "docs/conformance.jsonl"
SOURCE = ROOT / "tools/python/verdigris/adapters/engines.py"
# Of the table of conformance, which harness.py fills.
ROWS = {"C1": "same mark", "C2": "same positions and scores", "C3": "found", "C4": "not found", "C5": "boundary", "C6": "repeats",
        "C7": "clone, reset, resample, reused slot", "C8": "batch", "C9": "preemption", "C10": "placeholders", "C11": "drafts", "C12": "beams",
        "C13": "fail closed", "C14": "account", "C15": "log-probabilities", "C16": "secrets"}


def load():
    spec = importlib.util.spec_from_file_location("engine_table_source", SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
