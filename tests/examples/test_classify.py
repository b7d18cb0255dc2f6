"""examples/classify.py and images.py, cut down."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.examples.running import data, module, run


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_shipped_digits(tmp_path: Path, model: str) -> None:
    found = run("classify.py", tmp_path, "--model", model, name=f"classify_{model}")
    assert found.lines[0] == "data: shipped digits: 1438 images to train, 359 to test"
    assert found.results["test_accuracy"] > 0.85


def test_the_test_set_of_mnist(tmp_path: Path) -> None:
    found = run("classify.py", tmp_path, "--data", data("mnist"), name="classify_mlp")
    assert found.lines[0].endswith(": 8000 images to train, 2000 to test")
    assert found.results["test_accuracy"] > 0.9


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch):
    return module(monkeypatch, "images")


def options(images, *given: object):
    return images.parser(None).parse_args([str(one) for one in given])


def test_idx_files_are_read_and_divided(images, tmp_path: Path, capsys) -> None:
    pixels = np.zeros((10_000, 28, 28), "uint8")
    pixels[:, 2:4, 5:8] = np.random.RandomState(1).randint(0, 256, (10_000, 2, 3), "uint8")
    labels = np.arange(10_000).astype("uint8") % 10
    for name, array, axes in (("images", pixels, 3), ("labels", labels, 1)):
        head = bytes([0, 0, 8, axes]) + np.array(array.shape, ">u4").tobytes()
        file = tmp_path / f"t10k-{name}-idx{axes}-ubyte.gz"
        file.write_bytes(gzip.compress(head + array.tobytes(), 1))
    found = images.load(options(images, "--data", tmp_path))
    assert capsys.readouterr().out.startswith("data: MNIST's test set")
    np.testing.assert_allclose(found.x[7999], pixels[7999].ravel() / 255, rtol=1e-6)
    np.testing.assert_allclose(found.x_test[0], pixels[8000].ravel() / 255, rtol=1e-6)
    np.testing.assert_array_equal(np.concatenate([found.y, found.y_test]), labels)


def test_download_takes_all_of_mnist_that_is_there(images, tmp_path, monkeypatch) -> None:
    """Files that were fetched before are read from the folder of data sets."""
    monkeypatch.setenv("GRAPHC_DATASETS", str(tmp_path))
    made = {
        f"{kind}_{part}": np.full((2, 3, 3) if kind == "x" else 2, 255, "uint8")
        for kind in "xy"
        for part in ("train", "test")
    }
    np.savez(tmp_path / "mnist.npz", **made)
    found = images.load(options(images, "--download"))
    assert found.name == "all of MNIST"
    assert found.side == 3
    np.testing.assert_array_equal(found.x_test, np.ones((2, 9)))


def test_a_grid_of_images(images) -> None:
    """Five images of 2 x 2 pixels in rows of three: the last place of the last row is empty."""
    plot = Figure().subplots()
    images.plot_grid(plot, np.arange(1, 21).reshape(5, 4) / 20, 3, "five")
    shown = plot.images[0].get_array() * 20
    assert shown.shape == (6, 9)
    np.testing.assert_allclose(shown[:2, :5], [[1, 2, 0, 5, 6], [3, 4, 0, 7, 8]])
    np.testing.assert_allclose(shown[3:5, 3:], [[17, 18, 0, 0, 0, 0], [19, 20, 0, 0, 0, 0]])
