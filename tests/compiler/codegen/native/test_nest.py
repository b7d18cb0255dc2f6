"""The layout of loops over elements."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.native import lower_native
from graphc.compiler.codegen.native.nest import STRETCH, Nest
from graphc.compiler.graph import Node

X = g.input((600, 700))
CUBE = g.input((40, 60, 70))


def heads(output: Node) -> list[str]:
    """The heads of the loops of the one function, the outermost first."""
    (step,) = lower_native([output]).program.steps
    assert isinstance(step, Launch)
    return [line.strip() for line in step.text.split("\n") if line.lstrip().startswith("for ")]


def test_what_is_read_crosswise_is_walked_in_stretches() -> None:
    """Neighbours of a transpose are rows apart."""
    stretch, rows, elements = heads(g.transpose(X) * 2.0)
    assert stretch == f"for (int part = 0; part < 600; part += {STRETCH}) {{"
    assert rows == "for (int p0 = 0; p0 < 700; ++p0) {"
    assert elements == "for (int p1 = part; p1 < end; ++p1) {"


@pytest.mark.parametrize("output", [g.transpose(X) * 2.0, g.swap_axes(CUBE, 1, 2) * 2.0])
def test_stretches_are_divided_over_threads_once(output: Node) -> None:
    (step,) = lower_native([output]).program.steps
    assert isinstance(step, Launch)
    lines = [line.strip() for line in step.text.split("\n")]
    (place,) = (k for k, line in enumerate(lines) if line.startswith("#pragma omp parallel"))
    first = next(k for k, line in enumerate(lines) if line.startswith("for "))
    assert place == first - 1


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
    assert not any("part" in head for head in heads(output))


def test_of_no_elements_there_are_no_loops() -> None:
    printed = []
    assert Nest(SimpleNamespace(), 0).lines(lambda *at: printed.append(at)) == []
    assert printed == []
