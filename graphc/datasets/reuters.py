"""Reuters: 11,228 newswires of 46 topics, as sequences of word numbers.

Source: the Reuters-21578 collection (D. Lewis), as Keras selected and numbered it. The files are
not part of graphc.
"""

from __future__ import annotations

from graphc.datasets.files import located, missing
from graphc.datasets.word_sequences import (
    CONVERSION,
    Part,
    load_sequences,
    prepared,
    read_word_index,
)
from graphc.public.calls import public
from graphc.utils.data_utils import get_file

_INDEX_ORIGIN = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters_word_index.json"
)
_INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
_INDEX_SIZE_LIMIT = 16 << 20


def load_data(
    path: str = "reuters.pkl",
    nb_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Part, Part]:
    """``(X_train, y_train), (X_test, y_test)``: lists of word numbers; topics from 0 to 45.

    They are read from reuters.npz in the folder of data sets ($GRAPHC_DATASETS, by default
    ~/.graphc/datasets), a file of `graphc.datasets.word_sequences.save_sequences`. What is to be
    had from the network is pickled, so there is no download.

    Args:
        path: another file of `save_sequences`. Keras' file was a pickle; its name stands for the
            .npz file, and a pickle is never read.
        nb_words: word numbers of this and above become oov_char; by default none.
        skip_top: word numbers below this become oov_char (start_char too).
        maxlen: only newswires shorter than this, start_char included; by default all.
        test_split: the share of newswires, from the end, that is held out.
        seed: of the order of newswires.
        start_char: in front of each newswire; None for nothing.
        oov_char: in the place of words that are cut off; None leaves them out.
        index_from: added to each word number, which keeps 0 ... index_from for other meanings.

    Raises:
        MissingFileError: the file is not there.
        DataError: it is damaged, or no newswire is shorter than maxlen.
        ArgumentError: an option out of its range.
    """
    file = located(path)
    if not file.exists():
        raise missing(
            "reuters",
            f"file {file}",
            "What is to be had from the network is pickled. " + CONVERSION.format(file=file),
            [file.parent / path],
        )
    sequences, labels = load_sequences(file)
    return prepared(
        "reuters",
        sequences,
        labels,
        nb_words=nb_words,
        skip_top=skip_top,
        maxlen=maxlen,
        test_split=test_split,
        seed=seed,
        start_char=start_char,
        oov_char=oov_char,
        index_from=index_from,
    )


def get_word_index(
    path: str = "reuters_word_index.pkl", *, download: bool = False
) -> dict[str, int]:
    """Words and their numbers; in what `load_data` gives, index_from is added to them.

    They are read from reuters_word_index.json in the folder of data sets.

    Args:
        path: another JSON file. Keras' file was a pickle; its name stands for the .json file.
        download: fetch the file (0.5 MB) if it is not there.

    Raises:
        MissingFileError: it is not there.
        DataError: it is no such file.
        DownloadError: it could not be fetched.
    """
    file = located(path, ".json")
    if not file.exists():
        if not download:
            raise missing(
                "reuters",
                f"file {file}",
                f"Call get_word_index(download=True), or fetch it from {_INDEX_ORIGIN}.",
                [file.parent / path],
            )
        get_file(
            file.name,
            _INDEX_ORIGIN,
            md5_hash=_INDEX_MD5,
            size_limit=_INDEX_SIZE_LIMIT,
            cache_dir=file.parent,
        )
    return read_word_index(file)


public(__name__)
