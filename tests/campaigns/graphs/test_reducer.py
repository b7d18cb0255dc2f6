"""A planted failure is found, reduced to the wrong op, and printed as Python that repeats it."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import RULES
from tests.campaigns.graphs import pointwise_rules
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.check import faults
from tests.campaigns.graphs.differences import gradient_fault
from tests.campaigns.graphs.generator import drawn_program
from tests.campaigns.graphs.printed import as_python
from tests.campaigns.graphs.reducer import reduced
from tests.campaigns.graphs.targets import Target

INTERPRETER = Target("numpy", passes=False)


def fails(program: Program) -> str:
    return faults([program], INTERPRETER).get(0, "")


def test_a_planted_failure(monkeypatch, capsys):
    programs = [drawn_program(np.random.default_rng([3, k])) for k in range(12)]
    assert not faults(programs, INTERPRETER)
    monkeypatch.setitem(pointwise_rules._ARITHMETIC, "sub", lambda x, y: x - y + 1)
    found = faults(programs, INTERPRETER)
    assert found
    index, fault = next(iter(found.items()))
    smallest, at_last = reduced(programs[index], fault, fails, seconds=20)
    ops = [node.op for node in g.every_node(smallest.outputs) if node.inputs]
    assert ops == ["sub"]
    exec(as_python(smallest, INTERPRETER), {})
    assert capsys.readouterr().out.strip() == at_last


@pytest.mark.parametrize("index", range(8))
def test_programs_run_as_they_are_printed(index, capsys):
    program = drawn_program(np.random.default_rng([4, index]))
    exec(as_python(program, INTERPRETER), {})
    assert capsys.readouterr().out == "as it should be\n"


def test_a_planted_gradient(monkeypatch):
    """Of tanh 1 - z, where it is 1 - z^2."""
    programs = [drawn_program(np.random.default_rng([6, k])) for k in range(6)]
    assert not any(map(gradient_fault, programs))
    monkeypatch.setitem(RULES, "tanh", lambda c, node, wanted: (c * (1.0 - node),))
    found = next(filter(None, map(gradient_fault, programs)))
    assert found.startswith("wrong gradient: by input ")
