"""Logits on a device: logits are never pulled, masks are pushed.

A step is three calls: `Ids.start` copies the last ids of the live slots to the host behind the main stream's work,
`Ids.wait` gives them, `Masks.upload` brings the masks that the host made from them to the device on a side stream, and
the main stream waits for that copy alone. Without a device the copies are plain, and everything else is the same code.

The two places of a mark: `add_mask_` adds delta to the logits of green ids before temperature, `marked_probs_` turns
probabilities after truncation into those of the marked distribution. Both work row by row, so every tensor-parallel rank
that has the same ids gets the same bytes.
"""

import logging

import numpy as np
import torch

_log = logging.getLogger("verdigris")


def green_bits(masks: torch.Tensor, width: int) -> torch.Tensor:
    """Bit v & 7 of byte v >> 3 as a bool[rows, width]; `width` is at most 8 times the bytes of a mask."""
    shifts = torch.arange(8, dtype=torch.uint8, device=masks.device)
    bits = (masks.unsqueeze(-1) >> shifts) & 1
    return bits.view(masks.shape[0], -1)[:, :width].bool()


def _add_mask(logits: torch.Tensor, masks: torch.Tensor, delta: torch.Tensor, vocab: int) -> None:
    width = min(vocab, logits.shape[1])
    head = logits[:, :width]
    # Not a sum with zero: -0.0 would change its bits where nothing is green.
    head.copy_(torch.where(green_bits(masks, width), head + delta.unsqueeze(1), head))


def _marked_probs(probs: torch.Tensor, masks: torch.Tensor, delta: torch.Tensor, special: torch.Tensor | None) -> None:
    width = min(masks.shape[1] * 8, probs.shape[1])
    head = probs[:, :width]
    green = green_bits(masks, width)
    total = probs.double().sum(1)
    green_mass = torch.where(green, head, 0).double().sum(1) / total
    factor = delta.double().exp()
    markable = torch.ones_like(green_mass)
    if special is not None:
        markable = 1 - probs[:, special].double().sum(1) / total
    # No markable mass, or no delta: the row stays as it is.
    share = torch.where(markable > 0, green_mass / markable, 0)
    z = 1 + (factor - 1) * share
    kept = None if special is None else probs[:, special]  # a copy
    other = (1 / z).unsqueeze(1).to(probs.dtype)
    head.copy_(torch.where(green, head * (factor / z).unsqueeze(1).to(probs.dtype), head * other))
    probs[:, width:].mul_(other)
    if special is not None:
        probs[:, special] = kept


class _Compiled:
    """A function through torch.compile on a device; where that fails, plain torch, and the log says so once."""

    def __init__(self, function):
        self._plain = function
        self._fast = None

    def __call__(self, tensor: torch.Tensor, *rest) -> None:
        if tensor.device.type == "cpu":
            self._plain(tensor, *rest)
            return
        if self._fast is None:
            self._fast = torch.compile(self._plain, dynamic=True)
        try:
            self._fast(tensor, *rest)
        except Exception as error:  # before the first write: compilation comes before execution
            if self._fast is self._plain:
                raise
            _log.warning("masks are applied by plain torch: torch.compile failed with %s", type(error).__name__)
            self._fast = self._plain
            self._plain(tensor, *rest)


_operators = torch.library.Library("verdigris", "DEF")
_operators.define("add_mask_(Tensor(a!) logits, Tensor masks, Tensor delta, int vocab) -> ()")
_operators.define("marked_probs_(Tensor(a!) probs, Tensor masks, Tensor delta, Tensor? special) -> ()")
_operators.impl("add_mask_", _Compiled(_add_mask), "CompositeExplicitAutograd")
_operators.impl("marked_probs_", _Compiled(_marked_probs), "CompositeExplicitAutograd")


def add_mask_(logits: torch.Tensor, masks: torch.Tensor, delta: torch.Tensor, vocab: int) -> None:
    """Adds delta to the logits of green ids; the before hook.

    Shapes   logits: [rows, width] of f32; masks: u8[rows, bytes]; delta: f32[rows], times the temperature where that
             comes later. Columns from `vocab` on stay untouched, and so does a row whose mask is zero.
    """
    torch.ops.verdigris.add_mask_(logits, masks, delta, vocab)


def marked_probs_(probs: torch.Tensor, masks: torch.Tensor, delta: torch.Tensor, special: torch.Tensor | None = None) -> None:
    """Turns truncated probabilities P into those of the mark, Q; the after hook.

    Shapes   probs: [rows, width], not necessarily of sum one; masks: u8[rows, bytes]; delta: f32[rows]; special: the
             ids that keep their probability (`preserve`), those from the vocabulary's size on included, or None (`plain`).
    """
    torch.ops.verdigris.marked_probs_(probs, masks, delta, special)


class Masks:
    """Masks of a step, from the host to the device: `host` to write into, then `upload`, and `used` when what reads them is launched.

    Two buffers on each side take turns. The host writes one again when its copy has ended, and the copy waits for what read the device's
    two steps ago, so that it goes on beside the pass.
    """

    def __init__(self, rows: int, mask_bytes: int, device: torch.device):
        self._device, self._bytes, self._rows = device, mask_bytes, rows
        self._cuda = device.type == "cuda"
        size = rows * (mask_bytes + 4)
        self._hosts = [torch.zeros(size, dtype=torch.uint8, pin_memory=self._cuda) for _ in range(2)]
        self._devices = [torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2)] if self._cuda else self._hosts
        self._stream = torch.cuda.Stream(device) if self._cuda else None
        self._copied = [torch.cuda.Event() for _ in range(2)] if self._cuda else []
        self._read = [torch.cuda.Event() for _ in range(2)] if self._cuda else []
        self._at = 0

    def host(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """The next buffer: u8[rows, mask_bytes] and f32[rows] for delta, both to be filled."""
        if rows > self._rows:
            raise ValueError(f"{rows} rows in a step, room for {self._rows}")
        self._at ^= 1
        if self._cuda:
            self._copied[self._at].synchronize()  # at once where it was never recorded
        masks, delta = self._parts(self._hosts[self._at], rows)
        return masks.numpy(), delta.numpy()

    def _parts(self, buffer: torch.Tensor, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        start = 4 * self._rows  # delta first, so that it is aligned
        return buffer[start : start + rows * self._bytes].view(rows, self._bytes), buffer[: 4 * rows].view(torch.float32)

    def upload(self, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The filled buffer as tensors of the device; work of the main stream from here on sees them."""
        target = self._devices[self._at]
        if self._cuda:
            length = 4 * self._rows + rows * self._bytes
            with torch.cuda.stream(self._stream):
                self._stream.wait_event(self._read[self._at])
                target[:length].copy_(self._hosts[self._at][:length], non_blocking=True)
                self._copied[self._at].record(self._stream)
            torch.cuda.current_stream(self._device).wait_event(self._copied[self._at])
        return self._parts(target, rows)

    def used(self) -> None:
        """What reads the masks of the last `upload` is in the main stream."""
        if self._cuda:
            self._read[self._at].record(torch.cuda.current_stream(self._device))


class Ids:
    """The last ids of each slot, from the device to the host, while the main stream goes on."""

    def __init__(self, slots: int, last: int, device: torch.device):
        self._cuda = device.type == "cuda"
        self._device = device
        self._last = last
        self._host = torch.zeros((slots, last + 1), dtype=torch.int64, pin_memory=self._cuda)
        self._stream = torch.cuda.Stream(device) if self._cuda else None
        self._event = torch.cuda.Event() if self._cuda else None
        self._offsets = torch.arange(-last, 0, device=device)
        self._slots = 0

    def start(self, ids: torch.Tensor, lengths: torch.Tensor, slots: torch.Tensor) -> None:
        """Begins the copy of the last ids of `slots`, and of their lengths.

        Shapes   ids: [all slots, width] on the device, valid up to lengths[slot]; slots: int64[n].
        """
        self._slots = slots.shape[0]
        if not self._cuda:
            self._gather(ids, lengths, slots, blocking=True)
            return
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            self._gather(ids, lengths, slots, blocking=False)
            self._event.record(self._stream)

    def _gather(self, ids: torch.Tensor, lengths: torch.Tensor, slots: torch.Tensor, blocking: bool) -> None:
        sizes = lengths[slots].long()
        at = (sizes.unsqueeze(1) + self._offsets).clamp_(min=0, max=ids.shape[1] - 1)
        both = torch.cat([sizes.unsqueeze(1), ids[slots.unsqueeze(1), at].long()], 1)
        self._host[: self._slots].copy_(both, non_blocking=not blocking)

    def wait(self) -> tuple[np.ndarray, np.ndarray]:
        """Lengths int64[n] and last ids int64[n, last], oldest first; those before the first id are not ids."""
        if self._cuda:
            self._event.synchronize()
        both = self._host[: self._slots].numpy()
        return both[:, 0], both[:, 1:]
