"""IMDB: 25,000 film reviews, half of them in favour, as sequences of word numbers; in Keras 1.2 as
many again to test on.

Source: A. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011: the training
reviews of its Large Movie Review Dataset v1.0, and its reviews for testing. The files are not part
of graphc.
"""

from __future__ import annotations

import functools
import itertools
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from graphc.datasets.files import located, missing
from graphc.datasets.word_sequences import (
    CONVERSION,
    Part,
    load_sequences,
    prepared,
    read_word_index,
    save_sequences,
)
from graphc.errors import DataError
from graphc.preprocessing.text import Tokenizer
from graphc.public.calls import public
from graphc.releases import arguments_of_1_2
from graphc.utils.data_utils import get_file
from graphc.whole_files import written_whole

_ORIGIN = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
_MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
_FOLDER = "aclImdb"
_LABELS = {"neg": 0, "pos": 1}

_log = logging.getLogger("graphc")


@arguments_of_1_2(
    *("path", "nb_words", "skip_top", "maxlen", "seed", "start_char", "oov_char", "index_from"),
    path="imdb_full.pkl",
    test_split=None,
)
def load_data(
    path: str = "imdb.pkl",
    nb_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float | None = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    *,
    download: bool = False,
) -> tuple[Part, Part]:
    """``(X_train, y_train), (X_test, y_test)``: lists of word numbers; 1 in favour, 0 against.

    They are read from imdb.npz in the folder of data sets ($GRAPHC_DATASETS, by default
    ~/.graphc/datasets). If that is not there, it is made from the reviews in the folder aclImdb
    there, which the original archive unpacks to: words are numbered from 1 by falling count, and
    `get_word_index` returns them. Under the flag keras=1.2 it is imdb_full.npz, made from the
    reviews for training and those for testing, which are the two parts.

    Args:
        path: another file of `save_sequences`. Keras' file was a pickle; its name stands for the
            .npz file, and a pickle is never read.
        nb_words: word numbers of this and above become oov_char; by default none.
        skip_top: word numbers below this become oov_char (start_char too).
        maxlen: only reviews shorter than this, start_char included; by default all.
        test_split: the share of reviews, from the end, that is held out. None, the default under
            keras=1.2: the second half of the file, and each half is shuffled in itself.
        seed: of the order of reviews.
        start_char: in front of each review; None for nothing.
        oov_char: in the place of words that are cut off; None leaves them out.
        index_from: added to each word number, which keeps 0 ... index_from for other meanings.
        download: fetch the original archive (84 MB) if nothing is there.

    Raises:
        MissingFileError: no file is there.
        DataError: a file is damaged, or no review is shorter than maxlen.
        ArgumentError: an option out of its range.
        DownloadError: the archive could not be fetched.
    """
    file = located(path)
    if not file.exists():
        reviews = file.parent / _FOLDER
        if not reviews.is_dir():
            if not download:
                raise missing(
                    "imdb",
                    f"file {file} or folder {reviews}",
                    f"Call load_data(download=True), or unpack {_ORIGIN} in {file.parent}. "
                    + CONVERSION.format(file=file),
                    [file.parent / path],
                )
            get_file(_FOLDER, _ORIGIN, untar=True, md5_hash=_MD5, cache_dir=file.parent)
        _number_words(reviews, file, ("train",) if test_split is not None else ("train", "test"))
    sequences, labels = load_sequences(file)
    prepare = functools.partial(
        prepared,
        "imdb",
        nb_words=nb_words,
        skip_top=skip_top,
        maxlen=maxlen,
        start_char=start_char,
        oov_char=oov_char,
        index_from=index_from,
    )
    if test_split is not None:
        return prepare(sequences, labels, test_split=test_split, seed=seed)
    half = len(sequences) // 2
    halves = ((seed, slice(half)), (2 * seed, slice(half, None)))  # the seeds of Keras 1.2
    train, test = (prepare(sequences[k], labels[k], test_split=0, seed=own)[0] for own, k in halves)
    return train, test


@arguments_of_1_2(path="imdb_full_word_index.pkl")
def get_word_index(path: str = "imdb_word_index.pkl") -> dict[str, int]:
    """Words and their numbers in imdb.npz; in what `load_data` gives, index_from is added to them.

    They are read from imdb_word_index.json, which `load_data` writes when it makes imdb.npz; under
    the flag keras=1.2 from imdb_full_word_index.json, beside imdb_full.npz.
    Raises MissingFileError where it is not there.
    """
    file = located(path, ".json")
    if not file.exists():
        raise missing(
            "imdb", f"file {file}", "load_data writes it where it makes imdb.npz from the reviews."
        )
    return read_word_index(file)


def _number_words(folder: Path, file: Path, parts: Sequence[str]) -> None:
    """Make the .npz file, and the word index beside it, of the reviews in parts of a folder."""
    texts, labels = [], []
    for part, (kind, label) in itertools.product(parts, _LABELS.items()):
        paths = sorted((folder / part / kind).glob("*.txt"))
        if not paths:
            raise DataError(
                f"imdb: there are no reviews in {folder / part / kind}; delete {folder}, and "
                f"unpack {_ORIGIN} again"
            )
        for one in paths:
            # Reviews are parts of pages.
            texts.append(one.read_text(encoding="utf-8").replace("<br />", " "))
            labels.append(label)
    _log.info("imdb: numbering the words of %d reviews, for %s", len(texts), file)
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(texts)
    with written_whole(file.with_name(f"{file.stem}_word_index.json")) as written:
        written.write_text(json.dumps(tokenizer.word_index, ensure_ascii=False), encoding="utf-8")
    save_sequences(file, tokenizer.texts_to_sequences(texts), labels)


public(__name__)
