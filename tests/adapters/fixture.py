"""The profiles and keys of tests/c_api/fixture.h: V 32,000, green at 1/4, delta 2, window 2, epoch 3, special ids 0 to 2."""

import base64
import functools
import json
import os
import pathlib
import re
import sys
import tempfile

import verdigris
from verdigris import gateway

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))  # of key_files, which harness.py reads
_HEADER = pathlib.Path(__file__).resolve().parents[1] / "c_api/fixture.h"


@functools.cache
def text(name):
    """A string constant of the header, as bytes."""
    body = re.search(rf"static const char {name}\[\] =(.*?);\n", _HEADER.read_text(), re.S).group(1)
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', body)).encode().decode("unicode_escape").encode()


def marker(specials="plain", account="acct-7"):
    profile = verdigris.Profile.parse(text("kProfilePlain" if specials == "plain" else "kProfile"))
    names = ("kProvider", "kSelector", {"acct-7": "kAccount7", "acct-8": "kAccount8"}[account])
    return verdigris.Marker(profile, [verdigris.Key.parse(text(name)) for name in names])


class Folder:
    """A configuration of verdigris.serving in a folder of its own, with a gateway that signs for acct-7 and acct-8."""

    def __init__(self, specials="plain", **policy):
        self.specials = specials
        self._temporary = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._temporary.name)
        self.gateway_key = bytes(range(32))
        os.chmod(self.path, 0o700)
        (self.path / "accounts").mkdir(mode=0o700)
        self.files = {"provider": text("kProvider"), "selector": text("kSelector"), "acct-7": text("kAccount7"), "acct-8": text("kAccount8")}
        self._write("p.json", text("kProfilePlain" if specials == "plain" else "kProfile"))
        self._write("gateway.key", base64.b64encode(self.gateway_key) + b"\n")
        for name, content in self.files.items():
            self._write(f"accounts/{name}.key" if name.startswith("acct") else f"{name}.key", content)
        self.audit = self.path / "audit.jsonl"
        self.settings = {"schema": "verdigris.serving/1", "profile": "p.json", "epoch": 3,
                         "keys": {"provider": "provider.key", "selector": "selector.key", "accounts": "accounts"},
                         "account": {"source": "signed", "gateway_key": "gateway.key"},
                         "policy": {"end_ids": [2], **policy}, "audit": {"file": "audit.jsonl"}}
        self.write()

    def _write(self, name, content):
        with os.fdopen(os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)

    def write(self):
        self._write("serving.json", json.dumps(self.settings).encode())
        os.environ["VERDIGRIS_CONFIG"] = str(self.path / "serving.json")

    def fields(self, account="acct-7", request="r-1", **rest):
        return gateway.sign(self.gateway_key, account, request=request, **rest)

    def lines(self):
        return [json.loads(line) for line in self.audit.read_text().splitlines()] if self.audit.exists() else []

    def close(self):
        self._temporary.cleanup()
