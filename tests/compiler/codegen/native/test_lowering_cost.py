"""The constructions of lowering a reference model: loop programs are data, made anew by each
rewrite."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from graphc.compiler.codegen.native import lower_native
from graphc.compiler.loops.interned import Interned
from graphc.compiler.loops.statement import Statement
from graphc.reference_models import REFERENCE_MODELS


def test_lowering_constructs_few_expressions_and_statements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rewrite that looks at the whole program for each of its parts makes many times as many."""
    outputs = REFERENCE_MODELS["lstm"].build().function().graph()
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
        lower_native(outputs)
    assert 500 < made <= 25_000
