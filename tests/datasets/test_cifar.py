import pickle

import numpy as np
import pytest

from graphc.config import config
from graphc.datasets import cifar, cifar10, cifar100
from graphc.errors import ArgumentError, DataError, MissingFileError, UnknownNameError

RNG = np.random.RandomState(1)
TRAINING = [f"data_batch_{number}.bin" for number in range(1, 6)]


def records(labels: list[list[int]]) -> tuple[bytes, np.ndarray]:
    images = RNG.randint(0, 256, (len(labels), 3, 32, 32)).astype("uint8")
    pairs = zip(labels, images, strict=True)
    return b"".join(bytes(label) + image.tobytes() for label, image in pairs), images


def write_cifar10(folder):
    folder = folder / "cifar-10-batches-bin"
    folder.mkdir()
    images = {}
    for place, name in enumerate([*TRAINING, "test_batch.bin"]):
        content, images[name] = records([[place], [9 - place]])
        (folder / name).write_bytes(content)
    return images


@pytest.mark.flags(keras="1.0")
def test_cifar10(folder):
    images = write_cifar10(folder)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    np.testing.assert_array_equal(x_train, np.concatenate([images[name] for name in TRAINING]))
    np.testing.assert_array_equal(x_test, images["test_batch.bin"])
    assert y_train.tolist() == [[k] for k in (0, 9, 1, 8, 2, 7, 3, 6, 4, 5)]
    assert y_test.tolist() == [[5], [4]]
    assert {one.dtype for one in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}


@pytest.mark.parametrize(("release", "axes"), [("1.0", (0, 1, 2, 3)), ("1.2", (0, 2, 3, 1))])
def test_images_have_the_ordering_of_now(folder, release, axes):
    images = write_cifar10(folder)
    with config.changed(keras=release):
        _, (x_test, _) = cifar10.load_data()
    np.testing.assert_array_equal(x_test, images["test_batch.bin"].transpose(axes))
    assert x_test.flags.c_contiguous


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(("mode", "train", "test"), [("fine", 99, 7), ("coarse", 19, 3)])
def test_cifar100(folder, mode, train, test):
    (folder / "cifar-100-binary").mkdir()
    for name, labels in (("train.bin", [19, 99]), ("test.bin", [3, 7])):
        content, images = records([labels])
        (folder / "cifar-100-binary" / name).write_bytes(content)
    (_, y_train), (x_test, y_test) = cifar100.load_data(mode)
    assert y_train.tolist() == [[train]]
    assert y_test.tolist() == [[test]]
    np.testing.assert_array_equal(x_test, images)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "labels"),
        (records([[1]])[0][:-1], "labels"),
        (records([[10]])[0], "labels"),
        (records([[1]])[0], "fine_labels"),
        (records([[1, 100]])[0], "fine_labels"),
        (records([[20, 1]])[0], "coarse_labels"),
        (pickle.dumps({"data": [], "labels": []}), "labels"),
    ],
)
def test_other_files_are_refused(tmp_path, content, key):
    (tmp_path / "a").write_bytes(content)
    message = f"is not a file of CIFAR's binary version with '{key}'.*received {len(content)} bytes"
    with pytest.raises(DataError, match=message):
        cifar.load_batch(tmp_path / "a", key)


def test_bad_options(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown label_key 'label'. Did you mean 'labels'"):
        cifar.load_batch(tmp_path, "label")
    with pytest.raises(ArgumentError, match="label_mode is 'fine' or 'coarse', received 'all'"):
        cifar100.load_data("all")


def test_what_is_missing(folder):
    with pytest.raises(MissingFileError, match="cifar10: there is no file .*download=True.*https:"):
        cifar10.load_data()
    write_cifar10(folder)
    (folder / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    (folder / "cifar-10-batches-py").mkdir()
    with pytest.raises(MissingFileError, match=r"data_batch_3.bin. .*batches-py is a pickle"):
        cifar10.load_data(download=True)
    with pytest.raises(MissingFileError, match="cifar100: there is no file .*train.bin"):
        cifar100.load_data()


def test_a_download_is_on_request_only_and_checked(folder, monkeypatch):
    requests = []

    def get_file(fname, origin, *, untar, md5_hash, size_limit):
        requests.append((fname, origin, untar, md5_hash))
        write_cifar10(folder)

    monkeypatch.setattr(cifar, "get_file", get_file)
    for _ in range(2):
        cifar10.load_data(download=True)
    ((fname, origin, untar, md5),) = requests
    assert fname == "cifar-10-batches-bin"
    assert origin.startswith("https://")
    assert untar
    assert len(md5) == 32
