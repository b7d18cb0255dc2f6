import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.errors import ArgumentError, DataError, IndexRangeError
from graphc.preprocessing.sequence import make_sampling_table, pad_sequences, skipgrams

NUMBERS = st.integers(1, 99)


def test_padding_and_truncating_on_either_side():
    rows = [[1], [1, 2, 3, 4], []]
    np.testing.assert_array_equal(pad_sequences(rows), [[0, 0, 0, 1], [1, 2, 3, 4], [0, 0, 0, 0]])
    np.testing.assert_array_equal(pad_sequences(rows, 3), [[0, 0, 1], [2, 3, 4], [0, 0, 0]])
    np.testing.assert_array_equal(
        pad_sequences(rows, 3, padding="post", truncating="post", value=9),
        [[1, 9, 9], [1, 2, 3], [9, 9, 9]],
    )
    assert pad_sequences(rows).dtype == np.int32
    assert pad_sequences([[0.5]], dtype="float32")[0, 0] == 0.5


def test_steps_may_have_axes_of_their_own():
    padded = pad_sequences([[[1, 2]], [[3, 4], [5, 6]], []])
    np.testing.assert_array_equal(padded, [[[0, 0], [1, 2]], [[3, 4], [5, 6]], [[0, 0], [0, 0]]])


@given(
    st.lists(st.lists(NUMBERS, max_size=6), min_size=1, max_size=5),
    st.integers(1, 8),
    st.sampled_from(["pre", "post"]),
    st.sampled_from(["pre", "post"]),
)
def test_padded_rows_are_the_kept_numbers_and_padding(rows, maxlen, padding, truncating):
    padded = pad_sequences(rows, maxlen, padding=padding, truncating=truncating)
    for row, sequence in zip(padded.tolist(), rows, strict=True):
        cut = max(len(sequence) - maxlen, 0)
        kept = sequence[cut:] if truncating == "pre" else sequence[: len(sequence) - cut]
        fill = [0] * (maxlen - len(kept))
        assert row == (fill + kept if padding == "pre" else kept + fill)


@pytest.mark.parametrize(
    ("sequences", "options", "error", "message"),
    [
        ([[1]], {"padding": "before"}, ArgumentError, "padding is 'pre' or 'post', received"),
        ([[1]], {"truncating": "end"}, ArgumentError, "truncating is 'pre' or 'post'"),
        ([[1]], {"maxlen": 0}, ArgumentError, "maxlen: expected a whole number of at least 1"),
        ([], {}, DataError, "expected a list of sequences, received list"),
        (5, {}, DataError, "expected a list of sequences, received int 5"),
        ([1, 2], {}, DataError, "a list of numbers, received int 1 as sequence 0"),
        ([[1], ["a"]], {}, DataError, "received list .* as sequence 1"),
        ([[1], [[1, 2], [3]]], {}, DataError, "as sequence 1"),
        ([[1], [[1, 2]]], {}, DataError, r"shape \(\) .* received \(2,\) in sequence 1"),
        ([[1], [0.5]], {}, DataError, "int32 does not hold 0.5 of sequence 1.*float32"),
        ([[1]], {"value": 0.5}, DataError, "does not hold 0.5 of the padding value"),
        ([[2**40]], {}, DataError, "int32 does not hold 1099511627776"),
        ([[np.nan]], {}, DataError, "does not hold nan"),
    ],
)
def test_pad_sequences_refuses(sequences, options, error, message):
    with pytest.raises(error, match=message):
        pad_sequences(sequences, **options)


def test_sampling_table():
    table = make_sampling_table(4, sampling_factor=0.1)
    # r = 3: 3 (ln 3 + 0.577) + 0.5 - 1 / 36 = 5.49906
    assert table[3] == pytest.approx(0.741556, abs=1e-6)
    # r = 1: 0.577 + 0.5 - 1 / 12 = 0.993667
    assert table[0] == table[1] == pytest.approx(0.315225, abs=1e-6)
    assert make_sampling_table(100000)[-1] == 1
    with pytest.raises(ArgumentError, match="size: expected a whole number of at least 1"):
        make_sampling_table(0)
    with pytest.raises(ArgumentError, match="positive sampling_factor"):
        make_sampling_table(5, 0)


def test_pairs_of_a_window_in_order():
    couples, labels = skipgrams([1, 0, 2, 3], 4, window_size=2, negative_samples=0, shuffle=False)
    assert couples == [[1, 2], [2, 1], [2, 3], [3, 2]]
    assert labels == [1, 1, 1, 1]


def test_random_pairs_start_with_words_of_real_ones():
    couples, labels = skipgrams(
        [1, 2, 3], 50, window_size=1, negative_samples=1.5, shuffle=False, categorical=True
    )
    assert labels == [[0, 1]] * 4 + [[1, 0]] * 6
    firsts = [first for first, _ in couples]
    assert sorted(firsts[4:8]) == sorted(firsts[:4])
    assert firsts[8:] == firsts[4:6]
    assert all(1 <= other < 50 for _, other in couples)
    # Of a vocabulary of one word, which has the number 1: 0 is no word.
    couples, _ = skipgrams([1] * 5, 2, negative_samples=4.0)
    assert couples == [[1, 1]] * 100


def test_shuffling_keeps_labels_with_their_pairs():
    np.random.seed(3)
    sequence = list(range(1, 20))
    couples, labels = skipgrams(sequence, 10**6, window_size=1)
    real = [couple for couple, label in zip(couples, labels, strict=True) if label]
    assert sorted(real) == sorted(
        [[k, k + 1] for k in range(1, 19)] + [[k + 1, k] for k in range(1, 19)]
    )
    assert labels != sorted(labels, reverse=True)
    np.random.seed(3)
    assert skipgrams(sequence, 10**6, window_size=1) == (couples, labels)


def test_a_sampling_table_leaves_first_words_out():
    couples, labels = skipgrams(
        [1, 2, 1], 3, negative_samples=4.0, shuffle=False, sampling_table=[0, 0, 1.0]
    )
    assert couples[:2] == [[2, 1], [2, 1]]
    assert [first for first, _ in couples[2:]] == [2] * 8  # of random pairs too
    assert labels == [1] * 2 + [0] * 8


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([1, 5], 5), {}, IndexRangeError, "word 5 at position 1 is not in the vocabulary .0 to 4"),
        (([-1], 5), {}, IndexRangeError, "word -1 at position 0"),
        (([1, 2], 5), {"sampling_table": [1, 1]}, IndexRangeError, "not in the sampling_table"),
        (([1], 1), {}, ArgumentError, "vocabulary_size: expected a whole number of at least 2"),
        (([1], 5), {"window_size": 0}, ArgumentError, "window_size: expected"),
        (([1], 5), {"negative_samples": -1}, ArgumentError, "at least 0, received -1"),
        ((["a", "b"], 5), {}, DataError, "expected numbers of words, received 'a' at position 0"),
    ],
)
def test_skipgrams_refuses(arguments, options, error, message):
    with pytest.raises(error, match=message):
        skipgrams(*arguments, **options)
