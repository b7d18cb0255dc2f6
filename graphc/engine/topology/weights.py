"""The weights of a layer: their creation, values and number."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, cast

import numpy as np

from graphc.compiler import graph as g
from graphc.constraints import GivenConstraint
from graphc.constraints import get as get_constraint
from graphc.engine.configs.budget import take_weight
from graphc.engine.topology.layer_node import Record
from graphc.engine.topology.user_layers.functions import check_takes
from graphc.errors import ArgumentError, DTypeError, OutOfMemoryError, ShapeError, errors_at
from graphc.files.conversions import Form
from graphc.initializations import GivenInit, initial
from graphc.initializations import get as get_initialization
from graphc.lookup import takes_keyword
from graphc.regularizers import GivenRegularizer
from graphc.regularizers import get as get_regularizer
from graphc.releases import at_least

_log = logging.getLogger("graphc")

_MOST_NUMBERS = 2**60  # NumPy counts bytes in 63 bits


class Weighted:
    """An object that has weights, with their penalties and constraints.

    Attributes:
        trainable_weights, non_trainable_weights: shared variables.
        regularizers: penalties on weights and outputs.
        constraints: weight -> what is applied to it after each update.
    """

    name: str
    trainable: bool
    regularizers: list[Callable[[g.Node], g.Node]]
    constraints: dict[g.Node, Callable[[g.Node], g.Node]]
    _graphc: Record

    def add_weight(
        self,
        shape: tuple[int, ...],
        initializer: GivenInit,
        name: str | None = None,
        trainable: bool = True,
        regularizer: GivenRegularizer = None,
        constraint: GivenConstraint = None,
    ) -> g.Node:
        """Add a new weight, a shared variable, with its regularizer and constraint, and return it.

        Args:
            shape: whole numbers.
            initializer: the name of an initialization, or a function (shape, name) -> variable.
            name: the variable is called ``<layer>_<name>``, unless the name begins so already.
            trainable: whether training changes it.
            regularizer, constraint: by name, config or as an object.

        Raises:
            OutOfMemoryError: there is no room for it.
            ArgumentError: it is larger than the weights of a model from a file may be.
        """
        name = "weight" if name is None else name.removeprefix(f"{self.name}_")
        with errors_at(f"{self.name}: {name}"):
            init = get_initialization(initializer)
            rule = get_constraint(constraint)
        take_weight(f"{self.name}: {name}", shape)
        named = {"name": "name"} if takes_keyword(init, "name") else {}
        check_takes(init, f"{self.name}: init of {name}", "shape", **named)
        try:
            if math.prod(shape) >= _MOST_NUMBERS:
                raise MemoryError("more numbers than an array has")
            weight = initial(init, shape, f"{self.name}_{name}")
        except MemoryError as error:
            raise OutOfMemoryError(
                f"{self.name}: {name}: no memory for a weight of the shape {shape}; make the layer "
                "smaller"
            ) from error
        if not isinstance(weight, g.Node) or weight.op != "shared" or weight.shape != shape:
            raise ArgumentError(
                f"{self.name}: init of {name}: expected a shared variable of the shape {shape}, "
                f"e.g. K.variable(value, name=name), received {weight!r}"
            )
        which = "trainable_weights" if trainable else "non_trainable_weights"
        self._graphc_own(which).append(weight)
        if regularizer is not None:
            own = get_regularizer(regularizer)  # a copy: one may be given to several weights
            own.set_param(weight)
            self._graphc_own("regularizers").append(own)
        if rule is not None:
            self._graphc_own("constraints")[weight] = rule
        return weight

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # What pickle and copy.deepcopy ask for; they would stop at some part of the graph.
        raise ArgumentError(
            f"{self.name} ({type(self).__name__}) can be neither pickled nor copied, its weights "
            "are shared by identity; a new one is made by from_config(get_config()) and "
            "set_weights(get_weights()), and save_weights or a model's save keep it in a file"
        )

    @property
    def trainable_weights(self) -> list[g.Node]:
        """The weights that training changes; none, with the meanings of Keras from 1.0.7 on, where
        the layer is not `trainable`."""
        return [] if self._graphc_is_frozen else self._graphc_made("trainable_weights")

    @trainable_weights.setter
    def trainable_weights(self, weights: list[g.Node]) -> None:
        vars(self)["trainable_weights"] = weights

    @property
    def non_trainable_weights(self) -> list[g.Node]:
        """The other weights; with the meanings of Keras from 1.0.7 on, all weights of a layer that
        is not `trainable`."""
        return (
            self.weights if self._graphc_is_frozen else self._graphc_made("non_trainable_weights")
        )

    @non_trainable_weights.setter
    def non_trainable_weights(self, weights: list[g.Node]) -> None:
        vars(self)["non_trainable_weights"] = weights

    @property
    def _graphc_is_frozen(self) -> bool:
        """True if weights that were made trainable count as non-trainable now."""
        made = bool(vars(self).get("built", False))
        return made and not self.trainable and at_least("1.0.7", of=self._graphc.release)

    def _graphc_made(self, which: str) -> list[g.Node]:
        """Return `trainable_weights` or `non_trainable_weights` as they were made."""
        if getattr(type(self), which) is not getattr(Weighted, which):  # a property of the user's
            return list(getattr(self, which))
        found: list[g.Node] = vars(self).setdefault(which, [])
        return found

    def _graphc_own(self, which: str) -> Any:
        """Return the list, or the dict of constraints, to which `add_weight` adds."""
        if which in ("regularizers", "constraints"):
            return getattr(self, which)
        return self._graphc_made(which)

    @property
    def weights(self) -> list[g.Node]:
        """All weights, those that were made for training first."""
        made = map(self._graphc_made, ("trainable_weights", "non_trainable_weights"))
        return [weight for several in made for weight in several]

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights' values, in the order of `weights`."""
        return [weight.get_value() for weight in self.weights]

    def set_weights(self, weights: Sequence[object]) -> None:
        """Set all weights, in the order of `weights`, all or none; see `set_values`."""
        set_values(self.weights, weights, self.name)

    def _graphc_stored_forms(self) -> Mapping[g.Node, Form]:
        """Return the weights that other backends and releases of Keras store in other forms."""
        return {}

    def count_params(self) -> int:
        """Count the numbers in the weights; under the flag keras=1.0 in the trainable ones."""
        every = at_least("1.2.0")
        return count_numbers(self.weights if every else self._graphc_made("trainable_weights"))


def set_values(variables: Sequence[g.Node], values: Sequence[object], owner: str) -> None:
    """Set shared variables, all or none.

    What is not finite is set too, with a line in the log: training that went wrong can be looked
    at, and goes on, from its file.

    Raises:
        ArgumentError: no list of arrays.
        ShapeError: another number of arrays, or another shape.
        DTypeError: what is not numbers.
    """
    if not _is_list(values, variables):
        raise ArgumentError(
            f"{owner}: expected a list of arrays, one for each weight, received "
            f"{type(values).__name__}"
        )
    values = list(values)
    if len(values) != len(variables):
        named = ", ".join(map(_weight_label, variables))
        raise ShapeError(
            f"{owner}: expected {len(variables)} weights{f' ({named})' if named else ''}, received "
            f"{len(values)}; get_weights() has them in this order"
            + ("" if named else ". Layers make their weights at the first call: add it to a model")
        )
    arrays = [np.asarray(value) for value in values]
    for variable, array in zip(variables, arrays, strict=True):
        if array.shape != variable.shape:
            raise ShapeError(
                f"{owner}: weight {_weight_label(variable)}: expected shape {variable.shape}, "
                f"received {array.shape}"
            )
        if array.dtype.kind not in "biuf":
            raise DTypeError(
                f"{owner}: weight {_weight_label(variable)}: expected numbers, received dtype "
                f"{array.dtype}"
            )
    with np.errstate(over="ignore"):  # reported below
        g.set_values(zip(variables, arrays, strict=True))
    _warn_of_not_finite(variables, owner)


def _is_list(values: object, variables: Sequence[g.Node]) -> bool:
    """Return True if values are a list of arrays. One array counts as a list if it has an entry for
    each of several weights of one shape: the list around it was forgotten."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        shapes = [values.shape[1:]] * len(variables)
        return values.shape[:1] == (len(variables),) and shapes == [one.shape for one in variables]
    return isinstance(values, Iterable) and not isinstance(values, str | Mapping)


def _warn_of_not_finite(variables: Sequence[g.Node], owner: str) -> None:
    for variable in variables:
        values = g.state_of(variable).buffer
        wrong = values.size - int(np.isfinite(values).sum())
        if wrong:
            _log.warning(
                "%s: weight %s: %d of %d values that it is set to are NaN or infinite, and so will "
                "be what the model computes with them",
                owner,
                _weight_label(variable),
                wrong,
                values.size,
            )


def count_numbers(variables: Sequence[g.Node]) -> int:
    """Return the number of elements of shared variables together."""
    return sum(math.prod(cast("tuple[int, ...]", one.shape)) for one in variables)


def _weight_label(variable: g.Node) -> str:
    return repr(g.name_of(variable) or "without a name")
