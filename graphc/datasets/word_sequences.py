"""Labelled sequences of word numbers: on disk without pickles, and as Keras prepared them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from graphc.datasets.files import read_npz
from graphc.errors import ArgumentError, DataError, IndexRangeError
from graphc.lookup import finite_number, whole_number
from graphc.whole_files import written_whole

_ARRAYS = ("words", "lengths", "labels")

Sequences = list[list[int]]
Part = tuple[Sequences, np.ndarray]

CONVERSION = (
    "From a pickle that you trust, it is made by: graphc.datasets.word_sequences."
    "save_sequences('{file}', sequences, labels)."
)


def save_sequences(
    path: str | os.PathLike[str], sequences: Sequence[Sequence[int]], labels: Sequence[int]
) -> None:
    """Store sequences of word numbers, with a label each, as a .npz file of plain arrays.

    The arrays: `words`, int32, all sequences one after the other; `lengths`, int32, one a
    sequence; `labels`, int32. The file is written whole or not at all.

    Raises DataError where labels and sequences differ in number, or are not whole numbers.
    """
    if len(sequences) != len(labels):
        raise DataError(
            f"save_sequences: expected one label a sequence, received {len(sequences)} sequences "
            f"and {len(labels)} labels"
        )
    lengths = _whole("lengths", [len(sequence) for sequence in sequences])
    words = _whole("sequences", [word for sequence in sequences for word in sequence])
    with written_whole(path) as part, open(part, "wb") as file:
        np.savez_compressed(file, words=words, lengths=lengths, labels=_whole("labels", labels))


def load_sequences(path: Path) -> Part:
    """Return the sequences and labels that `save_sequences` stored.

    Raises DataError for another or a damaged file.
    """
    try:
        words, lengths, labels = read_npz(path, _ARRAYS)
    except DataError as error:
        how = CONVERSION.format(file=path)
        raise DataError(f"{error}. Expected a file of save_sequences. {how}") from error
    whole = all(array.ndim == 1 and array.dtype.kind in "iu" for array in (words, lengths, labels))
    if not whole or len(lengths) != len(labels) or lengths.sum() != len(words):
        raise DataError(f"{path}: words, lengths and labels do not belong together")
    # As one list first: converting 25,000 slices costs more.
    numbers, ends = words.tolist(), np.cumsum(lengths).tolist()
    starts = [0, *ends[:-1]]
    return [numbers[a:b] for a, b in zip(starts, ends, strict=True)], labels


def prepared(
    what: str,
    sequences: Sequences,
    labels: np.ndarray,
    *,
    nb_words: int | None,
    skip_top: int,
    maxlen: int | None,
    test_split: float,
    seed: int,
    start_char: int | None,
    oov_char: int | None,
    index_from: int,
) -> tuple[Part, Part]:
    """``(X_train, y_train), (X_test, y_test)`` of word sequences, as Keras' `load_data` made them.

    The steps: shuffle by `seed`; add `index_from` to each number and put `start_char` in front;
    leave out sequences that are then not shorter than `maxlen`; put `oov_char` in the place of
    numbers below `skip_top`, and of `nb_words` and above; the last `test_split` are for testing.

    Raises:
        ArgumentError: an option that is out of range.
        DataError: no sequence is shorter than `maxlen`.
    """
    share = finite_number(what, "test_split", test_split)
    if not 0 <= share <= 1:
        raise ArgumentError(f"{what}: test_split: expected 0 to 1, received {test_split}")
    for name, value in (("nb_words", nb_words), ("maxlen", maxlen)):
        if value is not None:
            whole_number(f"{what}: {name}", value, 1)
    # RandomState is the generator that Keras shuffled with; a copy leaves the global one alone.
    order = np.arange(len(sequences))
    np.random.RandomState(seed).shuffle(order)
    start = [] if start_char is None else [start_char]
    rows = [(start + [word + index_from for word in sequences[k]], labels[k]) for k in order]
    if maxlen is not None:
        rows = [(row, label) for row, label in rows if len(row) < maxlen]
        if not rows:
            raise DataError(f"{what}: no sequence is shorter than maxlen={maxlen}; give a larger")

    def kept(word: int) -> bool:
        return word >= skip_top and (nb_words is None or word < nb_words)

    if oov_char is None:
        texts = [[word for word in row if kept(word)] for row, _ in rows]
    else:
        texts = [[word if kept(word) else oov_char for word in row] for row, _ in rows]
    targets = np.array([label for _, label in rows])
    first = int(len(rows) * (1 - share))
    return (texts[:first], targets[:first]), (texts[first:], targets[first:])


def read_word_index(path: Path) -> dict[str, int]:
    """A JSON object of words and their numbers. DataError for what is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise DataError(f"{path} is not a JSON file ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(number, int) for number in found.values()):
        raise DataError(f"{path}: expected an object of words and their numbers")
    return found


def _whole(name: str, values: Sequence[int]) -> np.ndarray:
    array = np.asarray(values)
    if array.size and (array.ndim != 1 or array.dtype.kind not in "iu"):
        raise DataError(f"save_sequences: {name}: expected whole numbers, received {array.dtype}")
    if array.size and np.any(array != array.astype(np.int32)):
        raise IndexRangeError(f"save_sequences: {name}: {array.max()} does not fit into 32 bits")
    return array.astype(np.int32)
