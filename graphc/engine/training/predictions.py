"""The functions that predict with a model."""

from __future__ import annotations

from typing import cast

import numpy as np

from graphc.compiler.function import Function, ShardedFunction
from graphc.engine.data.batches import Shapes
from graphc.engine.topology.container import Container
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.division import Division, Plans, planned_shards
from graphc.engine.training.draws import Draws
from graphc.engine.training.made_functions import Choice, MadeFunction, make_function
from graphc.parallel.joining import join
from graphc.parallel.transport import OneRank, Transport


class Predictions:
    """The functions that predict with a model as it is now connected, each made at its first use.

    Args:
        model: the model whose outputs the functions compute.
        draws: its random draws.
        compiled: the result of `compile`, whose mode and choice of native code apply here, too;
            None if the model is not compiled.

    Attributes:
        functions: the functions by their number of shards.
    """

    def __init__(self, model: Container, draws: Draws, compiled: Compiled | None) -> None:
        self.functions: dict[int, MadeFunction] = {}
        self._model, self._draws = model, draws
        self._mode = None if compiled is None else compiled.mode
        self._choice = Choice() if compiled is None else compiled.choice
        self._plans: Plans = {}

    def function(self, shards: int = 1) -> MadeFunction:
        """Return the function that divides its batch into `shards` shards."""
        made = self.functions.get(shards)
        if made is None or not self._choice.fits(made):
            self._model._graphc_need_layers("predict")
            made = self.make(False, shards)
            self._put(shards, made)
        return made

    def divided(self, where: str, wanted: Division, shapes: Shapes) -> MadeFunction:
        """Return the function for arrays of these shapes, with the division that a call was
        given."""
        if wanted.memory is None:
            return self.function(wanted.shards)
        self._model._graphc_need_layers("predict")
        shards, made = planned_shards(
            where,
            self._plans,
            ("predict", wanted.memory, shapes),
            lambda: cast(Function, self.make(False, 1, OneRank())),
            lambda: cast(ShardedFunction, self.make(False, 2, OneRank())),
        )
        if made is not None and join(where, writes=False).size == 1:
            self._put(shards, made)
        return self.function(shards)

    def make(
        self, training: bool, shards: int = 1, ranks: Transport[np.ndarray] | None = None
    ) -> MadeFunction:
        """Make a function in a learning phase."""
        return make_function(
            self._model,
            "predict",
            self._model.inputs,
            self._model.outputs,
            self._model.state_updates,
            self._draws,
            self._mode,
            self._choice.calls,
            shards,
            training,
            ranks,
        )

    def _put(self, shards: int, made: MadeFunction) -> None:
        """Store a function without disturbing threads that read the others."""
        self.functions = {**self.functions, shards: made}
