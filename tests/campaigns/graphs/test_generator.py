"""Graphs that are drawn: from seed and index alone, nearly all of them live, of every kind."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.generator import drawn_program

GRAPHS = 40


@pytest.fixture(scope="module")
def programs() -> list[Program]:
    return [drawn_program(np.random.default_rng([5, k])) for k in range(GRAPHS)]


def test_a_case_is_drawn_from_its_number_alone(programs):
    again = drawn_program(np.random.default_rng([5, 17]))
    assert g.format_graph(again.outputs) == g.format_graph(programs[17].outputs)
    for one, other in zip(again.feeds.values(), programs[17].feeds.values(), strict=True):
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())


def test_at_least_four_fifths_of_the_nodes_are_live(programs):
    live = sum(1 for p in programs for x in g.every_node(p.outputs) if x.inputs)
    assert live >= 0.8 * sum(program.made for program in programs)
    assert live > 20 * GRAPHS


def test_half_of_the_graphs_have_several_symbols(programs):
    several = sum(1 for program in programs if len(program.sizes) > 1)
    assert 0.3 * GRAPHS < several < 0.7 * GRAPHS
    sizes_of_programs = [set(p.sizes.values()) for p in programs if len(p.sizes) > 1]
    assert any(len(values) == 1 for values in sizes_of_programs), (
        "symbols that are equal in the call alone"
    )


def test_graphs_are_of_every_family(programs):
    nodes = [node for program in programs for node in g.every_node(program.outputs)]
    assert {g.OPS[node.op].family for node in nodes} == {row.family for row in g.OPS.values()}
    assert {"item", "random", "dim", "conv", "gather", "scatter_add", "argmax"} <= {
        node.op for node in nodes
    }
    assert {node.dtype for node in nodes if node.op != "scan"} == set(g.DTYPES)
    assert any(program.states for program in programs)
    bodies = [x.attrs["body"] for x in nodes if x.op == "scan"]
    inside = [x for body in bodies for x in g.every_node(body.outputs)]
    assert any(x.op == "scan" for x in inside)


def test_a_second_call_is_of_larger_sizes(programs):
    grown = [(p, p.grown) for p in programs if p.grown is not None]
    assert len(grown) > 0.3 * GRAPHS
    larger = [p for p, q in grown if sum(q.sizes.values()) > sum(p.sizes.values())]
    assert len(larger) > 0.2 * GRAPHS
    for program, other in grown:
        assert other.outputs == program.outputs
        assert [x.dtype for x in other.feeds.values()] == [x.dtype for x in program.feeds.values()]
