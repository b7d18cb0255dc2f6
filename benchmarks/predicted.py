"""The steps whose time is predicted: those of reference models, and square products."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function import Function, function
from graphc.reference_models import REFERENCE_MODELS

PREDICTIONS = Path(__file__).resolve().parent / "predictions"
COUNTS = PREDICTIONS / "counts"
"""The folder of counts of executed PTX, a file a step."""

SIZES = (512, 1024, 2048, 4096)
PRODUCTS = tuple(f"product-{size}" for size in SIZES)
"""Products of two float32 matrices of so many rows and columns."""

NAMES = (*REFERENCE_MODELS, *PRODUCTS)


@dataclass(frozen=True)
class Step:
    """One step: how many samples it has, how it is built, and what it is called with."""

    batch: int | None
    build: Callable[[], Function]
    data: Callable[[], Sequence[np.ndarray]]


def step_of(name: str) -> Step:
    """Return the step of one of `NAMES`."""
    if name in PRODUCTS:
        return _product(int(name.partition("-")[2]))
    reference = REFERENCE_MODELS[name]
    step = reference.build()
    return Step(reference.batch, step.function, lambda: step.data(reference.batch))


def _product(size: int) -> Step:
    left, right = (g.input((size, size), "float32", name=name) for name in ("left", "right"))

    def data() -> Sequence[np.ndarray]:
        random = np.random.default_rng(size)
        return [random.standard_normal((size, size), np.float32) for _ in range(2)]

    def build() -> Function:
        return function([left, right], g.matmul(left, right), name=f"product of {size}")

    return Step(None, build, data)


def digest(source: str) -> str:
    """Return what tells the text of one kernel from another's."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]
