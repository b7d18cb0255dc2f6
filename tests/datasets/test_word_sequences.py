"""imdb and reuters: options as Keras had them, files without pickles."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.config import config
from graphc.datasets import imdb, reuters
from graphc.datasets.word_sequences import load_sequences, save_sequences
from graphc.errors import ArgumentError, DataError, IndexRangeError, MissingFileError

SEQUENCES = [[5, 1, 9], [2], [], [7, 7, 1, 3], [4, 2, 6], [8, 1]]
LABELS = [0, 1, 2, 3, 4, 5]

pytestmark = pytest.mark.flags(keras="1.0")  # imdb has other files in 1.2: TestHalves


@pytest.fixture
def stored(folder):
    save_sequences(folder / "imdb.npz", SEQUENCES, LABELS)
    save_sequences(folder / "reuters.npz", SEQUENCES, LABELS)
    return folder


@pytest.mark.parametrize("data", [imdb, reuters])
def test_the_order_is_that_of_numpys_shuffle(stored, data):
    (x_train, y_train), (x_test, y_test) = data.load_data(start_char=None, index_from=0)
    expected = list(zip(SEQUENCES, LABELS, strict=True))
    following = np.random.get_state()[1].tolist()
    np.random.seed(113)
    np.random.shuffle(expected)
    assert list(zip(x_train + x_test, [*y_train, *y_test], strict=True)) == expected
    assert (len(x_train), len(x_test)) == (4, 2)
    np.random.seed(1337)
    data.load_data()
    assert np.random.get_state()[1].tolist() == following, "NumPy's global generator was moved"


def loaded(**options) -> dict[int, list[int]]:
    """Label -> sequence, by what load_data gives."""
    (x_train, y_train), (x_test, y_test) = imdb.load_data(**options)
    return dict(zip([*y_train.tolist(), *y_test.tolist()], x_train + x_test, strict=True))


@pytest.mark.parametrize(
    ("options", "first", "fourth"),
    [
        ({}, [1, 8, 4, 12], [1, 10, 10, 4, 6]),
        ({"start_char": None}, [8, 4, 12], [10, 10, 4, 6]),
        ({"index_from": 0}, [1, 5, 1, 9], [1, 7, 7, 1, 3]),
        ({"nb_words": 10}, [1, 8, 4, 2], [1, 2, 2, 4, 6]),
        ({"skip_top": 5}, [2, 8, 2, 12], [2, 10, 10, 2, 6]),
        ({"skip_top": 5, "nb_words": 12, "oov_char": 0}, [0, 8, 0, 0], [0, 10, 10, 0, 6]),
        ({"skip_top": 5, "nb_words": 12, "oov_char": None}, [8], [10, 10, 6]),
    ],
)
def test_options(stored, options, first, fourth):
    found = loaded(**options)
    assert found[0] == first
    assert found[3] == fourth
    assert len(found) == 6


def test_maxlen_counts_the_start(stored):
    assert set(loaded(maxlen=4)) == {1, 2, 5}
    assert set(loaded(maxlen=4, start_char=None)) == {0, 1, 2, 4, 5}
    with pytest.raises(DataError, match="imdb: no sequence is shorter than maxlen=1"):
        imdb.load_data(maxlen=1)


def test_the_split(stored):
    for split, held_out in ((0, 0), (0.5, 3), (1, 6)):
        (x_train, _), (x_test, y_test) = reuters.load_data(test_split=split)
        assert (len(x_train), len(x_test), len(y_test)) == (6 - held_out, held_out, held_out)
    assert imdb.load_data(seed=1)[0][1].tolist() != imdb.load_data(seed=2)[0][1].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test_split": 1.5}, "reuters: test_split: expected 0 to 1, received 1.5"),
        ({"nb_words": 0}, "reuters: nb_words: expected a whole number of at least 1"),
        ({"maxlen": -1}, "reuters: maxlen: expected a whole number"),
    ],
)
def test_bad_options(stored, options, message):
    with pytest.raises(ArgumentError, match=message):
        reuters.load_data(**options)


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5), min_size=1, max_size=5))
def test_sequences_are_stored(tmp_path_factory, sequences):
    path = tmp_path_factory.mktemp("sequences") / "a.npz"
    save_sequences(path, sequences, range(len(sequences)))
    read, labels = load_sequences(path)
    assert read == sequences
    assert labels.tolist() == list(range(len(sequences)))


@pytest.mark.parametrize(
    ("sequences", "labels", "error", "message"),
    [
        ([[1]], [1, 2], DataError, "received 1 sequences and 2 labels"),
        ([["a"]], [1], DataError, "sequences: expected whole numbers, received <U1"),
        ([[1]], [0.5], DataError, "labels: expected whole numbers, received float64"),
        ([[2**40]], [1], IndexRangeError, "1099511627776 does not fit into 32 bits"),
    ],
)
def test_what_is_not_stored(tmp_path, sequences, labels, error, message):
    with pytest.raises(error, match=message):
        save_sequences(tmp_path / "a.npz", sequences, labels)
    assert list(tmp_path.iterdir()) == []


def test_other_files(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([[1], [1, 2]], dtype=object), y=np.arange(2))
    with pytest.raises(DataError, match="From a pickle that you trust, it is made by: .*a.npz'"):
        load_sequences(path)
    np.savez(path, words=np.arange(3), lengths=np.array([1, 1]), labels=np.arange(2))
    with pytest.raises(DataError, match="words, lengths and labels do not belong together"):
        load_sequences(path)


@pytest.mark.parametrize("data", [imdb, reuters])
def test_a_missing_file_is_named_with_where_to_get_it(folder, data):
    name = data.__name__.rsplit(".", 1)[-1]
    (folder / f"{name}.pkl").touch()
    with pytest.raises(MissingFileError) as raised:
        data.load_data()
    message = str(raised.value)
    assert f"{name}: there is no file {folder / name}.npz" in message
    assert f"{name}.pkl is a pickle, which may run any code when it is read" in message
    assert f"save_sequences('{folder / name}.npz', sequences, labels)" in message


REVIEWS = {
    "pos/1_9.txt": "Good, good<br /><br />film. Café!",
    "pos/0_9.txt": "A film",
    "neg/0_1.txt": "bad film",
}


def write_reviews(folder, part="train"):
    for name, text in REVIEWS.items():
        path = folder / "aclImdb" / part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_reviews_are_numbered_once(folder):
    write_reviews(folder)
    found = loaded(start_char=None, index_from=0, test_split=0)
    index = imdb.get_word_index()
    # film 3, good 2; then by first appearance, against before in favour
    assert index == {"film": 1, "good": 2, "bad": 3, "a": 4, "café": 5}
    assert found[0] == [3, 1]
    (x, y), _ = imdb.load_data(start_char=None, index_from=0, test_split=0)
    assert sorted(zip(y.tolist(), x, strict=True)) == [(0, [3, 1]), (1, [2, 2, 1, 5]), (1, [4, 1])]
    for path in (folder / "aclImdb").rglob("*.txt"):
        path.unlink()
    assert loaded(start_char=None, index_from=0, test_split=0) == found


class TestHalves:
    """The halves of `imdb.load_data` under keras=1.2."""

    @pytest.fixture(autouse=True)
    def release(self):
        with config.changed(keras="1.2"):
            yield

    def test_each_is_shuffled_in_itself(self, folder):
        save_sequences(folder / "imdb_full.npz", SEQUENCES, LABELS)
        train, test = imdb.load_data(start_char=None, index_from=0)
        for seed, half, (x, y) in ((113, slice(3), train), (226, slice(3, 6), test)):
            expected = list(zip(SEQUENCES[half], LABELS[half], strict=True))
            np.random.seed(seed)
            np.random.shuffle(expected)
            assert list(zip(x, y, strict=True)) == expected

    def test_long_ones_are_left_out_of_their_own_half(self, folder):
        save_sequences(folder / "imdb_full.npz", SEQUENCES, LABELS)
        (x_train, _), (x_test, _) = imdb.load_data("imdb_full.pkl", None, 0, 4)
        assert sorted(map(len, x_train)) == [1, 2]
        assert sorted(map(len, x_test)) == [3]

    def test_they_are_made_from_the_reviews_of_both_parts(self, folder):
        write_reviews(folder)
        write_reviews(folder, "test")
        (x_train, y_train), (x_test, y_test) = imdb.load_data(start_char=None, index_from=0)
        assert sorted(x_train) == sorted(x_test) == [[2, 2, 1, 5], [3, 1], [4, 1]]
        assert sorted(y_train) == sorted(y_test) == [0, 1, 1]
        assert imdb.get_word_index() == {"film": 1, "good": 2, "bad": 3, "a": 4, "café": 5}

    def test_a_share_may_be_held_out_as_before(self, folder):
        save_sequences(folder / "imdb.npz", SEQUENCES, LABELS)
        (x_train, _), (x_test, _) = imdb.load_data(path="imdb.pkl", test_split=0.5)
        assert (len(x_train), len(x_test)) == (3, 3)


def test_reviews_are_not_there(folder):
    (folder / "aclImdb").mkdir()
    with pytest.raises(DataError, match="there are no reviews in .*neg; delete .* unpack https://"):
        imdb.load_data()
    with pytest.raises(MissingFileError, match="load_data writes it"):
        imdb.get_word_index()


def test_downloads_are_on_request_only_and_checked(folder, monkeypatch):
    requests = []

    def get_file(fname, origin, untar=False, *, md5_hash, size_limit=None, cache_dir):
        requests.append(origin)
        assert cache_dir == folder
        assert len(md5_hash) == 32
        if untar:
            write_reviews(folder)
        else:
            (folder / fname).write_text(json.dumps({"the": 1}))

    monkeypatch.setattr(imdb, "get_file", get_file)
    monkeypatch.setattr(reuters, "get_file", get_file)
    for _ in range(2):
        assert len(imdb.load_data(download=True)[0][0]) == 2
        assert reuters.get_word_index(download=True) == {"the": 1}
    assert len(requests) == 2
    assert all(origin.startswith("https://") for origin in requests)


def test_word_indices(folder):
    with pytest.raises(MissingFileError, match=r"Call get_word_index\(download=True\), or fetch"):
        reuters.get_word_index()
    for text, message in (
        ("[1]", "an object of words"),
        ('{"a": "b"}', "an object"),
        ("{", "JSON"),
    ):
        (folder / "reuters_word_index.json").write_text(text)
        with pytest.raises(DataError, match=message):
            reuters.get_word_index()
