"""Philox4x32-10 in plain Python ints, from the formulas of Salmon et al. (SC 2011), section 4.3."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

WORD = 2**32


def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]:
    """The four output words of one counter."""
    left0, right0, left1, right1 = counter
    key0, key1 = key
    for round_number in range(10):
        if round_number:
            key0, key1 = (key0 + 0x9E3779B9) % WORD, (key1 + 0xBB67AE85) % WORD
        high0, low0 = divmod(0xD2511F53 * left0, WORD)
        high1, low1 = divmod(0xCD9E8D57 * left1, WORD)
        left0, right0, left1, right1 = (
            high1 ^ right0 ^ key0,
            low1,
            high0 ^ right1 ^ key1,
            low0,
        )
    return [left0, right0, left1, right1]


def random_words(
    shape: Sequence[int], seed: int, stream: int, scan_step: int, call_step: int
) -> np.ndarray:
    """The words of the op `random`: word e % 4 of block e // 4 for element e in C order."""
    return _words(range(math.prod(shape)), shape, seed, stream, scan_step, call_step)


def words_of_part(
    shape: Sequence[int], axis: int, whole: int, first: int, *key_and_steps: int
) -> np.ndarray:
    """Those of a part that begins at `first` along an axis, which is `whole` long in all;
    `key_and_steps` as of `random_words`."""
    elements = []
    for index in np.ndindex(*shape):
        position = 0
        for k, (coordinate, size) in enumerate(zip(index, shape, strict=True)):
            along = k == axis
            position = position * (whole if along else size) + coordinate + (first if along else 0)
        elements.append(position)
    return _words(elements, shape, *key_and_steps)


def _words(
    elements: Iterable[int],
    shape: Sequence[int],
    seed: int,
    stream: int,
    scan_step: int,
    call_step: int,
) -> np.ndarray:
    steps = [scan_step, call_step % WORD, call_step // WORD]
    words = [philox([e // 4 % WORD, *steps], [seed, stream])[e % 4] for e in elements]
    return np.array(words, "uint32").reshape(shape)
