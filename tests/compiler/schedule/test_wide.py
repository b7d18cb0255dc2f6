"""Values that many kernels, or one kernel of many parameters, would read."""

import numpy as np
import pytest

import graphc
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.graph import toposort
from graphc.compiler.interpret import Program
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.identical import functions
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from graphc.compiler.schedule import make_schedule
from graphc.compiler.schedule.inline import MOST_CONCATENATED, MOST_POINTERS
from graphc.compiler.schedule.wide import divide_concatenations
from graphc.config import config
from tests.native.graph_programs import needs_compiler


def joined(count: int) -> list[g.Node]:
    """The sum of squares of a concatenation, and its gradients by all parts."""
    parts = [g.input((g.BATCH, 3), "float32") for _ in range(count)]
    loss = g.sum(g.square(g.concat(parts, axis=1)))
    return optimize([loss, *graphc.grad(loss, parts)])[0]


def repeated(count: int) -> list[g.Node]:
    """A concatenation of few values, each many times, and the gradient by their source."""
    x = g.input((g.BATCH, 8), "float32")
    parts = [g.tanh(x[:, k % 8 : k % 8 + 1]) for k in range(count)]
    loss = g.sum(g.square(g.concat(parts, axis=1)))
    return optimize([loss, *graphc.grad(loss, [x])])[0]


def lengths(outputs: list[g.Node]) -> list[int]:
    """The lines of each function of a native program."""
    return [len(text.splitlines()) for text in functions(lower_native(outputs).program.steps)]


@pytest.mark.parametrize("program", [joined, repeated])
def test_the_text_of_a_wide_concatenation_grows_with_its_parts_alone(program):
    """It grew with their square: each reader of the concatenation chose among all parts."""
    assert sum(lengths(program(300))) < 3 * sum(lengths(program(100)))


def test_more_parts_are_more_functions_not_longer_ones():
    """An undivided concatenation was one function with a parameter and text for each part."""
    small, large = (launches(lower_native(joined(count)).program.steps) for count in (100, 300))
    assert len(large) > len(small)
    most = [max(len(one.arguments) for one in found) for found in (small, large)]
    assert most[1] <= most[0] < 100
    assert max(lengths(joined(300))) <= max(lengths(joined(100)))


@pytest.mark.parametrize("count", [MOST_CONCATENATED + 1, 300])
def test_no_kernel_joins_more_than_it_may(count):
    for step in make_schedule(divide_concatenations(joined(count)), {}, 0):
        assert len(step.inputs) <= MOST_POINTERS


@pytest.mark.parametrize(
    "count", [MOST_CONCATENATED, MOST_CONCATENATED + 1, MOST_CONCATENATED**2 + 5]
)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_divided_concatenation_is_the_same(count, axis):
    parts = [g.input((2, 3), "float32") for _ in range(count)]
    whole = g.concat(parts, axis=axis)
    (divided,) = divide_concatenations([whole])
    assert (divided is whole) == (count <= MOST_CONCATENATED)
    assert divided.shape == whole.shape
    assert max(len(node.inputs) for node in toposort([divided])) <= MOST_CONCATENATED
    arrays = [np.full((2, 3), k, "float32") for k in range(count)]
    (value,) = Program([divided]).run(dict(zip(parts, arrays, strict=True)), {}, 0)
    np.testing.assert_array_equal(value, np.concatenate(arrays, axis))


@needs_compiler
def test_a_wide_concatenation_natively():
    config.cpu = "native"
    parts = [g.input((g.BATCH, 1 + k % 3), "float32") for k in range(MOST_CONCATENATED + 3)]
    whole = g.concat(parts, axis=1)
    weights = np.arange(sum(part.shape[1] for part in parts), dtype="float32")
    grads = graphc.grad(g.sum(whole * weights), [parts[0], parts[-1]])
    arrays = [np.full((2, part.shape[1]), k, "float32") for k, part in enumerate(parts)]
    value, first, last = function(parts, [whole, *grads])(*arrays)
    np.testing.assert_array_equal(value, np.concatenate(arrays, 1))
    np.testing.assert_array_equal(first, [weights[:1]] * 2)
    np.testing.assert_array_equal(last, [weights[-last.shape[1] :]] * 2)
