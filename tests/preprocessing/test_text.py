import string
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.errors import ArgumentError, DataError, IndexRangeError
from graphc.preprocessing.text import Tokenizer, base_filter, one_hot, text_to_word_sequence

TEXTS = ["The cat sat on the mat.", "The dog, the cat!", "It's a dog"]


def test_the_base_filter_keeps_the_apostrophe():
    assert set(string.punctuation) - set(base_filter()) == {"'"}
    assert {"\t", "\n"} <= set(base_filter())


def test_words_of_a_text():
    assert text_to_word_sequence("It's a  Dog,\nthe-CAT!") == ["it's", "a", "dog", "the", "cat"]
    assert text_to_word_sequence("A.b", filters="", lower=False) == ["A.b"]
    assert text_to_word_sequence("a, b.c", split=", ") == ["a", " b", "c"]


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        (b"a", {}, DataError, "expected a text of type str, received bytes b'a'; decode it"),
        (["a"], {}, DataError, "received list"),
        ("a", {"split": ""}, ArgumentError, "split: expected at least one character"),
    ],
)
def test_words_of_what_is_no_text(text, options, error, message):
    with pytest.raises(error, match=message):
        text_to_word_sequence(text, **options)


@given(st.text(), st.integers(2, 50))
def test_one_hot_numbers_every_word(text, n):
    numbers = one_hot(text, n)
    words = text_to_word_sequence(text)
    assert len(numbers) == len(words)
    assert all(1 <= number < n for number in numbers)
    assert len(set(zip(words, numbers, strict=True))) == len(set(words))


def test_one_hot_is_the_same_in_every_process():
    code = "from graphc.preprocessing.text import one_hot; print(one_hot('the cat sat', 1000))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert elsewhere.strip() == str(one_hot("The cat, sat", 1000))
    with pytest.raises(ArgumentError, match="n: expected a whole number of at least 2"):
        one_hot("a", 1)


def test_words_are_numbered_by_falling_count():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    # the 4, cat 2, dog 2; then by first appearance
    assert list(tokenizer.word_index.items())[:4] == [
        ("the", 1),
        ("cat", 2),
        ("dog", 3),
        ("sat", 4),
    ]
    assert tokenizer.word_counts["the"] == 4
    assert tokenizer.word_docs["the"] == 2
    assert tokenizer.index_docs[1] == 2
    assert tokenizer.document_count == 3
    assert tokenizer.texts_to_sequences(["the bird, the dog"]) == [[1, 1, 3]]


def test_a_second_fit_adds():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a b"])
    tokenizer.fit_on_texts(["b"])
    assert tokenizer.word_index == {"b": 1, "a": 2}
    assert tokenizer.document_count == 2
    assert tokenizer.index_docs == {1: 2, 2: 1}


def test_nb_words_keeps_one_less():
    tokenizer = Tokenizer(nb_words=3)
    tokenizer.fit_on_texts(TEXTS)
    assert tokenizer.texts_to_sequences(TEXTS) == [[1, 2, 1], [1, 1, 2], []]
    assert tokenizer.texts_to_matrix(TEXTS).tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 0]]


def test_characters_as_words():
    tokenizer = Tokenizer(char_level=True)
    tokenizer.fit_on_texts(["Aa!a"])
    assert tokenizer.word_index == {"a": 1, "A": 2, "!": 3}
    with pytest.raises(DataError, match="type str, received int"):
        tokenizer.fit_on_texts([5])


def test_matrices():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a a b", "b", "c"])  # a 1, b 2, c 3; in 1, 2, 1 of 3 texts
    sequences = [[1, 1, 2], []]
    np.testing.assert_array_equal(
        tokenizer.sequences_to_matrix(sequences, "count"), [[0, 2, 1, 0], [0, 0, 0, 0]]
    )
    np.testing.assert_array_equal(
        tokenizer.sequences_to_matrix(sequences), [[0, 1, 1, 0], [0, 0, 0, 0]]
    )
    np.testing.assert_allclose(
        tokenizer.sequences_to_matrix(sequences, "freq")[0], [0, 2 / 3, 1 / 3, 0]
    )
    # a: (1 + ln 2) ln(1 + 3 / 2); b: ln(1 + 3 / 3)
    np.testing.assert_allclose(
        tokenizer.sequences_to_matrix(sequences, "tfidf")[0],
        [0, 1.6931471806 * 0.9162907319, 0.6931471806, 0],
    )


def test_tfidf_of_sequences_without_texts():
    tokenizer = Tokenizer(nb_words=3)
    with pytest.raises(DataError, match="'tfidf' needs the counts of texts; call"):
        tokenizer.sequences_to_matrix([[1]], "tfidf")
    tokenizer.fit_on_sequences([[1, 1], [1, 2]])
    row = tokenizer.sequences_to_matrix([[1, 2, 3, 7]], "tfidf")[0]
    np.testing.assert_allclose(row, [0, np.log(1 + 2 / 3), np.log(1 + 2 / 2)])


def test_bad_calls():
    tokenizer = Tokenizer()
    with pytest.raises(DataError, match="call fit_on_texts first"):
        tokenizer.texts_to_sequences(["a"])
    with pytest.raises(DataError, match="give nb_words, or call"):
        tokenizer.sequences_to_matrix([[1]])
    with pytest.raises(DataError, match="received the one text 'a b'; put it in a list"):
        tokenizer.fit_on_texts("a b")
    tokenizer.fit_on_texts(["a b"])
    with pytest.raises(DataError, match="texts_to_sequences: expected a list of texts"):
        tokenizer.texts_to_sequences("a b")
    with pytest.raises(ArgumentError, match="mode is one of .*'tfidf'.*, received 'tf-idf'"):
        tokenizer.sequences_to_matrix([[1]], "tf-idf")
    with pytest.raises(IndexRangeError, match="number 3 of sequence 1 is not one of the 2 words"):
        tokenizer.sequences_to_matrix([[1], [3]])
    with pytest.raises(IndexRangeError, match="number -1 of sequence 0"):
        tokenizer.sequences_to_matrix([[-1]])
    with pytest.raises(ArgumentError, match="nb_words: expected a whole number"):
        Tokenizer(nb_words=0)
