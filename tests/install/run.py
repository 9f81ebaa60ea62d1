#!/usr/bin/env python3
"""Installs a build into an empty prefix, and builds and runs two programs that know nothing else of the project.

find_package/  C++: verdigris::watermark, verdigris::verify and verdigris::c by find_package
pkg_config/    C: the C library alone by pkg-config, compiled as C11

The installed tool must run from there too, beside its data, man page and completions.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, **options)


def loads_installed(tool, module, model, folder, build):
    """The tool takes the module for Parquet that was installed with it, though the build folder still has one."""
    (folder / "broken.parquet").write_bytes(b"PAR1" * 5)
    run(tool, "keygen", "-o", folder / "master")
    run(tool, "profile", "new", "--tokenizer", model, "-o", folder / "p.json")
    run(tool, "derive", "--from", folder / "master", "--profile", folder / "p.json", "--epoch", "1", "--role", "provider", "-o", folder / "key")
    command = [tool, "scan", "--profile", folder / "p.json", "--key", folder / "key", "--tokenizer", model, "-o", folder / "scan", folder / "broken.parquet"]
    said = subprocess.run(command, env=dict(os.environ, LD_DEBUG="files"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    spoken = "".join(line for line in said.splitlines(True) if "verdigris" in line)
    assert "cannot be loaded" not in said, spoken
    if "calling init" in said:  # a loader that tells
        assert f"calling init: {module}" in said.replace("/bin/../", "/"), spoken
    assert f"{build}/verify/" not in said, spoken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build folder to install")
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--version", required=True)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="verdigris-install-") as folder:
        folder = pathlib.Path(folder)
        prefix = folder / "prefix"
        run(arguments.cmake, "--install", arguments.build, "--prefix", prefix, stdout=subprocess.DEVNULL)

        build = folder / "find_package"
        run(arguments.cmake, "-S", HERE / "find_package", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
            "-DCMAKE_BUILD_TYPE=Debug", f"-DWANTED_VERSION={arguments.version}")
        run(arguments.cmake, "--build", build)
        run(build / "consumer")
        run(build / "c_consumer")

        pc_files = list(prefix.rglob("verdigris.pc"))
        assert len(pc_files) == 1, pc_files
        environment = dict(os.environ, PKG_CONFIG_PATH=str(pc_files[0].parent))
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "verdigris"], env=environment, check=True,
                               stdout=subprocess.PIPE, text=True).stdout.split()
        version = subprocess.run(["pkg-config", "--modversion", "verdigris"], env=environment, check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.strip()
        assert version == arguments.version, version
        program = folder / "c_consumer"
        run(arguments.cc, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", HERE / "pkg_config" / "consumer.c",
            "-o", program, *flags)
        library_folder = next(prefix.rglob("libverdigris.so.1")).parent
        run(program, env=dict(os.environ, LD_LIBRARY_PATH=str(library_folder)))

        # What was installed must not lean on the source tree.
        for path in prefix.rglob("*.cmake"):
            assert str(HERE.parents[1]) not in path.read_text(), f"{path} names the source tree"

        tool = prefix / "bin" / "verdigris"
        run(tool, "--version")
        run(tool, "selftest", stdout=subprocess.DEVNULL)
        for file in ("share/verdigris/pocket_lm/model.safetensors", "share/verdigris/pocket_lm/tokenizer.model",
                     "share/verdigris/pocket_lm/config.json", "share/man/man1/verdigris.1",
                     "share/bash-completion/completions/verdigris", "share/zsh/site-functions/_verdigris"):
            assert (prefix / file).is_file(), f"{file} is not installed"
        for module in prefix.rglob("verdigris_parquet.so"):
            loads_installed(tool, module, prefix / "share/verdigris/pocket_lm/tokenizer.model", folder, arguments.build)
    return 0


if __name__ == "__main__":
    sys.exit(main())
