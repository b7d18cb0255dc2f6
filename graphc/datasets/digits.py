"""Handwritten digits: 1,797 grey images of 8 by 8 pixels, shipped with the package.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0 (digits.LICENSE,
beside this file). These are the images of its test file, as scikit-learn carries them. Each pixel
counts the dark dots (0 to 16) of a 4 by 4 block of the 32 by 32 scan.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphc.errors import ArgumentError

_FILE = Path(__file__).with_name("digits.npz")
_DARKEST = 16

Images = NDArray[np.float32]
Labels = NDArray[np.int32]


def load_data(
    test_fraction: float = 0.2, seed: int = 1998
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """``(X_train, y_train), (X_test, y_test)``: images and the digits they show.

    Images are float32 of shape (n, 64), rows of pixels one after another, from 0 (white) to 1;
    labels are int32 of shape (n,), from 0 to 9. The images are shuffled once, by a permutation that
    depends on `seed` alone, and the last `test_fraction` of them is held out: with the defaults
    1,438 to train and 359 to test. NumPy's global generator is neither read nor moved.

    Raises `ArgumentError` if `test_fraction` leaves one of the two parts empty.
    """
    with np.load(_FILE) as stored:
        images, labels = stored["images"], stored["labels"]
    count = len(images)
    if not 1 <= (held_out := round(count * test_fraction)) < count:
        raise ArgumentError(
            f"digits.load_data: expected a test_fraction that leaves at least one of {count} "
            f"images in each part, received {test_fraction!r}; 0.2 holds out a fifth."
        )
    # RandomState's stream is frozen (NEP 19), so the split is the same under every NumPy.
    order = np.random.RandomState(seed).permutation(count)
    inputs = (images[order].reshape(count, -1) / np.float32(_DARKEST)).astype(np.float32)
    targets = labels[order].astype(np.int32)
    first_test = count - held_out
    return (inputs[:first_test], targets[:first_test]), (inputs[first_test:], targets[first_test:])
