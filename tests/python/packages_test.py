"""A package that is missing when the Python package is built is named as Debian names it."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Packages(unittest.TestCase):
    def test_a_missing_one_stops_the_build_with_its_apt_name(self):
        rows = [("OpenSSL", "libssl-dev"), ("Eigen3", "libeigen3-dev"), ("tl-expected", "libexpected-dev"),
                ("nlohmann_json", "nlohmann-json3-dev"), ("CLI11", "libcli11-dev")]
        with tempfile.TemporaryDirectory() as folder:
            for name, package in rows:
                done = subprocess.run([os.environ["VERDIGRIS_CMAKE"], "-G", "Ninja", "-S", SOURCE, "-B", folder, "-DVERDIGRIS_TESTS=OFF",
                                       "-UCMAKE_DISABLE_FIND_PACKAGE_*", f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON"],
                                      capture_output=True, text=True)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"\n    apt-get install {package}\n", done.stderr)

    def test_marking_alone_needs_openssl_and_headers(self):
        """VERDIGRIS_PYTHON_DETECT=OFF configures where no other library can be found, and says what does not go with it."""
        nanobind = subprocess.run([sys.executable, "-m", "nanobind", "--cmake_dir"], capture_output=True, text=True, check=True).stdout.strip()
        options = ["-DVERDIGRIS_PYTHON=ON", "-DVERDIGRIS_PYTHON_DETECT=OFF", f"-Dnanobind_DIR={nanobind}", f"-DPython_EXECUTABLE={sys.executable}"]
        options += [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("nlohmann_json", "simdjson", "ZLIB", "CLI11", "CURL")]
        without = [f"-DVERDIGRIS_{name}=OFF" for name in ("TESTS", "FUZZ", "BENCH", "INSTALL")]
        with tempfile.TemporaryDirectory() as folder:
            configure = [os.environ["VERDIGRIS_CMAKE"], "-G", "Ninja", "-S", SOURCE, "-B", folder, *options]
            done = subprocess.run([*configure, *without], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            linked = pathlib.Path(folder, "build.ninja").read_text()
            self.assertIn("libcrypto", linked)
            self.assertIn("verify/file.cc", linked)
            for name in ("sentencepiece", "libicu", "simdjson", "verify/judge.cc"):
                self.assertNotIn(name, linked)
            done = subprocess.run([*configure, "-DVERDIGRIS_TESTS=ON"], capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("turn off VERDIGRIS_TESTS", " ".join(done.stderr.split()))


if __name__ == "__main__":
    unittest.main()
