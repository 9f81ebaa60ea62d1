"""A folder that a serving team would have: profile, keys, gateway key and configuration. Also used by tests/adapters."""

import base64
import json
import pathlib

import verdigris
from key_files import profile, tree

GATEWAY_KEY = bytes(range(32))
ENDS = [2]


class Engine:
    """A row of the table of engines, for tests without one."""

    package, oldest, newest = "engine", "1.0", "1.0"


def write_secret(path, content):
    path.write_bytes(content)
    path.chmod(0o600)


def make_folder(folder, *, epoch=3, accounts=("acct-7", "acct-8"), **settings):
    """Writes all but the configuration; returns the files of keys by name."""
    folder = pathlib.Path(folder)
    made = profile(**settings)
    (folder / "p.json").write_bytes(made)
    files = tree(verdigris.Profile.parse(made).scheme_id, epoch=epoch, accounts=accounts)
    (folder / "accounts").mkdir(exist_ok=True)
    for name, content in files.items():
        write_secret(folder / f"{name}.key" if name in ("provider", "selector") else folder / "accounts" / f"{name}.key", content)
    write_secret(folder / "gateway.key", base64.b64encode(GATEWAY_KEY) + b"\n")
    return files


def settings(**changes):
    """A whole configuration; members of changes replace those of the same name, None leaves one out."""
    whole = {"schema": "verdigris.serving/1", "profile": "p.json", "epoch": 3,
             "keys": {"provider": "provider.key", "selector": "selector.key", "accounts": "accounts"},
             "account": {"source": "signed", "gateway_key": "gateway.key"},
             "policy": {"mode": "enforce", "greedy": "refuse", "on_error": "end", "end_ids": ENDS, "max_logit_bias": 1},
             "audit": {"file": "audit.jsonl"}, "threads": 1}
    whole.update(changes)
    return {name: value for name, value in whole.items() if value is not None}


def write_config(folder, **changes):
    path = pathlib.Path(folder) / "serving.json"
    path.write_text(json.dumps(settings(**changes)))
    path.chmod(0o600)
    return path


def audit_lines(folder):
    path = pathlib.Path(folder) / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]
