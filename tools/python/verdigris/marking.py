"""Batches: arrays around the functions of the C header, which do the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verdigris import _native
from verdigris._native import Marker

Rows = NDArray[np.void]

# A row of a batch: code (0, or that of its fault), state, layer, and prices as in Price.
PRICES = np.dtype({
    "names": [name for name, _, _ in _native.price_fields()],
    "formats": [kind for _, kind, _ in _native.price_fields()],
    "offsets": [offset for _, _, offset in _native.price_fields()],
    "itemsize": _native.PRICE_BYTES,
})


def _rows(count: int) -> tuple[Rows, NDArray[np.uint8]]:
    rows: Rows = np.zeros(count, PRICES)
    return rows, rows.view(np.uint8).reshape(count, PRICES.itemsize)


def mark_batch_(markers: Sequence[Marker | None], logits: object, windows: object, states: object, *, mode: str,
                scale: Any = None, threads: int = 1) -> Rows:
    """Marks a row of logits for each marker in place, None: off.

    windows: uint32 [rows, h] and states: uint8 [rows], of History.peek. scale: a number, or one for each row. A row at fault
    stays untouched and has its `code`; the others are done.
    """
    rows, memory = _rows(len(markers))
    if scale is not None:
        scale = np.ascontiguousarray(np.broadcast_to(np.asarray(scale, np.float64), len(markers)))
    _native.mark_batch_(markers, logits, windows, states, memory, mode, scale, threads)
    return rows


def mask_batch(markers: Sequence[Marker | None], windows: object, states: object, *, out: Any = None,
               threads: int = 1) -> tuple[Any, Rows]:
    """The mask of each row, zeros where it is not marked: uint8 [rows, mask_bytes], in `out` where that is given.

    `out` may be pinned memory. Without a marker in the batch and without `out`, masks have no width.
    """
    rows, memory = _rows(len(markers))
    if out is None:
        width = next((marker.mask_bytes for marker in markers if marker is not None), 0)
        out = np.zeros((len(markers), width), np.uint8)
    _native.mask_batch(markers, windows, states, memory, out, threads)
    return out, rows
