"""Whole models in files: architecture, weights, and the state of training, stored and restored."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.data.batches import SampleOrder
from graphc.engine.topology.container import Container
from graphc.engine.topology.holding import forms_of, with_held
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.weight_files import WeightFiles
from graphc.engine.topology.weights import set_values
from graphc.engine.training.compile_config import compile_config
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.run_state import (
    draws_of_run,
    kept_variables,
    optimizer_variables,
    step_counts,
    weights_of,
)
from graphc.engine.training.trainer import Trainer
from graphc.errors import ArgumentError
from graphc.files.conversions import Column, FileOrigin, Form, Gates
from graphc.files.text import to_text
from graphc.files.weights import LayerWeights, check_overwrite
from graphc.files.whole_models import (
    Generator,
    ModelFile,
    RunState,
    ShardPlan,
    StoredModel,
    write_model,
)
from graphc.optimizers import Optimizer
from graphc.paths import GivenPath

_log = logging.getLogger("graphc")


class Checkpoint:
    """Stores a model with the state of its training in a file, and restores them.

    Args:
        trainer: of the model.
        weights: reads and writes the weights of the model.
    """

    def __init__(self, trainer: Trainer, weights: WeightFiles) -> None:
        self._trainer, self._weights = trainer, weights
        self._model = trainer.model

    def save(self, filepath: GivenPath, overwrite: bool) -> None:
        """Write a file; see `Model.save`."""
        path = check_overwrite(filepath, overwrite, f"{self._model.name}.save")
        write_model(path, self.stored())

    def stored(self) -> StoredModel:
        """Return the contents of a file of the model, as it is now."""
        model, compiled = self._model, self._trainer.compiled
        config = None
        if compiled is not None:
            given = compile_config(
                compiled.optimizer, compiled.given, compiled.release, f"{model.name}.save"
            )
            config = to_text(given, "JSON")
        variables = optimizer_variables(model, compiled)
        return StoredModel(
            model.to_json(),
            config,
            self._weights.layers(lambda weight: weight.get_value()),
            (_names(variables), [one.get_value() for one in variables]),
            self._state(),
        )

    def _state(self) -> RunState:
        model, compiled, order = self._model, self._trainer.compiled, self._trainer.order
        if order is not None and not order.shuffle:
            order = None
        trained = None
        if compiled is not None and compiled.has_optimizer_state:
            indices = {weight: k for k, weight in enumerate(weights_of(model))}
            missing = [weight for weight in compiled.trained if weight not in indices]
            if missing:
                raise ArgumentError(
                    f"{model.name}.save: {g.label(missing[0])} is trained and in the weights of no "
                    "layer; add it to the layer's trainable_weights"
                )
            trained = np.array([indices[weight] for weight in compiled.trained], "int64")
        draws = self._trainer.draws
        return RunState(
            self._trainer.public_model.epochs_done,
            draws.call_step.value,
            draws.keys(draws_of_run(model, compiled)),
            np.array(
                [_layer_draws(one) for one in with_held(model._graphc_held_layers())], "int64"
            ).reshape(-1, 2),
            [one.get_value() for one in kept_variables(model)],
            trained,
            None if order is None else order.rows,
            "" if order is None else "batch" if order.shuffle == "batch" else "samples",
            _generator(model.name),
            K.floatx(),
            compiled.choice.native if compiled is not None else None,
            _training_plans(compiled),
        )

    def restore(self, file: ModelFile, given: FileOrigin) -> Generator | None:
        """Set the weights and the training state of a model that was made from a file's configs.

        `given` is what the caller tells about a file that Keras wrote. Returns the state of NumPy's
        generator, which is left as it is; None for such a file.
        """
        model, compiled = self._model, self._trainer.compiled
        arrays = file.weights(self._weights.layers(lambda weight: weight.shape), given)
        variables = [weight for one in model.stored_layers() for weight in one.weights]
        set_values(variables, [value for several in arrays for value in several], model.name)
        weights = weights_of(model)
        trained = file.trained(len(weights)) if file.has_state else None
        if compiled is not None and trained is not None:
            compiled.trained = [weights[k] for k in trained]
        if compiled is not None and file.has_optimizer:
            if file.orders_optimizer(given):
                self._restore_optimizer(compiled, file, given, trained is not None)
            else:
                _log.warning(
                    "%s: %s: Keras 1.1.1 on Theano wrote the optimizer's variables in the order of "
                    "names that Theano counted up, which the file does not have: they are not "
                    "read, and the optimizer begins anew; the weights are read",
                    model.name,
                    type(compiled.optimizer).__name__,
                )
        return self._restore_state(file) if file.has_state else None

    def _restore_optimizer(
        self, compiled: Compiled, file: ModelFile, given: FileOrigin, has_trained: bool
    ) -> None:
        model, name = self._model, type(compiled.optimizer).__name__
        if has_trained or not file.has_state:
            compiled.make_optimizer_state()
        wanted = optimizer_variables(model, compiled)
        if not file.has_state:  # Keras stored no more than these
            wanted = list(getattr(compiled.optimizer, "weights", wanted))
        if not (file.has_state or file.counts_steps) and step_counts(compiled):
            wanted = [one for one in wanted if one.shape != ()]
            _log.warning(
                "%s: %s: the file does not have the count of steps, which begins at 0",
                model.name,
                name,
            )
        forms = _forms(model, compiled, wanted)
        shapes = [one.shape for one in wanted]
        values = file.optimizer(LayerWeights(name, 0, _names(wanted), shapes, forms), given)
        set_values(wanted, values, f"{model.name}: {name}")
        if not file.has_state and isinstance(compiled.optimizer, Optimizer):
            compiled.optimizer.follow_weights()

    def _restore_state(self, file: ModelFile) -> Generator:
        model, compiled = self._model, self._trainer.compiled
        draws, layers = draws_of_run(model, compiled), with_held(model._graphc_held_layers())
        variables = kept_variables(model)
        shapes = [one.shape for one in variables]
        kept = LayerWeights(model.name, 0, _names(variables), shapes)
        state = file.state(len(draws), len(layers), kept)
        if state.floatx != K.floatx():
            _log.warning(
                "%s: the file was written with floatx %s, and now it is %s: the weights are "
                "converted; call K.set_floatx(%r) before loading to go on with the same bits",
                *(model.name, state.floatx, K.floatx(), state.floatx),
            )
        set_values(variables, state.variables, model.name)
        self._trainer.draws.replace(draws, state.draws)
        for layer, (seed, streams) in zip(layers, state.layer_draws.tolist(), strict=True):
            layer._graphc.streams = streams
            if seed >= 0:
                layer._graphc.seed = seed
        self._trainer.draws.call_step.value = state.call_step
        self._trainer.public_model.epochs_done = state.epochs_done
        if compiled is not None:
            compiled.choice.native = state.native
            compiled.plans = {
                ("train", nbytes, shapes): shards for nbytes, shapes, shards in state.plans
            }
        if state.order is not None:
            shuffle = "batch" if state.shuffle == "batch" else True
            self._trainer.order = SampleOrder(shuffle, state.order)
        return state.generator


def _training_plans(compiled: Compiled | None) -> list[ShardPlan]:
    if compiled is None:
        return []
    plans = compiled.plans.items()
    return [(*key[1:], shards) for key, shards in plans if key[0] == "train"]


@contextmanager
def generator_unchanged() -> Iterator[None]:
    """Restore the state of NumPy's global generator after the block."""
    before = np.random.get_state(legacy=False)
    try:
        yield
    finally:
        np.random.set_state(before)


def set_generator(state: Generator, owner: str) -> None:
    """Set the state of NumPy's global generator. ArgumentError if that is not a Mersenne
    Twister."""
    _check_generator(owner, "restore_generator=False leaves the present one alone")
    key = state.key, state.position, state.has_gauss, state.cached_gaussian
    np.random.set_state(("MT19937", *key))


def _generator(owner: str) -> Generator:
    found = _check_generator(f"{owner}.save", "files have the state of no other kind")
    inner = found["state"]
    return Generator(inner["key"], inner["pos"], found["has_gauss"], found["gauss"])


def _check_generator(owner: str, why: str) -> dict[str, Any]:
    found = np.random.get_state(legacy=False)
    if found["bit_generator"] != "MT19937":
        raise ArgumentError(
            f"{owner}: expected NumPy's global generator to be a Mersenne Twister (MT19937), found "
            f"{found['bit_generator']}: {why}; call "
            "np.random.set_bit_generator(np.random.MT19937(seed))"
        )
    return found


def _forms(model: Container, compiled: Compiled, variables: Sequence[g.Node]) -> dict[int, Form]:
    """Return the forms of the optimizer's variables by their positions: each has that of the weight
    that it belongs to."""
    forms, weights = {**forms_of(model), **_columns(model)}, compiled.trained
    others = [k for k, variable in enumerate(variables) if variable.shape != ()]
    if not forms or not weights or len(others) % len(weights):
        return {}
    pairs = zip(others, itertools.cycle(weights))
    return {
        k: forms[weight]
        for k, weight in pairs
        if weight in forms and variables[k].shape == weight.shape
    }


def _columns(model: Container) -> dict[g.Node, Form]:
    """Return the `Column` of each weight of a layer with gates."""
    found: dict[g.Node, Form] = {}
    for layer in with_held(model._graphc_held_layers()):
        for first, form in layer._graphc_stored_forms().items():
            if isinstance(form, Gates):
                own = layer.weights[layer.weights.index(first) :]
                for k, index in enumerate(form.columns):
                    column = Column(index, len(form.columns))
                    found |= dict.fromkeys(own[3 * k : 3 * k + 3], column)
    return found


def _layer_draws(layer: Layer) -> tuple[int, int]:
    record = layer._graphc
    return -1 if record.seed is None else record.seed, record.streams


def _names(variables: Sequence[g.Node]) -> list[str]:
    return [g.name_of(one) or f"variable_{k}" for k, one in enumerate(variables)]
