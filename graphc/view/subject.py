"""The training step that a page is about."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.function import Function
from graphc.engine.topology.layer import Layer
from graphc.engine.training.model import Model
from graphc.errors import ArgumentError


@dataclass(frozen=True)
class Subject:
    """A model's training step, and what describes it.

    Attributes:
        name, summary: of the model, as ``graphc dump`` prints them.
        step: its training step.
        batch: samples of a step, where nothing else says; None where the inputs fix it.
        layers: of the model, where it is made of such.
    """

    name: str
    summary: str
    step: Function
    batch: int | None
    layers: tuple[Layer, ...] = ()


def subject_of(model: Model, name: str, summary: str) -> Subject:
    """Return the training step of a compiled model.

    Raises:
        NotCompiledError: before `compile`.
        ArgumentError: a step that several processes, or several shards of a batch, compute.
    """
    step = model._graphc_trainer.need_compiled("view").train()
    if not isinstance(step, Function):
        raise ArgumentError(
            f"{model.name}.view shows a training step of one process that takes its batch whole, "
            "and this one is divided; leave the flag ranks, and shards of fit, out"
        )
    return Subject(
        name, summary, step, model._graphc_trainer.feeds.batch_shown(None), tuple(model.layers)
    )
