"""A training step of each reference model, loops included, as plain programs."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.reference_models import REFERENCE_MODELS
from tests.compiler.loops.build.plain_executor import both
from tests.reference_models.cut_sizes import CUT

NARROW = {"conv3d": {"channels": 1, "filters": 1}}
"""Sizes below those of CUT, as the evaluator takes an element at a time."""


@pytest.mark.parametrize("name", CUT)
def test_a_step_has_the_bits_of_the_interpreter(name: str) -> None:
    """Of the interpreter whose sums add one term after the other."""
    np.random.seed(3)
    step = REFERENCE_MODELS[name].build(**{**CUT[name], **NARROW.get(name, {})})
    outputs = step.function().graph()
    feeds = dict(zip(step.inputs, step.data(2), strict=True))
    pairs = both(outputs, feeds, call_step=5)
    assert len(pairs) > len(step.updates)
    for number, (ours, theirs) in enumerate(pairs):
        np.testing.assert_array_equal(ours, theirs, err_msg=f"output {number}")
