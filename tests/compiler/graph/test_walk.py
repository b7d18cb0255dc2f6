"""Walks over graphs."""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.compiler.graph import dependents


def test_dependents_are_not_sought_behind_the_nodes_of_stop() -> None:
    x = g.input((2,), "float32", name="x")
    y = g.input((2,), "float32", name="y")
    hidden = g.exp(x)
    kept = g.tanh(hidden)
    out = kept + y
    assert dependents([out], [x]) == {x, hidden, kept, out}
    assert dependents([out], [hidden]) == {hidden, kept, out}
    assert dependents([out], [y]) == {y, out}
    # Of a node that ends the walk it is not known what it reads.
    assert dependents([out], [x], stop=[kept]) == set()
    assert dependents([out], [y], stop=[kept]) == {y, out}
    assert dependents([out], [kept], stop=[kept]) == {kept, out}
