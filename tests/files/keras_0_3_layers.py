"""Layers and nodes as Keras 0.3 described them, and models of them with a file of weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphc.lookup import NO_OBJECTS
from graphc.models import Model, model_from_json
from tests.files.old_writers import write_keras_0_3

RNG = np.random.default_rng(23)


def numbers(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def layer(class_name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": class_name, "custom_name": class_name.lower(), "cache_enabled": True,
            "trainable": True, **arguments}  # fmt: skip


def dense(units: int, activation: str = "linear", **arguments: Any) -> dict[str, Any]:
    return layer(
        "Dense", output_dim=units, init="glorot_uniform", activation=activation, input_dim=None,
        W_regularizer=None, b_regularizer=None, activity_regularizer=None, W_constraint=None,
        b_constraint=None, **arguments,
    )  # fmt: skip


def node(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "input": None, "inputs": [], "merge_mode": "concat", "concat_axis": -1,
            "dot_axes": -1, **arguments}  # fmt: skip


def loaded(
    tmp_path: Path,
    description: dict[str, Any],
    groups: Sequence[Sequence[np.ndarray]],
    graph: bool = False,
    custom_objects: Mapping[str, Any] = NO_OBJECTS,
) -> Model:
    """The model of a description, with the weights of a file of 0.3."""
    write_keras_0_3(tmp_path / "w.h5", groups, graph)
    model = model_from_json(json.dumps(description), custom_objects)
    model.load_weights(tmp_path / "w.h5")
    return model


def check(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
