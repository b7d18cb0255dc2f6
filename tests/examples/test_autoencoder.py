"""examples/autoencoder.py, cut down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.examples.running import data, module, run


def test_shipped_digits_and_the_same_again(tmp_path: Path) -> None:
    found = [run("autoencoder.py", tmp_path, "--seed", 3) for _ in range(2)]
    assert found[0].lines[0].startswith("data: shipped digits")
    assert found[0].results["test_loss"] < 0.8 * found[0].results["first_test_loss"]
    assert found[0].picture == found[1].picture
    first, again = ({**one.results, "seconds": None} for one in found)
    assert first == again


def test_mnist(tmp_path: Path) -> None:
    found = run("autoencoder.py", tmp_path, "--data", data("mnist"))
    assert found.lines[0].startswith("data: MNIST's test set")
    assert (
        found.results["test_loss"] < 200
    )  # of 784 pixels, each ln 2 = 0.69 where nothing is known


@pytest.fixture
def autoencoder(monkeypatch: pytest.MonkeyPatch):
    return module(monkeypatch, "autoencoder")


def test_the_loss_is_that_of_the_paper(autoencoder) -> None:
    """With a variance of exp(-40) there is no noise to speak of, so all of it can be computed."""
    model, encoder, decoder = autoencoder.build(pixels=6, hidden=5)
    layer = model.get_layer("log_variance")
    kernel, bias = layer.get_weights()
    layer.set_weights([0 * kernel, np.full_like(bias, -40)])
    x = np.random.RandomState(1).uniform(size=(4, 6)).astype("float32")
    mean = encoder.predict(x).astype("float64")
    p = decoder.predict(mean.astype("float32")).astype("float64")
    np.testing.assert_allclose(model.predict(x), p, rtol=1e-5)
    pixels = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)
    # KL(N(mean, s^2) || N(0, 1)), eq. 10 of the paper in two dimensions
    divergence = -0.5 * (1 - 40 - mean**2 - np.exp(-40)).sum(axis=1)
    wanted = (pixels + divergence).mean()
    assert model.evaluate(x, x, verbose=0) == pytest.approx(wanted, rel=1e-5)


def test_noise_has_the_width_that_the_encoder_gives(autoencoder) -> None:
    mean, log_variance = autoencoder.Input(shape=(2,)), autoencoder.Input(shape=(2,))
    point = autoencoder.Lambda(autoencoder.sample)([mean, log_variance])
    drawn = autoencoder.Model([mean, log_variance], point).predict(
        [np.full((20_000, 2), 3.0), np.full((20_000, 2), np.log(4.0))], batch_size=20_000
    )
    np.testing.assert_allclose(drawn.mean(axis=0), 3, atol=0.06)  # four standard errors
    np.testing.assert_allclose(drawn.std(axis=0), 2, atol=0.04)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.03
