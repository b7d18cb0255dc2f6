"""Texts as sequences of word numbers, and as rows of word counts."""

from __future__ import annotations

import hashlib
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from graphc.errors import ArgumentError, DataError, IndexRangeError
from graphc.lookup import whole_number
from graphc.public.calls import public

_MODES = ("binary", "count", "freq", "tfidf")


def base_filter() -> str:
    """The characters that part words by default: punctuation but the apostrophe, tab, newline."""
    return string.punctuation.replace("'", "") + "\t\n"


def text_to_word_sequence(
    text: str, filters: str = base_filter(), lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        text: the text.
        filters: characters that part words, like `split`.
        lower: whether to write all in lower case first.
        split: what parts words; words come without it, and empty ones are left out.

    Raises:
        DataError: `text` is not a str.
        ArgumentError: `split` is not a str of at least one character.
    """
    _check_text(text)
    if not isinstance(split, str) or not split:
        raise ArgumentError(f"split: expected at least one character, received {split!r}")
    if lower:
        text = text.lower()
    text = text.translate({ord(character): split for character in filters})
    return [word for word in text.split(split) if word]


def one_hot(
    text: str, n: int, filters: str = base_filter(), lower: bool = True, split: str = " "
) -> list[int]:
    """The words of a text as numbers from 1 to n - 1, by a hash: two words may share a number.

    A word's number is hash(word) % (n - 1) + 1, where the hash is BLAKE2b (8 bytes): the same
    in every process, so that a model that was saved still knows its words. (Python's own hash of a
    str changes from one process to the next.)

    Raises ArgumentError where n leaves no number (n < 2).
    """
    size = whole_number("one_hot: n", n, 2)
    return [
        _stable_hash(word) % (size - 1) + 1
        for word in text_to_word_sequence(text, filters, lower, split)
    ]


def _stable_hash(word: str) -> int:
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


class Tokenizer:
    """Numbers the words of a corpus, the most frequent first, and writes texts in them.

    Args:
        nb_words: keep the words with numbers below this, i.e. the nb_words - 1 most frequent; all
            by default.
        filters, lower, split: how a text is parted into words; see `text_to_word_sequence`.
        char_level: each character counts as a word, as it is: `filters`, `lower` and `split` are
            for words.

    Attributes (after `fit_on_texts`):
        word_counts: word -> how often it occurs; words in the order of their first appearance.
        word_docs: word -> in how many texts it occurs.
        word_index: word -> its number, from 1 by falling count, the earlier first among equals.
        index_docs: number -> in how many texts its word occurs.
        document_count: how many texts were seen.
    """

    def __init__(
        self,
        nb_words: int | None = None,
        filters: str = base_filter(),
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
    ):
        if nb_words is not None:
            nb_words = whole_number("Tokenizer: nb_words", nb_words, 1)
        self.nb_words = nb_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_docs: Counter[int] = Counter()
        self.document_count = 0

    def fit_on_texts(self, texts: Iterable[str]) -> None:
        """Count the words of texts and number them; a second call adds to the counts.

        Raises DataError where `texts` is one str, or holds something else than str.
        """
        for text in _listed(texts, "fit_on_texts"):
            words = self._words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        # most_common keeps the order of first appearance among equal counts.
        self.word_index = {
            word: number for number, (word, _) in enumerate(self.word_counts.most_common(), 1)
        }
        self.index_docs = Counter(
            {self.word_index[word]: count for word, count in self.word_docs.items()}
        )

    def fit_on_sequences(self, sequences: Sequence[Sequence[int]]) -> None:
        """Count in how many sequences each number occurs: what 'tfidf' needs without texts."""
        self.document_count = len(sequences)
        self.index_docs = Counter(number for sequence in sequences for number in set(sequence))

    def texts_to_sequences(self, texts: Iterable[str]) -> list[list[int]]:
        """Each text as the numbers of its words; unknown words and those cut off are left out."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[str]) -> Iterator[list[int]]:
        """As `texts_to_sequences`, one text at a time."""
        if not self.word_index:
            raise DataError("Tokenizer: no words are known yet; call fit_on_texts first")
        for text in _listed(texts, "texts_to_sequences"):
            numbers = (self.word_index.get(word) for word in self._words(text))
            yield [k for k in numbers if k is not None and (not self.nb_words or k < self.nb_words)]

    def texts_to_matrix(self, texts: Iterable[str], mode: str = "binary") -> np.ndarray:
        """`sequences_to_matrix` of the texts' sequences."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(
        self, sequences: Sequence[Sequence[int]], mode: str = "binary"
    ) -> np.ndarray:
        """A row a sequence, a column a word.

        Args:
            sequences: n lists of word numbers; those of nb_words and above are left out.
            mode: of a word that occurs c times in a sequence of length l, and in d of N texts:
                'binary' 1; 'count' c; 'freq' c / l; 'tfidf' (1 + ln c) ln(1 + N / (1 + d)),
                the weight of rare words (Keras 1.0.1 has the fraction upside down).

        Returns:
            (n, nb_words) float64, without nb_words (n, number of words + 1). Column 0 is no word.

        Raises:
            ArgumentError: an unknown mode.
            DataError: neither nb_words nor fit_on_texts gave the width; 'tfidf' before a fit.
            IndexRangeError: a number below 0, or above the known words without nb_words.
        """
        if mode not in _MODES:
            raise ArgumentError(f"Tokenizer: mode is one of {_MODES}, received {mode!r}")
        if not self.nb_words and not self.word_index:
            raise DataError(
                "Tokenizer: the number of columns is not known; give nb_words, or call "
                "fit_on_texts first"
            )
        if mode == "tfidf" and not self.document_count:
            raise DataError(
                "Tokenizer: mode 'tfidf' needs the counts of texts; call fit_on_texts or "
                "fit_on_sequences first"
            )
        width = self.nb_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), width))
        for row, sequence in enumerate(sequences):
            for number, count in Counter(sequence).items():
                if number < 0 or (number >= width and not self.nb_words):
                    raise IndexRangeError(
                        f"Tokenizer: number {number} of sequence {row} is not one of the "
                        f"{width - 1} words"
                    )
                if number < width:
                    matrix[row, number] = self._weight(mode, number, count, len(sequence))
        return matrix

    def _weight(self, mode: str, number: int, count: int, length: int) -> float:
        if mode == "binary":
            return 1.0
        if mode == "count":
            return count
        if mode == "freq":
            return count / length
        texts_with_it = self.index_docs.get(number, 0)
        rarity = np.log(1 + self.document_count / (1 + texts_with_it))
        return float((1 + np.log(count)) * rarity)

    def _words(self, text: str) -> Sequence[str]:
        if self.char_level:
            _check_text(text)
            return text
        return text_to_word_sequence(text, self.filters, self.lower, self.split)


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        hint = "; decode it first, e.g. text.decode('utf-8')" if isinstance(text, bytes) else ""
        raise DataError(
            f"expected a text of type str, received {type(text).__name__} {text!r:.60}{hint}"
        )


def _listed(texts: Iterable[str], method: str) -> Iterable[str]:
    if isinstance(texts, str | bytes):
        raise DataError(
            f"Tokenizer.{method}: expected a list of texts, received the one text {texts!r:.60}; "
            "put it in a list"
        )
    return texts


public(__name__)
