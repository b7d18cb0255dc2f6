"""A record of the models that a program compiles, for commands that run the program and inspect
them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from graphc.engine.topology.container import Container

_models: ContextVar[list[Container] | None] = ContextVar("graphc_compiled", default=None)


@contextmanager
def collected_models() -> Iterator[list[Container]]:
    """Collect the models that are compiled inside the block, each once, in order."""
    models: list[Container] = []
    token = _models.set(models)
    try:
        yield models
    finally:
        _models.reset(token)


def note_compiled(model: Container) -> None:
    """Add a model to those that are collected, if any are."""
    models = _models.get()
    if models is not None and all(one is not model for one in models):
        models.append(model)
