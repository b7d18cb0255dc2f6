"""Compilation of a model's functions: for training, testing and predicting."""

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
from graphc.engine.ranks.broadcasting import broadcast_variables
from graphc.engine.topology.container import Container
from graphc.engine.training.draws import Draws
from graphc.lookup import true_or_false
from graphc.parallel.joining import join
from graphc.parallel.transport import Transport

MadeFunction = Function | ShardedFunction

STEPS_OF_A_LOOP = 8
"""The number of steps up to which a training of one epoch counts as one of many, called in a loop
of the user's."""


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
    """Compile a function of a model.

    Args:
        purpose: 'train', 'test' or 'predict'.
        shards: the number of shards in which the function computes a batch; each rank computes some
            of them.
        training: the learning phase; by default the `purpose` decides it.
        ranks: the ranks that compute together, by default those that the flag `ranks` names.
        spread: variables of which each rank keeps only the part that it updates.
    """
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
    if purpose != "train":  # `synchronise` broadcasts the whole state of a training
        weights = [weight for layer in model.stored_layers() for weight in layer.weights]
        broadcast_variables(ranks, list(dict.fromkeys(weights)), arguments["name"])
    arguments |= {"shards": shards, "ranks": sums_transport(ranks), "spread": spread}
    return sharded_function(inputs, outputs, **arguments)


def prediction_step(
    where: str, made: MadeFunction, on_first_rank_only: object
) -> Callable[..., Pending]:
    """Return the function that starts a prediction step, for all ranks or the first alone."""
    if true_or_false(where, "on_first_rank_only", on_first_rank_only) and isinstance(
        made, ShardedFunction
    ):
        return made.start_for_first
    return made.start


@dataclass
class Choice:
    """The decision of ``cpu=auto`` whether to compile a model's functions although they are small.

    It is made before the first step of a training, by the number of all its steps, and kept with
    the model and in its file: native code and the interpreter differ in the last bits, and training
    that goes on from a file gives the bits of training that was not interrupted. A first training
    of one epoch and at most `STEPS_OF_A_LOOP` steps does not say how many will follow, as
    `train_on_batch` does not: reinforcement learning calls ``fit(x, y, nb_epoch=1)`` thousands of
    times. Such a model is compiled.

    Attributes:
        native: True or False; None before the choice is made: small functions are interpreted then.
    """

    native: bool | None = None

    @property
    def calls(self) -> float | None:
        """The expected number of calls of the functions; None if it is unknown."""
        return ALWAYS if self.native else None

    def fits(self, made: MadeFunction | None) -> bool:
        """Return True if a function was made, and this decision would make the same."""
        if made is None:
            return False
        return not self.native or made.calls is not None or made.target() is not None
