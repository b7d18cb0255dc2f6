import gzip
from pathlib import Path

import numpy as np
import pytest

from graphc.datasets import mnist
from graphc.datasets.files import read_idx
from graphc.errors import DataError, MissingFileError

RNG = np.random.RandomState(1)
ARRAYS = {
    "x_train": RNG.randint(0, 256, (4, 28, 28)).astype("uint8"),
    "y_train": np.array([3, 1, 4, 1], "uint8"),
    "x_test": RNG.randint(0, 256, (2, 28, 28)).astype("uint8"),
    "y_test": np.array([5, 9], "uint8"),
}
ORIGINAL = ("train-images", "train-labels", "t10k-images", "t10k-labels")
SHARED = Path(__file__).parents[3] / "shared" / "data" / "mnist"


def write_original(folder, mark="-", ending=".gz", lacking=()):
    folder.mkdir(exist_ok=True)
    for name, array in zip(ORIGINAL, ARRAYS.values(), strict=True):
        if name in lacking:
            continue
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
        path = folder / f"{name}{mark}idx{array.ndim}-ubyte{ending}"
        path.write_bytes(gzip.compress(content) if ending else content)


def check(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    for received, expected in zip((x_train, y_train, x_test, y_test), ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(received, expected)
        assert received.dtype == np.uint8


def test_the_npz_file_is_read(folder):
    np.savez(folder / "mnist.npz", **ARRAYS)
    check(mnist.load_data())
    np.savez(folder / "other.npz", **ARRAYS)
    check(mnist.load_data(str(folder / "other.npz")))


@pytest.mark.parametrize("where", [".", "mnist"])
@pytest.mark.parametrize(("mark", "ending"), [("-", ".gz"), (".", "")])
def test_the_original_files_are_read(folder, where, mark, ending):
    write_original(folder / where, mark, ending)
    check(mnist.load_data())


def test_a_missing_file_is_named_with_where_to_get_it(folder):
    with pytest.raises(MissingFileError) as raised:
        mnist.load_data()
    message = str(raised.value)
    assert f"mnist: there is no file {folder / 'mnist.npz'}." in message
    assert "load_data(download=True)" in message
    assert "https://storage.googleapis.com" in message
    write_original(folder / "mnist", lacking=("train-images", "t10k-labels"))
    (folder / "mnist.pkl.gz").touch()
    with pytest.raises(MissingFileError) as raised:
        mnist.load_data()
    message = str(raised.value)
    assert "but not train-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz." in message
    assert f"{folder / 'mnist.pkl.gz'} is a pickle" in message


def test_a_download_is_on_request_only_and_checked(folder, monkeypatch):
    requests = []

    def get_file(fname, origin, *, sha256, size_limit, cache_dir):
        requests.append((origin, sha256))
        np.savez(cache_dir / fname, **ARRAYS)

    monkeypatch.setattr(mnist, "get_file", get_file)
    check(mnist.load_data(download=True))
    check(mnist.load_data(download=True))
    assert len(requests) == 1
    assert requests[0][0].startswith("https://")
    assert len(requests[0][1]) == 64


def test_arrays_of_other_shapes(folder):
    np.savez(folder / "mnist.npz", **(ARRAYS | {"y_train": np.zeros(3)}))
    with pytest.raises(DataError, match=r"received the shapes \(4, 28, 28\) and \(3,\)"):
        mnist.load_data()


def test_the_true_test_images():
    if not SHARED.is_dir():
        pytest.skip("the original files of MNIST are not here")
    images = read_idx(SHARED / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(SHARED / "t10k-labels-idx1-ubyte.gz")
    assert images.shape == (10000, 28, 28)
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
