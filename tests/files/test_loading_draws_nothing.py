"""The weights of a model from a file are not drawn first: loading is fast whatever their size."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.models import load_model, model_from_config
from tests.files.described_models import of_each_layer


@pytest.fixture
def models(tmp_path):
    """Files of a model of each layer, with weights that no initialization gives."""
    found = []
    for k, description in enumerate(of_each_layer()):
        model = model_from_config(description)
        values = np.random.default_rng(k)
        weights = [values.uniform(0.5, 1, one.shape) for one in model.get_weights()]
        model.set_weights([one.astype("float32") for one in weights])
        path = tmp_path / f"{k}.h5"
        model.save(path)
        found.append((path, model))
    return found


def refused(*args: object, **kwargs: object) -> None:
    raise AssertionError("numbers were drawn")


def test_every_layer(models, monkeypatch):
    for name in ("uniform", "normal"):
        monkeypatch.setattr(np.random, name, refused)
    assert sum(len(model.get_weights()) > 0 for _, model in models) > 40
    for path, model in models:
        loaded = load_model(path)
        for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(AssertionError, match="numbers were drawn"):
        model_from_config({"class_name": "Sequential", "config": [
            {"class_name": "Dense", "config": {"output_dim": 2, "batch_input_shape": [None, 3]}},
        ]})  # fmt: skip
