"""The constructions of lowering a reference model: loop programs are data, made anew by each
rewrite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from graphc.compiler.loops.interned import Interned
from graphc.compiler.loops.statement import Statement
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.reference_models import REFERENCE_MODELS


@pytest.mark.parametrize(
    ("lowered", "model", "most"), [(lower_native, "lstm", 22_500), (lower, "accel", 49_000)]
)
def test_lowering_constructs_few_expressions_and_statements(
    lowered: Callable[..., Any], model: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rewrite that looks at the whole program for each of its parts makes many times as many, and
    mappings that each begin anew with what they share make half as many again."""
    outputs = REFERENCE_MODELS[model].build().function().graph()
    made = 0
    construct = Interned.__call__

    def counting(cls: type, *args: Any, **kwargs: Any) -> Any:
        nonlocal made
        made += 1
        return construct(cls, *args, **kwargs)

    def counted(initialise: Any) -> Any:
        def counting(self: Any, *args: Any, **kwargs: Any) -> None:
            nonlocal made
            made += 1
            initialise(self, *args, **kwargs)

        return counting

    with monkeypatch.context() as patches:
        patches.setattr(Interned, "__call__", counting)
        for cls in get_args(Statement):
            patches.setattr(cls, "__init__", counted(cls.__init__))
        lowered(outputs)
    assert 500 < made <= most
