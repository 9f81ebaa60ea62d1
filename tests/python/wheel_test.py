"""The wheel that serves alone (VERDIGRIS_PYTHON_DETECT=OFF, OpenSSL inside): built by pip, repaired by auditwheel, installed in an empty
environment, where it marks. It shows no symbol but the one that Python asks for, and needs no library but those of manylinux."""

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


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Wheel(unittest.TestCase):
    def test_built_repaired_installed_and_used(self):
        with tempfile.TemporaryDirectory() as name:
            folder, binaries = pathlib.Path(name), pathlib.Path(sys.executable).parent
            environment = dict(os.environ, PATH=f"{binaries}{os.pathsep}{os.environ['PATH']}", CMAKE_BUILD_PARALLEL_LEVEL=str(len(os.sched_getaffinity(0))))
            settings = [f"--config-settings=cmake.define.{option}" for option in OPTIONS]
            run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "-w", folder / "built", f"--config-settings=build-dir={folder}/build",
                *settings, SOURCE, env=environment)
            run(sys.executable, "-m", "auditwheel", "repair", "--plat", "manylinux_2_36_x86_64", "-w", folder / "repaired", *(folder / "built").glob("*.whl"), env=environment)
            wheel, = (folder / "repaired").glob("*manylinux_2_36_x86_64*.whl")
            with zipfile.ZipFile(wheel) as archive:
                names = archive.namelist()
                archive.extractall(folder / "unpacked")
            self.assertTrue({"verdigris/py.typed", "verdigris/_native.pyi"} <= set(names), names)
            self.assertFalse([name for name in names if "pocket_lm/" in name or ".libs/" in name])
            native, = (folder / "unpacked" / "verdigris").glob("_native*.so")
            shown = {line.split()[-1] for line in run("nm", "-D", "--defined-only", native).splitlines()}
            self.assertEqual(shown, {"PyInit__native"})
            needed = {line.split("[")[1].rstrip("]") for line in run("readelf", "-d", native).splitlines() if "(NEEDED)" in line}
            self.assertLessEqual(needed, ALLOWED)

            venv.create(folder / "empty", with_pip=True)
            python = folder / "empty" / "bin" / "python"
            run(python, "-m", "pip", "install", "--quiet", wheel)
            profile = key_files.profile(share=256)
            (folder / "profile.json").write_bytes(profile)
            scheme_id = run(python, "-c", "import sys, verdigris; print(verdigris.Profile.load(sys.argv[1]).scheme_id)", folder / "profile.json").strip()
            key = folder / "provider.key"
            key.touch(mode=0o600)
            key.write_bytes(key_files.tree(scheme_id)["provider"])
            self.assertRegex(run(python, "-c", USE, folder), r"^\d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
