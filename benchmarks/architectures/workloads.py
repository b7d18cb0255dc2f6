"""The architectures: what goes into each network, and the loss that trains it.

`graphc_side` and `torch_side` build the networks, under the same names. Inputs are noise, or random
words, and targets are random numbers: a step's time does not depend on what there is to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Architecture:
    """A network by its name; `shape` is that of its input, the batch first and channels second.

    The input has words below `words`, or real numbers where that is 0.
    """

    name: str
    shape: tuple[int, ...]
    words: int
    loss: str

    def inputs(self, seed: int = 0) -> np.ndarray:
        """Return an input of `shape`: int32 words, or normally distributed float32."""
        rng = np.random.default_rng(seed)
        if self.words:
            return rng.integers(0, self.words, self.shape, dtype=np.int32)
        return rng.standard_normal(self.shape, dtype=np.float32)

    def targets(self, shape: Sequence[int], seed: int = 1) -> np.ndarray:
        """Return targets for an output of one sample of `shape`: (batch, *shape), float32,
        uniform between 0 and 1."""
        return np.random.default_rng(seed).random((self.shape[0], *shape), dtype=np.float32)


WORK = ("training", "prediction", "one")
"""The calls that are timed: a step of training, the prediction of a batch, or that of its first
sample."""


class Prepared(NamedTuple):
    """A network that is ready, on one side."""

    call: Callable[[], object]
    """Trains on the batch once, or predicts."""
    output_shape: tuple[int, ...]
    """That of one sample."""
    parameters: int
    """Numbers that the optimizer changes."""


CROSSENTROPY = "binary_crossentropy"

ARCHITECTURES = (
    Architecture("lenet", (128, 1, 28, 28), 0, "mse"),
    Architecture("unet", (16, 1, 32, 32), 0, CROSSENTROPY),
    Architecture("inception", (128, 8, 28, 28), 0, "mse"),
    Architecture("inception-pooling-branch", (32, 16, 28, 28), 0, "mse"),
    Architecture("cnn", (32, 3, 16, 16), 0, "mse"),
    Architecture("cnn-batch-normalization", (64, 3, 32, 32), 0, "mse"),
    Architecture("vgg", (32, 3, 32, 32), 0, "mse"),
    Architecture("resnet", (32, 3, 32, 32), 0, "mse"),
    Architecture("densenet", (32, 3, 32, 32), 0, "mse"),
    Architecture("squeezenet", (32, 3, 64, 64), 0, "mse"),
    Architecture("mobilenet", (32, 3, 64, 64), 0, "mse"),
    Architecture("fcn", (16, 3, 32, 32), 0, CROSSENTROPY),
    Architecture("convolutional-autoencoder", (128, 1, 28, 28), 0, CROSSENTROPY),
    Architecture("dcgan-generator", (64, 100), 0, "mse"),
    Architecture("dcgan-discriminator", (64, 1, 28, 28), 0, CROSSENTROPY),
    Architecture("conv3d-averages", (4, 3, 20, 20, 20), 0, "mse"),
    Architecture("conv3d-overlapping-maxima", (8, 3, 16, 16, 16), 0, "mse"),
    Architecture("text-cnn", (50, 56), 5_000, CROSSENTROPY),
    Architecture("embedding-averages", (128, 200), 5_000, "mse"),
    Architecture("char-rnn", (128, 40, 60), 0, "mse"),
    Architecture("hierarchical-rnn", (32, 28, 28, 1), 0, "mse"),
    Architecture("addition-rnn", (128, 7, 12), 0, "mse"),
    Architecture("autoencoder", (256, 784), 0, CROSSENTROPY),
    Architecture("vae", (128, 784), 0, CROSSENTROPY),
    Architecture("siamese-base", (128, 784), 0, "mse"),
    Architecture("wide-mlp", (128, 200), 0, "mse"),
)

BY_NAME = {architecture.name: architecture for architecture in ARCHITECTURES}
