"""The layout of loops over elements."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from unittest import mock

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen.native import lower, lower_native, nest
from graphc.compiler.codegen.native.nest import Nest
from graphc.compiler.graph import Node

X = g.input((600, 700))
CUBE = g.input((40, 300, 70))


@dataclass(frozen=True)
class LoopHead:
    """A loop of a function.

    Attributes:
        name: its variable.
        start, end: the first value of the variable, and the one behind its last.
        divided: whether it is divided over threads.
    """

    name: str
    start: str
    end: str
    divided: bool


def loops(output: Node) -> list[LoopHead]:
    """The loops of the one function, the outermost first, as they are put around statements."""
    no_mappings = mock.patch.object(lower, "CPU_MAPPINGS", {})
    with mock.patch.object(nest, "nested", side_effect=nest.nested) as recorded, no_mappings:
        lower_native([output])
    ((_, heads, pragmas),) = (call.args for call in recorded.call_args_list)
    return [
        LoopHead(*map(str, head.operands[:3]), divided=pragma is not None and pragma.team)
        for head, pragma in zip(heads, pragmas, strict=True)
    ]


def test_what_is_read_crosswise_is_walked_in_stretches() -> None:
    """Neighbours of a transpose are rows apart."""
    stretch, rows, elements = loops(g.transpose(X) * 2.0)
    assert (stretch.start, stretch.end) == ("0", "600")
    assert (rows.start, rows.end) == ("0", "700")
    assert elements.start == stretch.name


@pytest.mark.parametrize("output", [g.transpose(X) * 2.0, g.swap_axes(CUBE, 1, 2) * 2.0])
def test_stretches_are_divided_over_threads_once(output: Node) -> None:
    """At the outermost loop."""
    found = loops(output)
    assert [one.divided for one in found] == [True] + [False] * (len(found) - 1)


@pytest.mark.parametrize(
    "output",
    [
        X * 2.0,
        X[:, 3:] * 2.0,
        g.flip(X, 1) * 2.0,
        g.flip(X, 0) * 2.0,
        g.make("pad", X, low=(1, 1), high=(1, 1), interior=(0, 0), value=0.0),
    ],
)
def test_what_is_shifted_or_reversed_is_read_in_order(output: Node) -> None:
    """No loop begins where another one is."""
    assert {one.start for one in loops(output)} == {"0"}


def test_of_no_elements_there_are_no_loops() -> None:
    printed = []
    assert Nest(SimpleNamespace(), 0).listing(lambda *at: printed.append(at)) == ()
    assert printed == []
