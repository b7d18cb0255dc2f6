"""The layout of loops over elements."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from unittest import mock

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen.native import lower_native, nest
from graphc.compiler.codegen.native.nest import Nest
from graphc.compiler.graph import Node

SUMS = g.scatter_add(g.input((40,), "int32"), g.input((600, 40)), 700, axis=1)
X = g.input((600, 700))


@dataclass(frozen=True)
class LoopHead:
    """A loop of a function.

    Attributes:
        name: its variable.
        start, end: the first value of the variable, and the one behind its last.
    """

    name: str
    start: str
    end: str


def loops(beside: Node) -> list[LoopHead]:
    """The loops that add a value to sums of a scatter, the outermost first, as they are put around
    statements."""
    with mock.patch.object(nest, "nested", side_effect=nest.nested) as recorded:
        lower_native([SUMS + beside])
    _, heads, _ = recorded.call_args_list[-1].args
    return [LoopHead(*map(str, head.operands[:3])) for head in heads]


def test_what_is_read_crosswise_is_walked_in_stretches() -> None:
    """Neighbours of a transpose are rows apart."""
    stretch, _, elements = loops(g.transpose(g.input((700, 600))))
    assert (stretch.start, stretch.end) == ("0", "700")
    assert elements.start == stretch.name


@pytest.mark.parametrize(
    "beside",
    [
        X * 2.0,
        g.input((600, 703))[:, 3:] * 2.0,
        g.flip(X, 1) * 2.0,
        g.flip(X, 0) * 2.0,
        g.make("pad", X[:598, :698], low=(1, 1), high=(1, 1), interior=(0, 0), value=0.0),
    ],
)
def test_what_is_shifted_or_reversed_is_read_in_order(beside: Node) -> None:
    """No loop begins where another one is."""
    found = loops(beside)
    assert not {one.start for one in found} & {one.name for one in found}


def test_of_no_elements_there_are_no_loops() -> None:
    printed = []
    assert Nest(SimpleNamespace(), 0).listing(lambda *at: printed.append(at)) == ()
    assert printed == []
