"""`show_accuracy=True` of Keras 0.3: the accuracy in addition to the metrics of `compile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.compiler import graph as g
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.losses import make_metrics
from graphc.engine.training.made_functions import MadeFunction


@dataclass
class CompiledWithAccuracy(Compiled):
    """A compiled training like `plain`, whose functions also return accuracies.

    Attributes:
        plain: what `compile` made; both train with one state of the optimizer.
    """

    plain: Compiled = field(kw_only=True)

    @property
    def updates(self) -> list[tuple[g.Node, g.Node]]:
        """The updates of the plain training: the optimizer makes its variables once."""
        return self.plain.updates

    @property
    def has_optimizer_state(self) -> bool:
        """True if the plain training has made the optimizer's variables."""
        return self.plain.has_optimizer_state

    def train(self) -> MadeFunction:
        if not self.choice.fits(self.functions.get(self._key("train"))):
            self._make_train(self.choice.calls)
        return self.functions[self._key("train")]

    def _make_train(self, calls: float | None) -> None:
        self._make("train", self.updates, calls)

    def _make(
        self, purpose: str, updates: Sequence[tuple[g.Node, g.Node]], calls: float | None
    ) -> None:
        super()._make(purpose, updates, calls)
        made = self.functions[self._key(purpose)]
        self.plain.functions[*self._key(purpose), "accuracy"] = made  # for reports


def with_accuracy(compiled: Compiled) -> Compiled:
    """Return the training with 'acc' among the metrics of each output; the training itself if they
    are there."""
    targets = compiled.targets
    missing = [
        target.name
        for target in targets
        if ("acc" if len(targets) == 1 else f"{target.name}_acc") not in compiled.labels
    ]
    if not missing:
        return compiled
    labels, nodes = make_metrics(
        targets, {name: ["accuracy"] for name in missing}, compiled.release
    )
    return CompiledWithAccuracy(
        compiled.model,
        compiled.optimizer,
        targets,
        [*compiled.outputs, *nodes],
        [*compiled.labels, *labels],
        compiled.mode,
        compiled.draws,
        compiled.choice,
        compiled.given,
        compiled.release,
        compiled.of_epochs,
        warned_of_targets=compiled.warned_of_targets,
        plain=compiled,
    )
