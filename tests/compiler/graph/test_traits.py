"""Each column of traits of the op table against what the interpreter computes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from graphc.compiler import graph as g
from graphc.compiler.graph import OPS, Moves
from graphc.compiler.graph.expressions.random import bits
from graphc.compiler.interpret import NUMPY, evaluate
from graphc.errors import DTypeError
from tests.compiler.graph.op_cases.case import Case
from tests.compiler.graph.op_cases.table import CASES

FED = [case for case in CASES if case.arrays and all(array.size for array in case.arrays)]
COMPUTED = [name for name in OPS if name in NUMPY]
POINTWISE = [name for name, op in OPS.items() if op.family == "pointwise"]
EXTRA = {"cast": {"dtype": "int32"}, "alias": {"serial": 0}, "print_tensor": {"message": ""}}
DTYPES = ("float32", "float64", "int32", "int64", "uint32", "bool")

Reference = Callable[..., np.ndarray]


MOST = 12  # cases of an op


def cases_of(op: str) -> list[Case]:
    """Cases of an op, spread over all that there are."""
    found = [case for case in FED if case.op == op]
    return found[:: max(len(found) // MOST, 1)]


def computed(case: Case, *values: np.ndarray) -> np.ndarray:
    """The value of a case's op at other values of the same types."""
    inputs = [g.input(array.shape, array.dtype.name) for array in case.arrays]
    return evaluate([case.node(*inputs)], dict(zip(inputs, values, strict=True)))[0]


def pointwise(op: str) -> Iterator[tuple[str, int, Reference]]:
    """Yield the dtypes that a pointwise op of inputs of one dtype takes, and the op as a function
    of arrays of it."""
    arity = OPS[op].arity or 2
    for dtype in DTYPES:
        inputs = [g.input((None,), dtype) for _ in range(arity)]
        if op == "where":
            inputs[0] = g.input((None,), "bool")
        try:
            node = g.make(op, *inputs, **EXTRA.get(op, {}))
        except DTypeError:
            continue

        def function(*values: np.ndarray, node: g.Node = node, inputs: list = inputs) -> np.ndarray:
            fed = {x: value.astype(x.dtype) for x, value in zip(inputs, values, strict=True)}
            return evaluate([node], fed)[0]

        yield dtype, arity, function


def edges(dtype: str) -> np.ndarray:
    """A few values of a type, those at its ends among them."""
    if dtype == "bool":
        return np.array([False, True])
    few = [0, 1, 2, 3, 5]
    if dtype.startswith("float"):
        limits = np.finfo(dtype)
        few += [-0.0, -1.5, -4.0, limits.max, limits.tiny, np.inf, -np.inf, np.nan]
    else:
        few += [np.iinfo(dtype).min, np.iinfo(dtype).max]
    return np.array(few, dtype)


@pytest.mark.parametrize("op", [name for name in POINTWISE if OPS[name].arity == 2])
def test_an_op_commutes_where_swapped_inputs_give_the_same(op):
    """All pairs of edge values; the sign of the zero that `maximum` takes of two is left open."""
    commutes = True
    for dtype, _, function in pointwise(op):
        pairs = itertools.product(edges(dtype), edges(dtype))
        x, y = (np.array(column) for column in zip(*pairs, strict=True))
        commutes &= np.array_equal(
            *(1 * function(*pair) for pair in ((x, y), (y, x))), equal_nan=True
        )
    assert OPS[op].traits.commutative == commutes


@pytest.mark.parametrize("op", POINTWISE)
def test_a_pointwise_op_keeps_zeros_or_does_not(op):
    zeros = np.zeros(1)
    keeps = all(not np.any(function(*[zeros] * arity)) for _, arity, function in pointwise(op))
    assert OPS[op].traits.keeps_zero == keeps


@pytest.mark.parametrize("op", [name for name in COMPUTED if OPS[name].traits.keeps_zero])
def test_zeros_stay_zeros(op):
    for case in cases_of(op):
        assert not np.any(computed(case, *map(np.zeros_like, case.arrays)))


def is_linear(case: Case, group: tuple[int, ...]) -> bool:
    """Return True where the op of a case takes sums of the inputs of a group to sums."""
    rng = np.random.default_rng(5)
    fixed = [rng.normal(size=x.shape) if x.dtype.kind == "f" else x for x in case.arrays]
    one, two = ([rng.normal(size=x.shape) for x in fixed] for _ in range(2))
    first, second, whole = (
        1.0 * computed(case, *(term[k] if k in group else x for k, x in enumerate(fixed)))
        for term in (one, two, [x + y for x, y in zip(one, two, strict=True)])
    )
    return np.allclose(whole, first + second, rtol=1e-4, atol=1e-4)


def floats_of(case: Case) -> list[int]:
    return [k for k, x in enumerate(case.arrays) if x.dtype == "float64"]


def of_floats(op: str) -> list[Case]:
    """Cases from floats to floats, and of padding with zeros."""
    return [
        case
        for case in cases_of(op)
        if floats_of(case) and case.expected.dtype.kind == "f" and not case.attrs.get("value")
    ]


@pytest.mark.parametrize("op", [name for name in COMPUTED if of_floats(name)])
def test_an_op_is_linear_in_the_groups_of_inputs_that_it_names(op):
    """In these, and in no others: neither in a single input, nor in all that are floats."""
    cases = of_floats(op)
    declared = OPS[op].traits.linear
    inputs = sorted({k for case in cases for k in floats_of(case)})
    groups = {(k,) for k in inputs} | {tuple(inputs)}
    if declared is None:
        assert all(is_linear(case, tuple(range(len(case.arrays)))) for case in cases)
    else:
        linear = {group for group in groups if all(is_linear(case, group) for case in cases)}
        assert linear == set(declared)


@pytest.mark.parametrize("op", [name for name in OPS if OPS[name].traits.identity])
def test_a_mark_is_its_input(op):
    for case in cases_of(op):
        (x,) = case.arrays
        assert computed(case, x).tobytes() == x.tobytes()


FIRST = 1000  # above all numbers that cases pad with


@pytest.mark.parametrize("op", [name for name in OPS if OPS[name].traits.moves])
def test_an_index_map_moves_elements_as_it_says(op):
    moves = OPS[op].traits.moves
    for case in cases_of(op):
        elements = np.concatenate([array.ravel() for array in case.arrays])
        if elements.dtype == "bool":
            continue
        ends = np.cumsum([array.size for array in case.arrays])[:-1]
        numbers = np.split(FIRST + np.arange(elements.size), ends)
        numbered = [
            part.reshape(array.shape).astype(array.dtype)
            for part, array in zip(numbers, case.arrays, strict=True)
        ]
        where = computed(case, *numbered)
        where = np.where(np.isfinite(where), where, 0).astype("int64") - FIRST
        taken = where[where >= 0]
        copies = np.bincount(taken, minlength=elements.size)
        if moves is not Moves.PADDED:
            assert (where >= 0).all()
        if moves is not Moves.REPEATED:
            assert copies.max() <= 1
        if moves is not Moves.SELECTED:
            assert copies.min() >= 1
        # Whatever the elements are, the result has these.
        assert case.expected[where >= 0].tobytes() == elements[taken].tobytes()


def test_what_moves_elements_is_the_family_movement():
    assert {n for n in OPS if OPS[n].traits.moves} == {
        name for name, op in OPS.items() if op.family == "movement"
    }


SHAPES = arrays.array_shapes(min_dims=2, max_dims=4, max_side=3).flatmap(
    lambda shape: st.tuples(
        arrays.arrays("int64", shape, elements=st.integers(-3, 3)),
        st.permutations(range(len(shape))),
        st.integers(1, len(shape) - 1),
        st.integers(0, len(shape)),
    )
)


@settings(max_examples=30)
@given(st.sampled_from([name for name in OPS if OPS[name].traits.nests]), SHAPES)
def test_a_reduction_of_a_reduction_is_one_over_both(op, case):
    array, order, first, last = case
    inner, outer = sorted(order[:first]), sorted(order[first : max(first, last)])
    value = array > 0 if op in ("any", "all") else array
    x = g.input(value.shape, value.dtype.name)
    left = [axis for axis in range(x.ndim) if axis not in inner]
    once = g.make(op, x, axes=tuple(sorted((*inner, *outer))))
    nested = g.make(op, x, axes=tuple(inner))
    twice = g.make(op, nested, axes=tuple(left.index(axis) for axis in outer))
    one, two = evaluate([once, twice], {x: value})
    np.testing.assert_array_equal(one, two, strict=True)


@pytest.mark.parametrize("op", [name for name, op in OPS.items() if op.family == "window"])
def test_a_pooling_gives_one_value_a_window(op):
    for case in cases_of(op):
        spatial = case.arrays[-1].shape[2:], case.expected.shape[2:]
        large, small = spatial if OPS[op].traits.pools else spatial[::-1]
        given = (case.attrs[name] for name in ("window", "strides", "padding"))
        sides = zip(large, *given, strict=True)
        windows = [(n + sum(pad) - extent) // by + 1 for n, extent, by, pad in sides]
        assert tuple(windows) == small


@pytest.mark.parametrize("op", [n for n in COMPUTED if not OPS[n].traits.has_gradient])
def test_what_has_no_gradient_is_constant_in_pieces(op):
    """Or has no floats, or is a mark."""
    if OPS[op].traits.identity:
        return
    for case in cases_of(op):
        floats = [x for x in case.arrays if x.dtype == "float64"]
        if case.expected.dtype.kind != "f" or len(floats) < len(case.arrays):
            continue
        rng = np.random.default_rng(3)
        arrays = [rng.uniform(0.1, 0.9, x.shape) + rng.integers(1, 3, x.shape) for x in floats]
        nudged = [x + 1e-9 for x in arrays]
        np.testing.assert_array_equal(computed(case, *arrays), computed(case, *nudged))


@pytest.mark.parametrize("op", OPS)
def test_what_is_supplied_is_not_computed(op):
    assert OPS[op].traits.supplied == (op not in NUMPY)


def test_a_closed_node_is_known_without_a_call():
    """A loop's body may hold it: its value is the same whatever the call."""
    closed = g.cast(g.make("iota", size=3, dtype="int32"), "float64") * g.constant(2.0)
    assert closed.closed
    assert evaluate([closed])[0].tolist() == [0.0, 2.0, 4.0]
    drawn = g.cast(bits((3,)), "float64")
    for outside in (g.input((3,)), g.shared(np.zeros(3)), drawn):
        assert not outside.closed
        assert not (outside + closed).closed
