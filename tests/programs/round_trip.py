"""A program's model through files and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graphc.engine.training import Model
from graphc.models import load_model, model_from_json, model_from_yaml


def assert_comes_back(
    model: Model,
    x: Any,
    folder: Path,
    custom_objects: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """The model made again of JSON and weights, of YAML and weights, and of one file predicts the
    same bits; `kwargs` go to `predict`."""
    custom = dict(custom_objects or {})
    expected = _arrays(model.predict(x, **kwargs))
    model.save_weights(folder / "weights.h5", overwrite=True)
    model.save(folder / "whole.h5", overwrite=True)
    described = [
        model_from_json(model.to_json(), custom),
        model_from_yaml(model.to_yaml(), custom),
    ]
    for one in described:
        one.load_weights(folder / "weights.h5")
    # The last: it sets NumPy's generator to what it was at `save`.
    for one in (*described, load_model(folder / "whole.h5", custom)):
        for value, other in zip(_arrays(one.predict(x, **kwargs)), expected, strict=True):
            np.testing.assert_array_equal(value, other)


def _arrays(predicted: Any) -> list[np.ndarray]:
    if isinstance(predicted, dict):
        return list(predicted.values())
    return predicted if isinstance(predicted, list) else [predicted]
