"""Philox4x32-10: random words from a counter and a key, with no state between them.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from graphc.compiler.interpret.signature import Attrs, Function

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_CHUNK = 1 << 14  # blocks at a time, so that the intermediate arrays stay in the cache


def philox4x32(counter: Sequence[np.ndarray], key: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """The four output words for counters of four words each.

    Args:
        counter: four uint64 arrays that broadcast together, each word below 2^32.
        key: two words below 2^32.

    Returns:
        Four uint64 arrays of words below 2^32.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        left, right = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]  # 64 bits: high and low word
        c0, c2 = (right >> 32) ^ c1 ^ k0, (left >> 32) ^ c3 ^ k1
        c1, c3 = right & _MASK, left & _MASK
        k0, k1 = (k0 + _KEY_STEPS[0]) & _MASK, (k1 + _KEY_STEPS[1]) & _MASK
    return c0, c1, c2, c3


def _random(attrs: Attrs, scan_step: np.ndarray, *window: np.ndarray) -> np.ndarray:
    """Element e is word e % 4 of block e // 4, elements counted in C order.

    A draw is a number of runs of neighbouring elements: one; or, if it is a range of a draw that is
    longer along an axis, one for each index of the axes ahead of that axis.
    """
    shape, axis, call_step = attrs["shape"], attrs["axis"], attrs["call_step"]
    begins, run = np.zeros(1, np.uint64), math.prod(shape)
    if axis is not None:
        whole, first = map(int, window)
        inner = math.prod(shape[axis + 1 :])
        begins = (np.arange(math.prod(shape[:axis]), dtype=np.uint64) * whole + first) * inner
        run = shape[axis] * inner
    leads = begins % 4  # a run may begin inside a block
    lead = int(leads.max(initial=0))
    first_blocks, count = begins[:, None] // 4, -(-(lead + run) // 4)
    upper = [
        np.asarray(word & _MASK, np.uint64) for word in (int(scan_step), call_step, call_step >> 32)
    ]
    key = attrs["seed"], attrs["stream"]
    words = np.empty((len(begins), count, 4), np.uint32)
    runs_at_once = max(_CHUNK // max(count, 1), 1)
    for row, column in itertools.product(
        range(0, len(begins), runs_at_once), range(0, count, _CHUNK)
    ):
        chunk = words[row : row + runs_at_once, column : column + _CHUNK]
        numbers = np.arange(column, column + chunk.shape[1], dtype=np.uint64)
        blocks = (first_blocks[row : row + runs_at_once] + numbers) & _MASK
        for k, word in enumerate(philox4x32([blocks, *upper], key)):
            chunk[..., k] = word
    rows = words.reshape(len(begins), 4 * count)
    if (leads == lead).all():
        return rows[:, lead : lead + run].reshape(shape)
    positions = leads.astype(np.int64)[:, None] + np.arange(run)
    return np.take_along_axis(rows, positions, 1).reshape(shape)


RANDOM: dict[str, Function] = {"random": _random}
