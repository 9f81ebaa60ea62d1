"""The examples of docs/python.md run as they stand, one after the other, and pass `mypy --strict` against the package's stubs; the stubs
name what the package has, and docs/serving.md what a configuration may have."""

import ast
import contextlib
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import key_files
import verdigris

SOURCE = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = re.findall(r"```python\n(.*?)```", (SOURCE / "docs" / "python.md").read_text(encoding="utf-8"), re.DOTALL)
WHOLE = "\n".join(EXAMPLES)


@contextlib.contextmanager
def working_in(folder):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Docs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        pocket = verdigris.Pocket()
        profile = key_files.profile(vocab=pocket.vocab, share=256, tokenizer_sha256=pocket.tokenizer.sha256)
        (cls.folder / "profile.json").write_bytes(profile)
        (cls.folder / "tokenizer.model").write_bytes((SOURCE / "datasets" / "pocket_lm" / "tokenizer.model").read_bytes())
        key = cls.folder / "provider.key"
        key.touch(mode=0o600)
        key.write_bytes(key_files.tree(verdigris.Profile.parse(profile).scheme_id)["provider"])

    def test_examples_run(self):
        self.assertEqual(len(EXAMPLES), 3)
        names = {}
        with working_in(self.folder):
            exec(compile(WHOLE, "docs/python.md", "exec"), names)
        self.assertEqual(names["masks"].shape, (2, names["marker"].mask_bytes))
        self.assertEqual(names["log10_p"].shape, (2,))

    def test_examples_pass_mypy(self):
        if importlib.util.find_spec("mypy") is None:
            self.skipTest("mypy is not installed")
        (self.folder / "example.py").write_text(WHOLE, encoding="utf-8")
        package = pathlib.Path(verdigris.__file__).parents[1]
        environment = dict(os.environ, MYPY_CACHE_DIR=str(self.folder / "cache"))
        if not any(part in ("site-packages", "dist-packages") for part in package.parts):
            environment["MYPYPATH"] = str(package)
        done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "example.py"], cwd=self.folder, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (self.folder / "wrong.py").write_text("import verdigris\nverdigris.History('two')\nverdigris.Price().greem\n", encoding="utf-8")
        done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "wrong.py"], cwd=self.folder, env=environment, capture_output=True, text=True)
        self.assertEqual(done.stdout.count("error:"), 2, done.stdout)

    def test_the_guide_of_serving_names_every_member(self):
        code = (SOURCE / "tools/python/verdigris/serving/config.py").read_text(encoding="utf-8")
        members = set(re.findall(r'\.(?:text|integer|choice|ids|object|take|has)\("(\w+)"', code))
        self.assertGreater(len(members), 20)
        guide = (SOURCE / "docs/serving.md").read_text(encoding="utf-8")
        self.assertEqual({name for name in members if not re.search(rf'[`."]{name}[`."]', guide)}, set())

    def test_stubs_name_what_there_is(self):
        package = pathlib.Path(verdigris.__file__).parent
        self.assertTrue((package / "py.typed").exists())
        stubs = ast.parse((package / "_native.pyi").read_text(encoding="utf-8"))
        named = {node.name: node for node in stubs.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        for kind in (verdigris.Marker, verdigris.History, verdigris.Profile, verdigris.Key, verdigris.Price, verdigris.Finding):
            members = {node.name for node in named[kind.__name__].body if isinstance(node, ast.FunctionDef)}
            self.assertEqual({name for name in vars(kind) if not name.startswith("_")} - members, set(), kind)
        for name in ("mark_batch_", "mask_batch", "adjust", "detect_arrow"):
            self.assertIn(name, named)


if __name__ == "__main__":
    unittest.main()
