"""Sequences of numbers: padding to one length, pairs of words for skip-gram models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DataError, IndexRangeError
from graphc.lookup import finite_number, whole_number
from graphc.public.calls import public

_SIDES = ("pre", "post")
_EULER_GAMMA = 0.577  # as Keras rounds it


def pad_sequences(
    sequences: Sequence[Sequence[Any]],
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> np.ndarray:
    """Sequences of several lengths as one array.

    Args:
        sequences: n lists or arrays, each (length,) or (length, *trailing) with one `trailing` for
            all. An empty sequence becomes padding alone.
        maxlen: the length of all rows; the longest sequence's by default.
        dtype: of the result.
        padding: fill a short sequence in front of it ('pre') or after it ('post').
        truncating: cut a long sequence at its front ('pre', its tail stays) or its end ('post').
        value: what fills.

    Returns:
        (n, maxlen, *trailing) of `dtype`.

    Raises:
        ArgumentError: `padding`, `truncating` or `maxlen` is not one of these.
        DataError: no sequences, an item that is not a sequence of numbers, items that disagree in
            their trailing shape, or a value that `dtype` does not hold (0.5 in int32).
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in _SIDES:
            raise ArgumentError(f"pad_sequences: {name} is 'pre' or 'post', received {side!r}")
    if isinstance(sequences, str) or not hasattr(sequences, "__len__") or not len(sequences):
        raise DataError(
            f"pad_sequences: expected a list of sequences, received {_shown(sequences)}"
        )
    rows = [_row(position, sequence) for position, sequence in enumerate(sequences)]
    longest = max(map(len, rows))
    length = longest if maxlen is None else whole_number("pad_sequences: maxlen", maxlen, 1)
    trailing = _common_trailing_shape(rows)
    target = np.dtype(dtype)
    padded = np.full((len(rows), length, *trailing), _held(value, target, "the padding value"))
    for position, row in enumerate(rows):
        if not len(row):
            continue
        kept = row[-length:] if truncating == "pre" else row[:length]
        start = length - len(kept) if padding == "pre" else 0
        padded[position, start : start + len(kept)] = _held(kept, target, f"sequence {position}")
    return padded


def _row(position: int, sequence: object) -> np.ndarray:
    try:
        row = np.asarray(sequence)
    except ValueError:  # a ragged sequence
        row = np.asarray(None)
    if row.ndim == 0 or (row.dtype.kind not in "biuf" and row.size):
        raise DataError(
            f"pad_sequences: expected each sequence to be a list of numbers, received "
            f"{_shown(sequence)} as sequence {position}"
        )
    return row


def _common_trailing_shape(rows: Sequence[np.ndarray]) -> tuple[int, ...]:
    trailing: tuple[int, ...] | None = None
    for position, row in enumerate(rows):
        if not len(row):
            continue
        if trailing is None:
            trailing = row.shape[1:]
        elif row.shape[1:] != trailing:
            raise DataError(
                f"pad_sequences: expected steps of the shape {trailing} as in the sequences "
                f"before, received {row.shape[1:]} in sequence {position}"
            )
    return trailing or ()


def _held(values: object, dtype: np.dtype, where: str) -> np.ndarray:
    """The values in the dtype. DataError where whole numbers would cut them off or wrap."""
    before = np.asarray(values)
    with np.errstate(invalid="ignore"):
        after = before.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(before, after):
        wrong = before.reshape(-1)[np.flatnonzero(before != after)[0]]
        raise DataError(
            f"pad_sequences: {dtype} does not hold {wrong} of {where}; ask for another type, "
            "e.g. dtype='float32'"
        )
    return after


def _shown(value: object) -> str:
    return f"{type(value).__name__} {value!r:.60}"


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """Return the probability that a word is kept in skip-grams, by its rank in the corpus.

    Args:
        size: the number of words; the word of rank 1 is the most frequent, rank 0 is no word.
        sampling_factor: the smaller, the rarer are frequent words.

    Returns:
        (size,) float64: min(1, sqrt(sampling_factor * m(r))), where the frequency of the word of
        rank r is 1 / m(r) by Zipf's law, m(r) = r (ln r + 0.577) + 0.5 - 1 / (12 r); rank 0 counts
        as rank 1. Source: the sub-sampling of Mikolov et al., "Distributed Representations of Words
        and Phrases and their Compositionality", 2013, section 2.3.
    """
    count = whole_number("make_sampling_table: size", size, 1)
    factor = finite_number("make_sampling_table", "sampling_factor", sampling_factor)
    if factor <= 0:
        raise ArgumentError(
            f"make_sampling_table: expected a positive sampling_factor, received {sampling_factor}"
        )
    rank = np.maximum(np.arange(count), 1)
    inverse_frequency = rank * (np.log(rank) + _EULER_GAMMA) + 0.5 - 1 / (12 * rank)
    return np.minimum(1.0, np.sqrt(factor * inverse_frequency))


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Sequence[float] | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs (word, word of its window), and as many random pairs as asked for.

    Args:
        sequence: word numbers from 0 to vocabulary_size - 1; 0 is no word and is skipped.
        vocabulary_size: the largest word number + 1.
        window_size: words up to so far to the left and to the right make pairs.
        negative_samples: random pairs for each real one; 0 for none.
        shuffle: whether the pairs come in random order; else real ones first, as in the sequence.
        categorical: labels [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: the probability of keeping a word as the first of pairs, by its number; see
            `make_sampling_table`.

    Returns:
        (couples, labels): lists of [word, other] and of labels: 1 for a pair of the sequence, 0 for
        a random one. Draws come from NumPy's global generator.

    Raises:
        IndexRangeError: a word number outside of the vocabulary or the sampling table.
        ArgumentError: `vocabulary_size`, `window_size` or `negative_samples` is too small.
    """
    size = whole_number("skipgrams: vocabulary_size", vocabulary_size, 2)
    window = whole_number("skipgrams: window_size", window_size, 1)
    finite_number("skipgrams", "negative_samples", negative_samples, least=0.0)
    _check_words(sequence, size, "the vocabulary")
    if sampling_table is not None:
        _check_words(sequence, len(sampling_table), "the sampling_table")

    couples = []
    for position, word in enumerate(sequence):
        if not word:
            continue
        if sampling_table is not None and sampling_table[word] < np.random.random():
            continue
        for near in range(max(0, position - window), min(len(sequence), position + window + 1)):
            if near != position and sequence[near]:
                couples.append([word, sequence[near]])
    real, random = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels: list[Any] = [real for _ in couples]

    negatives = int(len(couples) * negative_samples)
    firsts = [couple[0] for couple in couples]
    np.random.shuffle(firsts)
    for k in range(negatives):
        couples.append([firsts[k % len(firsts)], int(np.random.randint(1, size))])
        labels.append(random)
    if shuffle:
        order = np.random.permutation(len(couples))
        couples = [couples[k] for k in order]
        labels = [labels[k] for k in order]
    return couples, labels


def _check_words(sequence: Sequence[int], size: int, where: str) -> None:
    for position, word in enumerate(sequence):
        if not isinstance(word, int | np.integer):
            raise DataError(
                f"skipgrams: expected numbers of words, received {word!r} at position {position}; "
                "a Tokenizer makes numbers of texts"
            )
        if not 0 <= word < size:
            raise IndexRangeError(
                f"skipgrams: word {word} at position {position} is not in {where} (0 to {size - 1})"
            )


public(__name__)
