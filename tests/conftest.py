"""Every test starts from the default flags and a fixed NumPy generator."""

from __future__ import annotations

import os

# Before NumPy is imported. Its threads wait for each other by spinning: where the cores are busy,
# the factorizations of a test take many times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest

from graphc.config import FLAGS, config

# Set before any test module is imported: a module may build graphs while it is collected, and
# neither GRAPHC_FLAGS nor ~/.graphcrc of whoever runs the tests may decide what they test.
for _flag in FLAGS:
    setattr(config, _flag.name, _flag.default)

# A time limit for one example would measure how busy the machine is; the examples are the same at
# every run so that a failure can be repeated.
hypothesis.settings.register_profile("graphc", deadline=None, derandomize=True)
hypothesis.settings.load_profile("graphc")


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    np.random.seed(1337)
    with config.changed():
        yield
