"""The training graph of a model, and the functions made of it: train, test, predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc import optimizers
from graphc.compiler import graph as g
from graphc.compiler.function import CallStep, Function, function
from graphc.config import FLAGS
from graphc.engine.container import Container
from graphc.engine.losses import Target, make_metrics, make_targets, total_loss
from graphc.errors import unknown_name

_MODES = next(flag.choices for flag in FLAGS if flag.name == "mode")


def make_function(
    model: Container,
    purpose: str,
    inputs: Sequence[g.Node],
    outputs: Sequence[g.Node],
    updates: Sequence[tuple[g.Node, g.Node]],
    call_step: CallStep,
    mode: str | None,
) -> Function:
    """A function of a model for 'train', 'test' or 'predict', which decides the learning phase."""
    return function(
        inputs,
        outputs,
        updates=updates,
        givens=[(g.learning_phase(), purpose == "train")],
        mode=mode,
        name=f"{model.name}.{purpose}",
        on_unused_input="ignore",  # a user's objective may not need the targets
        call_step=call_step,
    )


@dataclass
class Compiled:
    """What `compile` made. The functions are made at their first use.

    Attributes:
        optimizer: the chosen optimizer.
        targets: one for each output.
        outputs: the total loss, then the metrics.
        labels: names of `outputs`: 'loss', 'acc', ...
        mode: for `graphc.function`.
        call_step: the count of random draws, which all functions of the model share.
    """

    model: Container
    optimizer: optimizers.Optimizer
    targets: list[Target]
    outputs: list[g.Node]
    labels: list[str]
    mode: str | None
    call_step: CallStep
    functions: dict[str, Function] = field(default_factory=dict)

    @property
    def inputs(self) -> list[g.Node]:
        """The model's inputs, then the targets, then the sample weights."""
        y_true = [target.y_true for target in self.targets]
        return [*self.model.inputs, *y_true, *(target.weights for target in self.targets)]

    def train(self) -> Function:
        """Outputs before the update of the weights; `trainable` is read when this is made."""
        if "train" not in self.functions:
            model = self.model
            updates = self.optimizer.get_updates(
                model.trainable_weights, model.constraints, self.outputs[0]
            )
            self._make("train", [*updates, *model.updates])
        return self.functions["train"]

    def test(self) -> Function:
        """The same outputs without training, and without penalties."""
        if "test" not in self.functions:
            self._make("test", [])
        return self.functions["test"]

    def _make(self, purpose: str, updates: Sequence[tuple[g.Node, g.Node]]) -> None:
        self.functions[purpose] = make_function(
            self.model, purpose, self.inputs, self.outputs, updates, self.call_step, self.mode
        )


def compile_model(
    model: Container,
    optimizer: str | optimizers.Optimizer,
    loss: object,
    metrics: object,
    loss_weights: object,
    sample_weight_mode: object,
    mode: str | None,
    call_step: CallStep,
) -> Compiled:
    """Make the training graph; arguments as `Model.compile` has them."""
    if mode is not None and mode not in _MODES:
        raise unknown_name("mode", mode, _MODES)
    chosen = optimizers.get(optimizer)
    targets = make_targets(
        model.output_names, model.outputs, loss, loss_weights, sample_weight_mode
    )
    labels, nodes = make_metrics(targets, metrics)
    total = total_loss(targets, model.regularizers)
    return Compiled(model, chosen, targets, [total, *nodes], ["loss", *labels], mode, call_step)
