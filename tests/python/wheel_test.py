"""Wheels: built by pip, repaired by auditwheel, installed in an empty environment and used there.

The one that serves alone (VERDIGRIS_PYTHON_DETECT=OFF, OpenSSL inside) shows no symbol but the one that Python asks for, and needs no library
but those of manylinux. The whole one brings the others along, and takes them from there, though this system has them too.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import venv
import zipfile

import key_files

SOURCE = pathlib.Path(__file__).resolve().parents[2]
OPTIONS = ("VERDIGRIS_PYTHON_DETECT=OFF", "OPENSSL_USE_STATIC_LIBS=ON")
# auditwheel's policy of manylinux names more; these are the ones that there is a reason for.
ALLOWED = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2"}
USE = """
import pathlib, sys
import numpy as np
import verdigris
folder = pathlib.Path(sys.argv[1])
profile = verdigris.Profile.load(str(folder / "profile.json"))
marker = verdigris.Marker(profile, [verdigris.Key.load(str(folder / "provider.key"))])
row = np.zeros(profile.vocab, np.float32)
assert marker.mark_(row, [5, 6]).state == 1 and row.min() < row.max()
assert not hasattr(verdigris, "detect") and not hasattr(verdigris, "Pocket")
print(verdigris.__version__)
"""
USE_WHOLE = """
import pathlib, sys
import verdigris
folder = pathlib.Path(sys.argv[1])
pocket = verdigris.Pocket()
profile = verdigris.Profile.load(str(folder / "profile.json"))
keys = [verdigris.Key.load(str(folder / "provider.key"))]
marker = verdigris.Marker(profile, keys, vocab=pocket.vocab)
session, ids = pocket.session(), []
session.feed([pocket.bos_id])
for at in range(200):
    id = session.draw((at * 0.618) % 1, bias={pocket.eos_id: -100}, marker=marker, output=ids).id
    session.feed([id])
    ids.append(id)
found = verdigris.detect(pocket.tokenizer.decode(ids).decode(), profile, keys, tokenizer=str(pathlib.Path(verdigris.__file__).parent / "pocket_lm/tokenizer.model"))
assert found.verdict == "detected", found.to_dict()
print(pathlib.Path("/proc/self/maps").read_text())
"""


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def needed(library):
    return {line.split("[")[1].rstrip("]") for line in run("readelf", "-d", library).splitlines() if "(NEEDED)" in line}


class Wheel(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def repaired(self, settings):
        """The names in the wheel, which is unpacked beside, and the Python of an empty environment that it is installed in."""
        folder, binaries = self.folder, pathlib.Path(sys.executable).parent
        environment = dict(os.environ, PATH=f"{binaries}{os.pathsep}{os.environ['PATH']}", CMAKE_BUILD_PARALLEL_LEVEL=str(len(os.sched_getaffinity(0))))
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "-w", folder / "built", *settings, SOURCE, env=environment)
        run(sys.executable, "-m", "auditwheel", "repair", "--plat", "manylinux_2_36_x86_64", "-w", folder / "repaired", *(folder / "built").glob("*.whl"), env=environment)
        wheel, = (folder / "repaired").glob("*manylinux_2_36_x86_64*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            archive.extractall(folder / "unpacked")
        self.assertTrue({"verdigris/py.typed", "verdigris/_native.pyi"} <= set(names), names)
        self.native, = (folder / "unpacked" / "verdigris").glob("_native*.so")
        shown = {line.split()[-1] for line in run("nm", "-D", "--defined-only", self.native).splitlines()}
        self.assertEqual(shown, {"PyInit__native"})
        venv.create(folder / "empty", with_pip=True)
        python = folder / "empty" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", wheel)
        return names, python

    def write_keys(self, python, **profile):
        (self.folder / "profile.json").write_bytes(key_files.profile(share=256, **profile))
        scheme_id = run(python, "-c", "import sys, verdigris; print(verdigris.Profile.load(sys.argv[1]).scheme_id)", self.folder / "profile.json").strip()
        key = self.folder / "provider.key"
        key.touch(mode=0o600)
        key.write_bytes(key_files.tree(scheme_id)["provider"])

    def test_the_one_that_serves_alone(self):
        names, python = self.repaired([f"--config-settings=build-dir={self.folder}/build", *(f"--config-settings=cmake.define.{option}" for option in OPTIONS)])
        self.assertFalse([name for name in names if "pocket_lm/" in name or ".libs/" in name])
        self.assertLessEqual(needed(self.native), ALLOWED)
        self.write_keys(python)
        self.assertRegex(run(python, "-c", USE, self.folder), r"^\d+\.\d+\.\d+\n$")

    @unittest.skipUnless("VERDIGRIS_WHEEL_SETTINGS" in os.environ, "VERDIGRIS_WHEEL_SETTINGS does not name a build folder")
    def test_the_whole_one(self):
        names, python = self.repaired(os.environ["VERDIGRIS_WHEEL_SETTINGS"].splitlines())
        brought = {name.rpartition("/")[2] for name in names if ".libs/" in name} - {""}
        self.assertGreater(len(brought), 0)
        for library in (self.native, *(self.folder / "unpacked" / "verdigris.libs").iterdir()):
            self.assertLessEqual(needed(library), ALLOWED | {"libz.so.1"} | brought, library)
        tokenizer, vocab = run(python, "-c", "import verdigris; pocket = verdigris.Pocket(); print(pocket.tokenizer.sha256, pocket.vocab)").split()
        self.write_keys(python, vocab=int(vocab), tokenizer_sha256=tokenizer)
        mapped = {pathlib.Path(line.split()[-1]) for line in run(python, "-c", USE_WHOLE, self.folder).splitlines() if ".so" in line}
        ours = {path.name for path in mapped if path.parent.name == "verdigris.libs"}
        self.assertEqual(ours, brought)
        # By the name before what auditwheel adds. Python's own modules may bring the system's OpenSSL and zlib.
        plain = {name.partition("-")[0] for name in brought} - {"libcrypto", "libssl", "libz"}
        self.assertFalse([path for path in mapped if path.name.partition(".so")[0] in plain])
        self.assertIn("usage: verdigris-serve", run(python.parent / "verdigris-serve", "--help"))


if __name__ == "__main__":
    unittest.main()
