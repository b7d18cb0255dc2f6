"""The functions of a model, as they are made of its graph: for training, testing, predicting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function import (
    ALWAYS,
    Function,
    Pending,
    ShardedFunction,
    function,
    sharded_function,
)
from graphc.compiler.runtime.gpu.between_gpus import sums_transport
from graphc.engine.ranks.alike import make_alike
from graphc.engine.topology.container import Container
from graphc.engine.training.draws import Draws
from graphc.lookup import true_or_false
from graphc.parallel.joining import join
from graphc.parallel.transport import Transport

MadeFunction = Function | ShardedFunction

STEPS_OF_A_LOOP = 8
"""A training of one epoch and so few steps is taken for one of many in a loop of the program's."""


def make_function(
    model: Container,
    purpose: str,
    inputs: Sequence[g.Node],
    outputs: Sequence[g.Node],
    updates: Sequence[tuple[g.Node, g.Node]],
    draws: Draws,
    mode: str | None,
    calls: float | None,
    shards: int,
    training: bool | None = None,
    ranks: Transport[np.ndarray] | None = None,
    spread: Sequence[g.Node] = (),
) -> MadeFunction:
    """A function of a model for 'train', 'test' or 'predict', which decides the learning phase
    unless `training` does, and takes its batch in so many shards, of which each rank computes
    some; `ranks` are those that train together, by default. Of the variables of `spread` each rank
    keeps only what it updates."""
    training = purpose == "train" if training is None else training
    arguments: dict[str, Any] = {
        "updates": updates,
        "givens": [(g.learning_phase(), training), *draws.replaced.items()],
        "mode": mode,
        "name": f"{model.name}.{purpose}",
        "on_unused_input": "ignore",  # a user's objective may not need the targets
        "call_step": draws.call_step,
        "calls": calls,
    }
    if ranks is None:
        ranks = join(arguments["name"], writes=purpose == "train")
    if shards == ranks.size == 1:
        return function(inputs, outputs, **arguments)
    if purpose != "train":  # which begins with all of its state alike
        weights = [weight for layer in model.stored_layers() for weight in layer.weights]
        make_alike(ranks, list(dict.fromkeys(weights)), arguments["name"])
    arguments |= {"shards": shards, "ranks": sums_transport(ranks), "spread": spread}
    return sharded_function(inputs, outputs, **arguments)


def prediction_step(
    where: str, made: MadeFunction, on_first_rank_only: object
) -> Callable[..., Pending]:
    """Return what begins a step of predicting, whose values the first rank alone may have."""
    if true_or_false(where, "on_first_rank_only", on_first_rank_only) and isinstance(
        made, ShardedFunction
    ):
        return made.start_for_first
    return made.start


@dataclass
class Choice:
    """The choice of ``cpu=auto`` to compile a model's functions though they are small.

    It is made before the first step of a training, by the number of all its steps, and kept with
    the model and in its file: native code and the interpreter differ in the last bits, and training
    that goes on from a file gives the bits of training that was not interrupted. A first training
    of one epoch and at most `STEPS_OF_A_LOOP` steps does not say how many will follow, as
    `train_on_batch` does not: reinforcement learning calls ``fit(x, y, nb_epoch=1)`` thousands of
    times. Such a model is compiled.

    Attributes:
        native: True or False; None before it is made, where what is small is interpreted.
    """

    native: bool | None = None

    @property
    def calls(self) -> float | None:
        """The number of calls that functions are made for."""
        return ALWAYS if self.native else None

    def fits(self, made: MadeFunction | None) -> bool:
        """Return True where a function is made, and not interpreted for lack of a choice."""
        if made is None:
            return False
        return not self.native or made.calls is not None or made.target() is not None
