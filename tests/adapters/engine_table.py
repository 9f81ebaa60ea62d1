"""The table of adapters, read from its source: neither the package nor an engine has to be there."""

import importlib.util
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tools/python/verdigris/adapters/engines.py"


def load():
    spec = importlib.util.spec_from_file_location("engine_table_source", SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
