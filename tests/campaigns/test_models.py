"""The campaign over layer models finds what a file loses."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from graphc.models import load_model
from tests.campaigns import models
from tests.campaigns.campaign import Cases, Result

OPTIONS = argparse.Namespace(native=0)


def results(first: int, last: int) -> list[Result]:
    return list(models.run(Cases(0, first, last, OPTIONS)))


def test_a_weight_that_a_file_has_in_another_last_bit_is_found(monkeypatch: pytest.MonkeyPatch):
    def other(*arguments):
        model = load_model(*arguments)
        first, *others = model.get_weights()
        model.set_weights([np.nextafter(first, np.float32(np.inf)), *others])
        return model

    assert [result.fault for result in results(0, 3)] == [""] * 3
    monkeypatch.setattr(models, "load_model", other)
    assert all(result.fault for result in results(0, 3))


@pytest.mark.parametrize(
    ("other", "expected"),
    [([1.0, np.nan], np.inf), ([1.5, 2.0], 0.5), ([1.0, 2.0], 0.0), ([np.inf, 2.0], np.inf)],
)
def test_the_distance_of_arrays(other: list[float], expected: float):
    assert models._distance(np.array([1.0, 2.0]), np.array(other)) == expected
    assert models._distance(np.array(other), np.array([1.0, 2.0])) == expected
    assert models._distance(np.array(other), np.array(other)) == 0.0
