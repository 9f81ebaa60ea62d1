"""A package that is missing when the Python package is built is named as Debian names it."""

import os
import pathlib
import subprocess
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


if __name__ == "__main__":
    unittest.main()
