"""The state of a model in the middle of its training: stored in a file, and restored."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.topology.holding import forms_of, with_held
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.weights import set_values
from graphc.engine.training.compile_config import compile_config
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.loops import SampleOrder
from graphc.errors import ArgumentError
from graphc.files.conversions import Column, FileOrigin, Form, Gates
from graphc.files.text import to_text
from graphc.files.weights import LayerWeights
from graphc.files.whole_models import Generator, ModelFile, RunState, ShardPlan, StoredModel
from graphc.optimizers import Optimizer

if TYPE_CHECKING:
    from graphc.engine.training.model import Model

_log = logging.getLogger("graphc")


def stored_model(model: Model) -> StoredModel:
    """Return the contents of a file of a model, as it is now."""
    compiled = model._compiled
    config = None
    if compiled is not None:
        given = compile_config(
            compiled.optimizer, compiled.given, compiled.release, f"{model.name}.save"
        )
        config = to_text(given, "JSON")
    variables = _optimizer_variables(model, compiled)
    return StoredModel(
        model.to_json(),
        config,
        model._stored(lambda weight: weight.get_value()),
        (_names(variables), [one.get_value() for one in variables]),
        _state(model, compiled),
    )


def variables_of_run(model: Model, compiled: Compiled) -> list[g.Node]:
    """All variables of a training run: weights, the optimizer's, and what layers keep."""
    optimizers = _optimizer_variables(model, compiled)
    return list(dict.fromkeys([*_weights(model), *optimizers, *_kept_variables(model)]))


def keys_of_draws(model: Model, compiled: Compiled | None) -> np.ndarray:
    """Seed and stream of each random draw of the graph, (n, 2) uint32."""
    found = [_key(model, node) for node in _draws(model, compiled)]
    return np.array(found, "u4").reshape(-1, 2)


def put_keys_of_draws(model: Model, compiled: Compiled | None, keys: np.ndarray) -> bool:
    """Give the random draws of the graph their keys; return True where one had another."""
    draws = _draws(model, compiled)
    before = [_key(model, node) for node in draws]
    model.kept_draws = {
        node: g.random.with_key(node, int(seed), int(stream))
        for node, (seed, stream) in zip(draws, keys, strict=True)
    }
    return before != [_key(model, node) for node in draws]


def _state(model: Model, compiled: Compiled | None) -> RunState:
    order = model._order if model._order is not None and model._order.shuffle else None
    trained = None
    if compiled is not None and compiled.has_optimizer_state:
        places = {weight: k for k, weight in enumerate(_weights(model))}
        missing = [weight for weight in compiled.trained if weight not in places]
        if missing:
            raise ArgumentError(
                f"{model.name}.save: {g.label(missing[0])} is trained and in the weights of no "
                "layer; add it to the layer's trainable_weights"
            )
        trained = np.array([places[weight] for weight in compiled.trained], "int64")
    return RunState(
        model.epochs_done,
        model._call_step.value,
        keys_of_draws(model, compiled),
        np.array(
            [_layer_draws(one) for one in with_held(model._graphc_held_layers())], "int64"
        ).reshape(-1, 2),
        [one.get_value() for one in _kept_variables(model)],
        trained,
        None if order is None else order.rows,
        "" if order is None else "batch" if order.shuffle == "batch" else "samples",
        _generator(model.name),
        K.floatx(),
        compiled.choice.native if compiled is not None else None,
        _training_plans(compiled),
    )


def _training_plans(compiled: Compiled | None) -> list[ShardPlan]:
    if compiled is None:
        return []
    plans = compiled.plans.items()
    return [(*key[1:], shards) for key, shards in plans if key[0] == "train"]


def put_back(model: Model, file: ModelFile, given: FileOrigin) -> Generator | None:
    """Give a model that was made from a file's configs its weights and the state of its training.

    `given` is what the caller tells about a file that Keras wrote. Returns the state of NumPy's
    generator, which is left as it is; None for such a file.
    """
    compiled = model._compiled
    arrays = file.weights(model._stored(lambda weight: weight.shape), given)
    variables = [weight for one in model.stored_layers() for weight in one.weights]
    set_values(variables, [value for several in arrays for value in several], model.name)
    weights = _weights(model)
    trained = file.trained(len(weights)) if file.has_state else None
    if compiled is not None and trained is not None:
        compiled.trained = [weights[k] for k in trained]
    if compiled is not None and file.has_optimizer and not file.orders_optimizer(given):
        _log.warning(
            "%s: %s: Keras 1.1.1 on Theano wrote the optimizer's variables in the order of names "
            "that Theano counted up, which the file does not have: they are not read, and the "
            "optimizer begins anew; the weights are read",
            model.name,
            type(compiled.optimizer).__name__,
        )
    elif compiled is not None and file.has_optimizer:
        if trained is not None or not file.has_state:
            compiled.make_optimizer_state()
        wanted = _optimizer_variables(model, compiled)
        name = type(compiled.optimizer).__name__
        if not file.has_state:  # Keras stored no more than these
            wanted = list(getattr(compiled.optimizer, "weights", wanted))
        if not (file.has_state or file.counts_steps) and _counts(compiled):
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
    if not file.has_state:
        return None
    return _put_state(model, compiled, file)


def _put_state(model: Model, compiled: Compiled | None, file: ModelFile) -> Generator:
    draws, layers = _draws(model, compiled), with_held(model._graphc_held_layers())
    variables = _kept_variables(model)
    shapes = [one.shape for one in variables]
    kept = LayerWeights(model.name, 0, _names(variables), shapes)
    state = file.state(len(draws), len(layers), kept)
    if state.floatx != K.floatx():
        _log.warning(
            "%s: the file was written with floatx %s, and now it is %s: the weights are converted; "
            "call K.set_floatx(%r) before loading to go on with the same bits",
            *(model.name, state.floatx, K.floatx(), state.floatx),
        )
    set_values(variables, state.variables, model.name)
    put_keys_of_draws(model, compiled, state.draws)
    for layer, (seed, streams) in zip(layers, state.layer_draws.tolist(), strict=True):
        layer._graphc.streams = streams
        if seed >= 0:
            layer._graphc.seed = seed
    model._call_step.value = state.call_step
    model.epochs_done = state.epochs_done
    if compiled is not None:
        compiled.choice.native = state.native
        compiled.plans = {
            ("train", nbytes, shapes): shards for nbytes, shapes, shards in state.plans
        }
    if state.order is not None:
        model._order = SampleOrder("batch" if state.shuffle == "batch" else True, state.order)
    return state.generator


@contextmanager
def generator_unchanged() -> Iterator[None]:
    """NumPy's global generator is behind the block what it was before it."""
    before = np.random.get_state(legacy=False)
    try:
        yield
    finally:
        np.random.set_state(before)


def set_generator(state: Generator, owner: str) -> None:
    """Set NumPy's global generator. ArgumentError where it is of another kind than in files."""
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


def _weights(model: Model) -> list[g.Node]:
    """All weights, each once, in the order of files."""
    found = (weight for layer in model.stored_layers() for weight in layer.weights)
    return list(dict.fromkeys(found))


def _kept_variables(model: Model) -> list[g.Node]:
    """Return the variables that layers update beside weights."""
    weights = set(_weights(model))
    return [variable for variable, _ in model.updates if variable not in weights]


def _optimizer_variables(model: Model, compiled: Compiled | None) -> list[g.Node]:
    """The optimizer's count of steps, then its other variables, in the order of later releases of
    Keras 1: those of its `weights` are the last."""
    if compiled is None:
        return []
    counts = _counts(compiled)
    if not compiled.has_optimizer_state:
        return counts
    others = {*_weights(model), *(variable for variable, _ in model.updates)}
    own = [variable for variable, _ in compiled.updates if variable not in others]
    last = list(getattr(compiled.optimizer, "weights", ()))
    first = [variable for variable in own if variable not in set(last)]
    return list(dict.fromkeys([*counts, *first, *last]))


def _counts(compiled: Compiled) -> list[g.Node]:
    """The optimizer's count of steps, if it counts them; some do only where their rate decays."""
    optimizer = compiled.optimizer
    count = getattr(optimizer, "iterations", None)
    if not isinstance(count, g.Node):
        return []
    if not compiled.has_optimizer_state:
        return [count]
    counted = {variable for variable, _ in compiled.updates}
    counted.update(getattr(optimizer, "weights", ()))
    return [count] if count in counted else []


def _forms(model: Model, compiled: Compiled, variables: Sequence[g.Node]) -> dict[int, Form]:
    """The forms of the optimizer's variables by their positions: those of the weights, for each of
    which it has one or several."""
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


def _columns(model: Model) -> dict[g.Node, Form]:
    """`Column` of each weight of a layer with gates."""
    found: dict[g.Node, Form] = {}
    for layer in with_held(model._graphc_held_layers()):
        for first, form in layer._graphc_stored_forms().items():
            if isinstance(form, Gates):
                own = layer.weights[layer.weights.index(first) :]
                for k, place in enumerate(form.columns):
                    column = Column(place, len(form.columns))
                    found |= dict.fromkeys(own[3 * k : 3 * k + 3], column)
    return found


def _draws(model: Model, compiled: Compiled | None) -> list[g.Node]:
    """The random draws of a model in the order of its graph."""
    roots = [*model.outputs, *(value for _, value in model.updates)]
    if compiled is not None:
        roots += compiled.outputs
        if compiled.has_optimizer_state:
            roots += [value for _, value in compiled.updates]
    found = [node for node in g.toposort(roots) if node.op == "random"]
    if sum(node.op == "random" for node in g.every_node(roots)) > len(found):
        _log.warning(
            "%s: a loop draws random numbers at each of its steps, whose keys files do not have; "
            "give these draws a seed for the same numbers in another process",
            model.name,
        )
    return found


def _key(model: Model, node: g.Node) -> tuple[int, int]:
    attrs = model.kept_draws.get(node, node).attrs
    return attrs["seed"], attrs["stream"]


def _layer_draws(layer: Layer) -> tuple[int, int]:
    record = layer._graphc
    return -1 if record.seed is None else record.seed, record.streams


def _names(variables: Sequence[g.Node]) -> list[str]:
    return [g.name_of(one) or f"variable_{k}" for k, one in enumerate(variables)]
