"""The models that a program compiles, for commands that run one and look at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphc.engine.training.model import Model

_models: ContextVar[list[Model] | None] = ContextVar("graphc_compiled", default=None)


@contextmanager
def collected_models() -> Iterator[list[Model]]:
    """A list of the models that are compiled meanwhile, each once, in order."""
    models: list[Model] = []
    token = _models.set(models)
    try:
        yield models
    finally:
        _models.reset(token)


def note_compiled(model: Model) -> None:
    """Add a model to those that are collected, if any are."""
    models = _models.get()
    if models is not None and all(one is not model for one in models):
        models.append(model)
