"""Answers and readings of students as small files: the writer of what dump.h reads."""

import os

import numpy as np


def columns(a):
    """The arrays of an .npz of answers or of a reading as the bytes of a .zst file before compression: see distillation/dump.h."""
    lists = a["list_ids"]
    # -lp in units of 1/64 nat. A list descends, so that all but the first are kept as steps.
    steps = np.minimum(np.rint(-64.0 * a["list_lps"]), 65535).astype(np.int64)
    steps[:, 1:] -= steps[:, :-1].copy()
    lengths = np.diff(a["ends"], prepend=0)
    head = f"verdigris-dump 1 {len(lengths)} {a['prompts'].shape[1]} {len(a['ids'])} {len(lists)} {lists.shape[1]}\n".encode()
    parts = [a["prompts"].T, lengths, a["ended"], a["ids"], lists]
    words = b"".join(np.ascontiguousarray(p).astype("<u2").tobytes() for p in parts)
    steps = np.ascontiguousarray(steps.T)
    return head + words + (steps & 255).astype(np.uint8).tobytes() + (steps >> 8).astype(np.uint8).tobytes()


def write_dump(path, a):
    """a: prompts (records, n), ids, ends and ended of outputs, list_ids and list_lps (listed tokens, k)."""
    import zstandard

    with open(path + ".part", "wb") as f:
        f.write(zstandard.ZstdCompressor(level=19).compress(columns(a)))
    os.replace(path + ".part", path)
