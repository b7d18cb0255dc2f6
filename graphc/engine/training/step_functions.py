"""`train_function`, `test_function` and `predict_function` of a model, as programs call them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, cast

import numpy as np

from graphc.backend.functions import Function as ListFunction
from graphc.compiler import graph as g
from graphc.compiler.function import Function
from graphc.engine.topology.container import Container
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.made_functions import MadeFunction
from graphc.engine.training.predictions import Predictions
from graphc.errors import ArgumentError


class StepFunction:
    """A step of training, of testing or of predicting over lists:
    ``model.train_function([x, y, weights, 1.0])``.

    Args:
        made: the function that `fit`, `evaluate` or `predict` call.
        inputs: its inputs.
        training: its learning phase.
        differs: True if the model differs in training, so that a call passes the phase.
        in_phase: makes the function of a phase; it is called for the other phase at its first use.
        values: converts the results of the function to what a call returns.

    Attributes:
        inputs: the tensors that a call feeds: the model's inputs, of training and testing the
            targets and the weights of the samples too, and the learning phase if the model differs
            in training.
    """

    def __init__(
        self,
        made: MadeFunction,
        inputs: Sequence[g.Node],
        training: bool,
        differs: bool,
        in_phase: Callable[[bool], MadeFunction],
        values: Callable[[list[np.ndarray]], list[np.ndarray]] = list,
    ) -> None:
        self.inputs = [*inputs, g.learning_phase()] if differs else list(inputs)
        self._fed, self._training, self._in_phase = list(inputs), training, in_phase
        self._values = values
        self._steps = {training: ListFunction(cast(Function, made), self._fed)}
        self._name = made.name

    def __call__(self, inputs: Sequence[object]) -> list[np.ndarray]:
        """Return the outputs; of training the values before its update.

        Raises:
            ArgumentError: no list, one of another length, or a learning phase that is not 0 or 1.
            DataError, DTypeError, ShapeError: as of `K.function`.
        """
        arrays = list(inputs) if isinstance(inputs, list | tuple) else None
        if arrays is None or len(arrays) != len(self.inputs):
            received = type(inputs).__name__ if arrays is None else f"{len(arrays)} values"
            raise ArgumentError(
                f"{self._name}: expected a list of {len(self.inputs)}: "
                f"{', '.join(map(g.label, self.inputs))}; received {received}. A weight of 1 for "
                "each sample is np.ones(samples)"
            )
        training = self._training
        if len(self.inputs) > len(self._fed):
            training = self._phase(arrays.pop())
        if training not in self._steps:
            made = cast(Function, self._in_phase(training))
            self._steps[training] = ListFunction(made, self._fed)
        return self._values(self._steps[training](arrays))

    def _phase(self, value: Any) -> bool:
        if np.shape(value) != () or value not in (0, 1):
            raise ArgumentError(
                f"{self._name}: the learning phase, the last of the list: expected 1 for training "
                f"or 0 for testing, received {value!r:.60}"
            )
        return bool(value)


class HasFunctions(Protocol):
    """The attributes of a trainer that step functions use."""

    model: Container

    @property
    def compiled(self) -> Compiled | None:
        """The result of `compile`."""

    @property
    def predictions(self) -> Predictions:
        """The functions that predict."""

    def forget(self, purpose: str) -> None:
        """Discard a function, so that its next use makes a new one."""


class StepFunctions:
    """The step functions of a model; each stays the same object until its compiled function
    changes."""

    def __init__(self, trainer: HasFunctions) -> None:
        self._trainer = trainer
        self._known: dict[str, tuple[MadeFunction, StepFunction]] = {}

    def of(self, purpose: str) -> StepFunction | None:
        """Return the step function of 'train', 'test' or 'predict'; None before its function is
        made."""
        compiled, predictions = self._trainer.compiled, self._trainer.predictions
        made = predictions.functions.get(1)
        if purpose != "predict":
            made = compiled.functions.get((purpose, 1)) if compiled is not None else None
        if made is None:
            return None
        known, step = self._known.get(purpose, (None, None))
        if known is not made or step is None:
            model = self._trainer.model
            what = (purpose == "train", model.uses_learning_phase)
            if purpose == "predict" or compiled is None:
                step = StepFunction(made, model.inputs, *what, predictions.make)
            else:
                in_phase = partial(compiled.in_phase, purpose)
                step = StepFunction(made, compiled.inputs, *what, in_phase, compiled.arrays)
            self._known[purpose] = made, step
        return step

    def forget(self, purpose: str) -> None:
        """Discard the function, so that its next use makes a new one."""
        self._known.pop(purpose, None)
        self._trainer.forget(purpose)


class StepAttribute:
    """An attribute of a model: one of its step functions, or None before that is made."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose

    def __get__(self, owner: Any, cls: type | None = None) -> Any:
        return self if owner is None else owner._graphc_step_functions.of(self._purpose)

    def __set__(self, owner: Any, value: object) -> None:
        if value is not None:
            raise ArgumentError(
                f"{owner.name}.{self._purpose}_function: expected None, which has it made anew, "
                f"received {value!r:.60}: fit, evaluate and predict run what compile made. An "
                "optimizer with a get_updates of your own goes to compile; another step is "
                "K.function(...), called in a loop of your own"
            )
        owner._graphc_step_functions.forget(self._purpose)
