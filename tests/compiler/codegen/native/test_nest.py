"""The layout of loops over elements."""

from __future__ import annotations

from types import SimpleNamespace

from graphc.compiler.codegen.native.nest import Nest


def test_of_no_elements_there_are_no_loops() -> None:
    printed = []
    assert Nest(SimpleNamespace(), 0).listing(lambda *at: printed.append(at)) == ()
    assert printed == []
