"""The training graph of a model, and its compiled functions of training and testing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np

from graphc import backend as K
from graphc import optimizers
from graphc.compiler import graph as g
from graphc.compiler.function import ALWAYS, Function, Pending, ShardedFunction
from graphc.config import FLAGS, config
from graphc.engine.data.batches import Shapes
from graphc.engine.data.targets import Target
from graphc.engine.topology.container import Container
from graphc.engine.topology.holding import collect_trainable_weights
from graphc.engine.training.division import Division, Plans, planned_shards
from graphc.engine.training.draws import Draws
from graphc.engine.training.losses import (
    loss_labels,
    make_targets,
    measures,
    penalised,
    total_loss,
    weighted_loss,
)
from graphc.engine.training.made_functions import (
    STEPS_OF_A_LOOP,
    Choice,
    MadeFunction,
    make_function,
)
from graphc.errors import ArgumentError, unknown_name
from graphc.metrics import BatchSums, EpochMetric
from graphc.objectives import OBJECTIVES
from graphc.parallel.joining import join
from graphc.parallel.transport import OneRank
from graphc.releases import Release, at_least, release

_log = logging.getLogger("graphc")

_MODES = next(flag.choices for flag in FLAGS if flag.name == "mode")


@dataclass
class PendingNumbers:
    """The values of a step that was started; `get` waits for them and converts them to numbers."""

    pending: Pending
    numbers: Callable[[Sequence[np.ndarray]], list[float]]

    def get(self) -> list[float]:
        """Wait for the values."""
        return self.numbers(self.pending.get())


@dataclass
class Compiled:
    """The result of `compile`. Functions are compiled when they are first used.

    Attributes:
        optimizer: the chosen optimizer.
        targets: the target of each output.
        outputs: the total loss, then the losses of several outputs, then the metrics.
        labels: the names of `outputs`: 'loss', 'acc', ...
        mode: the mode of `graphc.function`.
        draws: the random draws of the model, which all its functions share.
        choice: the choice between native code and the interpreter, for all functions.
        of_epochs: by label, the metrics of a whole epoch; of these, `outputs` has sums.
        given: the arguments of `compile` except the optimizer, as the user gave them.
        release: the release of Keras whose meanings the training follows.
        functions: the functions by purpose and number of shards.
        warned_of_targets: the outputs for which the log said that targets are no probabilities.
        shards: the number of shards in which `train` and `test` compute a batch.
        memory: a limit in bytes for which `choose_shards` sets `shards`, or None.
        plans: the numbers of shards that `choose_shards` found.
        is_synchronised: True once the ranks that train together have the same state.
    """

    model: Container
    optimizer: optimizers.Optimizer
    targets: list[Target]
    outputs: list[g.Node]
    labels: list[str]
    mode: str | None
    draws: Draws
    choice: Choice
    given: Mapping[str, object]
    release: Release
    of_epochs: Mapping[str, EpochMetric] = field(default_factory=dict)
    functions: dict[tuple[str | int, ...], MadeFunction] = field(default_factory=dict)
    warned_of_targets: set[str] = field(default_factory=set)
    shards: int = 1
    memory: int | None = None
    plans: Plans = field(default_factory=dict)
    is_synchronised: bool = False
    _warned_of_trainable: bool = False

    @property
    def inputs(self) -> list[g.Node]:
        """The model's inputs, then the targets, then the sample weights."""
        y_true = [target.y_true for target in self.targets]
        return [*self.model.inputs, *y_true, *(target.weights for target in self.targets)]

    @cached_property
    def trained(self) -> list[g.Node]:
        """The weights that training changes, in the order in which the optimizer keeps them."""
        return self._to_train()

    @cached_property
    def updates(self) -> list[tuple[g.Node, g.Node]]:
        """The updates of a training step; the first access makes the optimizer's variables."""
        model = self.model
        updates = self.optimizer.get_updates(self.trained, model.constraints, self.outputs[0])
        return [*_as_pairs(updates, self.optimizer), *model.updates]

    @property
    def has_optimizer_state(self) -> bool:
        """True if the optimizer has made its variables."""
        return "updates" in vars(self)

    def make_optimizer_state(self) -> None:
        """Make the optimizer's variables now; otherwise the first training step does."""
        self.updates  # noqa: B018  (a cached property)

    @property
    def optimizer_state(self) -> list[g.Node]:
        """The optimizer's variables with the shape of a weight: its moments and the like."""
        weights = [one for layer in self.model.stored_layers() for one in layer.weights]
        others = {*self.trained, *weights, *(variable for variable, _ in self.model.updates)}
        return [one for one, _ in self.updates if one not in others and one.ndim]

    def starting(self, step: MadeFunction) -> Callable[..., Pending | PendingNumbers]:
        """Return the function that starts a step of training or testing; `numbers` describes its
        values."""
        if not self.of_epochs:
            return step.start
        return lambda *arrays: PendingNumbers(step.start(*arrays), self.numbers)

    def numbers(self, values: Iterable[np.ndarray]) -> list[float]:
        """Return the values of a step as numbers; a metric of a whole epoch is a `BatchSums`."""
        return [
            BatchSums(self.of_epochs[label], value) if label in self.of_epochs else float(value)
            for label, value in zip(self.labels, values, strict=True)
        ]

    def choose_native(self, epochs: int, steps: int) -> None:
        """Choose between native code and the interpreter, unless that was chosen before.

        Args:
            epochs, steps: the number of epochs of the training that begins, and of steps in each.
        """
        if self.choice.native is None:
            made = self.functions.get(self._key("train"))
            if made is None or made.target() is None:
                in_a_loop = epochs == 1 and steps <= STEPS_OF_A_LOOP
                # The bits must not depend on the number of ranks, and a limit of memory is that of
                # native code: in both cases native code is chosen.
                always = in_a_loop or config.ranks != "none" or self.memory is not None
                self._make_train(ALWAYS if always else epochs * steps)
            self.choice.native = self.functions[self._key("train")].target() is not None

    def _key(self, purpose: str) -> tuple[str | int, ...]:
        return purpose, self.shards

    def set_division(self, division: Division) -> None:
        """Set the number of shards, or the memory limit, that a call was given."""
        self.shards, self.memory = division.shards, division.memory

    def choose_shards(self, where: str, purpose: str, shapes: Shapes) -> None:
        """Choose the number of shards of a step on arrays of these shapes, before its function is
        made. Does nothing without a limit of memory.

        Raises:
            ArgumentError: the step does not fit the memory in any number of shards.
        """
        if self.memory is None:
            return

        def make(shards: int) -> MadeFunction:
            calls = self.choice.calls
            if purpose == "train" and self.choice.native is None:
                calls = ALWAYS
            updates = self.updates if purpose == "train" else self.model.state_updates
            what = (self.model, purpose, self.inputs, self.outputs, updates)
            how = (self.draws, self.mode, calls, shards)
            return make_function(*what, *how, ranks=OneRank())

        self.shards, made = planned_shards(
            where,
            self.plans,
            (purpose, self.memory, shapes),
            lambda: cast(Function, make(1)),
            lambda: cast(ShardedFunction, make(2)),
        )
        if made is not None and join(where, writes=purpose == "train").size == 1:
            self.functions.setdefault(self._key(purpose), made)

    def train(self) -> MadeFunction:
        """Return the function of a training step, which computes the outputs before the update.

        Which layers are trainable was read by `compile` if the meanings are those of Keras 1.1.0 or
        later, otherwise it is read when this function is made.
        """
        if not self.choice.fits(self.functions.get(self._key("train"))):
            self._make_train(self.choice.calls)
        if not self._warned_of_trainable and self._trainable_has_changed():
            self._warned_of_trainable = True
            _log.warning(
                "%s: trainable was changed after %s, and the same weights are trained on; compile "
                "again",
                *(self.model.name, self._reading_of_trainable),
            )
        return self.functions[self._key("train")]

    def _make_train(self, calls: float | None) -> None:
        if not self.trained and self.model._graphc_made("trainable_weights"):
            _log.warning(
                "%s: nothing is trained, since all layers with weights had trainable=False when "
                "%s; set it to True, and compile again",
                *(self.model.name, self._reading_of_trainable),
            )
        self._make("train", self.updates, calls)

    @property
    def reads_trainable(self) -> bool:
        """True if `trainable` takes effect in `compile`, as in Keras from 1.1.0 on."""
        return at_least("1.1.0", of=self.release)

    @property
    def _reading_of_trainable(self) -> str:
        at_compile, at_step = "the model was compiled", "the first training step was made"
        return at_compile if self.reads_trainable else at_step

    def _trainable_has_changed(self) -> bool:
        return self._to_train() != self.trained

    def _to_train(self) -> list[g.Node]:
        weights = collect_trainable_weights(self.model)
        own = isinstance(self.optimizer, optimizers.Optimizer)
        return self.optimizer.in_order(weights) if own else weights

    def test(self) -> MadeFunction:
        """Return the function of a test step: the same outputs in the testing phase, with no
        updates of trained weights and, up to Keras 1.1, no penalties."""
        if not self.choice.fits(self.functions.get(self._key("test"))):
            self._make("test", self.model.state_updates, self.choice.calls)
        return self.functions[self._key("test")]

    def _make(
        self, purpose: str, updates: Sequence[tuple[g.Node, g.Node]], calls: float | None
    ) -> None:
        what = (self.model, purpose, self.inputs, self.outputs, updates)
        how = (self.draws, self.mode, calls, self.shards)
        spread = self.optimizer_state if purpose == "train" else ()
        made = make_function(*what, *how, spread=spread)
        self.functions[self._key(purpose)] = made

    def in_phase(self, purpose: str, training: bool) -> MadeFunction:
        """Return a new function of training or testing, in the given learning phase."""
        updates = self.updates if purpose == "train" else self.model.state_updates
        what = (self.model, purpose, self.inputs, self.outputs, updates)
        return make_function(*what, self.draws, self.mode, self.choice.calls, 1, training)

    def arrays(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the values of a step as arrays; of an epoch's metric, the value of this batch."""
        if not self.of_epochs:
            return list(values)
        return [np.asarray(float(value), K.floatx()) for value in self.numbers(values)]

    def forget(self, purpose: str) -> None:
        """Discard the function of training or testing; its next use makes a new one.

        A new training step begins with new variables of the optimizer. It reads anew which layers
        are trainable, unless `compile` reads that.
        """
        for key in [key for key in self.functions if key[0] == purpose]:
            del self.functions[key]
        self.plans = {key: shards for key, shards in self.plans.items() if key[0] != purpose}
        if purpose == "train":
            vars(self).pop("updates", None)
            if not self.reads_trainable:
                vars(self).pop("trained", None)


def compile_model(
    model: Container,
    optimizer: str | optimizers.Optimizer,
    loss: object,
    metrics: object,
    loss_weights: object,
    sample_weight_mode: object,
    mode: str | None,
    draws: Draws,
) -> Compiled:
    """Make the training graph; see `Model.compile` for the arguments."""
    if mode is not None and mode not in _MODES:
        raise unknown_name("mode", mode, _MODES)
    chosen = _optimizer(optimizer, loss)
    targets = make_targets(
        model.output_names,
        model.outputs,
        model.output_masks,
        loss,
        loss_weights,
        sample_weight_mode,
    )
    meant = release()
    losses = [weighted_loss(target) for target in targets]
    shown = loss_labels(targets, meant)
    labels, nodes, of_epochs = measures(targets, metrics, meant)
    total = penalised(
        total_loss(targets, losses),
        model.regularizers,
        model.uses,
        in_testing=at_least("1.2.0", of=meant),
        added=model._graphc_added_losses(),
    )
    given = {
        "loss": loss,
        "metrics": metrics,
        "loss_weights": loss_weights,
        "sample_weight_mode": sample_weight_mode,
        "mode": mode,
    }
    values = [total, *(losses if shown else ()), *nodes]
    what = (model, chosen, targets, values, ["loss", *shown, *labels], mode)
    compiled = Compiled(*what, draws, Choice(), given, meant, of_epochs)
    if compiled.reads_trainable:
        compiled.trained  # noqa: B018  (a cached property)
    return compiled


def _optimizer(wanted: Any, loss: object) -> optimizers.Optimizer:
    if isinstance(wanted, str) and wanted in OBJECTIVES and _is_optimizer(loss):
        raise ArgumentError(
            f"optimizer: {wanted!r} is a loss, and {loss!r} an optimizer: the optimizer comes "
            f"first, compile({loss!r}, {wanted!r})"
        )
    return optimizers.get(wanted)


def _is_optimizer(name: object) -> bool:
    return isinstance(name, str) and name in optimizers.OPTIMIZERS


def _as_pairs(updates: object, owner: object) -> list[tuple[g.Node, g.Node]]:
    """Return the updates of a user's optimizer, checked to be a list of pairs."""
    pairs: list[Any] = list(updates) if isinstance(updates, Iterable) else [None]
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise ArgumentError(
            f"{type(owner).__name__}.get_updates: expected a list of (variable, new value) pairs, "
            f"returned {updates!r}"
        )
    return [(variable, value) for variable, value in pairs]
