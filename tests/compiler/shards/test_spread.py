"""Which updates ranks may share, and what of a root is computed by all of them."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.shards.spread import Spread, analyse_root
from graphc.parallel.slices import Parameter


def variable(*shape: int) -> g.Node:
    return g.shared(np.zeros(shape, "float32"))


def analysed(sums: list, updates: list, states: list, fetched: tuple = ()) -> Spread:
    pairs = [(g.state_of(variable), value) for variable, value in updates]
    return analyse_root(fetched, pairs, sums, [g.state_of(one) for one in states])


def test_an_elementwise_update_is_cut() -> None:
    p, m, rate = variable(3, 4), variable(3, 4), variable()
    d = g.input((3, 4), name="d")
    new = 0.9 * m - rate * d
    found = analysed([d], [(m, new), (p, p + new), (rate, rate * 0.5)], [m])
    assert found.parameters == [Parameter(12)]
    assert found.of[d] == found.of[m] == 0
    assert p not in found.of  # which every rank has whole
    assert rate not in found.of


def test_an_update_with_norms_of_columns_is_whole() -> None:
    p, d = variable(3, 4), g.input((3, 4), name="d")
    new = p - d
    norms = g.sqrt(g.sum(g.square(new), 0, keepdims=True))
    found = analysed([d], [(p, new / norms)], [])
    assert found.parameters == [Parameter(12, True)]


def test_a_norm_of_all_gradients_is_a_total() -> None:
    p, q = variable(3, 4), variable(5)
    d, e = g.input((3, 4), name="d"), g.input((5,), name="e")
    norm = g.sqrt(g.sum(g.square(d)) + g.sum(g.square(e)))
    found = analysed([d, e], [(p, p - d / norm), (q, q - e / norm)], [])
    assert found.parameters == [Parameter(12), Parameter(5)]
    assert [total.parameter for total in found.totals.values()] == [0, 1]
    assert [total.x.shape for total in found.totals.values()] == [(3, 4), (5,)]


def test_a_penalty_on_a_parameter_is_a_total() -> None:
    p, d, loss = variable(3, 4), g.input((3, 4), name="d"), g.input((), name="loss")
    fetched = loss + 0.01 * g.sum(g.square(p))
    found = analysed([d, loss], [(p, p - d)], [], (fetched,))
    assert [total.parameter for total in found.totals.values()] == [0]
    assert loss not in found.of


def test_moves_of_a_sum_are_left_to_whoever_sends_it() -> None:
    p, d = variable(4, 3), g.input((3, 4), name="d")
    found = analysed([d], [(p, p - g.transpose(2.0 * d))], [])
    assert found.parameters == [Parameter(12)]
    ((leaf, moved),) = found.sums.items()
    assert leaf.shape == (4, 3)
    assert moved.source is d
    assert [one.op for one in moved.moves] == ["transpose"]


def test_what_others_need_is_everywhere() -> None:
    """A gradient that is fetched; a state whose new value follows from no gradient; means of
    columns that are kept beside."""
    p, m, means = variable(3, 4), variable(3, 4), variable(4)
    d = g.input((3, 4), name="d")
    assert analysed([d], [(p, p - d)], [], (d,)).parameters == []
    found = analysed([d], [(p, p - d), (m, 0.5 * p)], [m])
    assert found.parameters == [Parameter(12)]
    assert found.kept == {g.state_of(m): "no step reads it"}
    found = analysed([d], [(p, p - d), (means, g.mean(d, 0))], [means])
    assert found.parameters == []
    assert list(found.kept) == [g.state_of(means)]


def test_sizes_that_a_call_decides_are_everywhere() -> None:
    p, d = variable(12), g.input((g.BATCH,), name="d")
    assert analysed([d], [(p, p - g.sum(d))], []).parameters == []
