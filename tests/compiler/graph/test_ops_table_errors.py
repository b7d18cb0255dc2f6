"""The errors of each op: when the node is made, or at the call where a size is a symbol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.interpret import evaluate
from graphc.errors import DTypeError, IndexRangeError, ShapeError

FLOAT_ONLY = {
    "floor", "round", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "tanh", "sigmoid", "erf",
    "sin", "cos", "div",
}  # fmt: skip
ANY_DTYPE = {"alias", "cast", "print_tensor", "stop_gradient", "where"}
BOOL_ONLY = {"logical_not", "logical_and", "logical_or", "logical_xor", "any", "all"}
POINTWISE = [op for op in g.OPS.values() if op.family == "pointwise" and op.arity is not None]
REDUCTIONS = [op for op in g.OPS.values() if op.family == "reduce"]


def accepted(op: str) -> str:
    return "bool" if op in BOOL_ONLY else "float32"


def pointwise(op: str, *shapes: tuple, dtype: str) -> g.Node:
    nodes = [g.input(shape, dtype) for shape in shapes]
    if op == "where":
        nodes[0] = g.input(shapes[0], "bool")
    return g.make(op, *nodes, **{"cast": {"dtype": "int32"}, "alias": {"serial": 0}}.get(op, {}))


@pytest.mark.parametrize("op", [op.name for op in POINTWISE if op.name not in ANY_DTYPE])
def test_a_pointwise_op_refuses_other_dtypes(op: str):
    if op in FLOAT_ONLY:
        refused = ["bool", "int32", "int64", "uint32"]
    elif op in BOOL_ONLY:
        refused = ["int32", "float32"]
    else:
        refused = [] if op in ("equal", "not_equal") else ["bool"]
    arity = g.OPS[op].arity
    for dtype in refused:
        with pytest.raises(DTypeError, match=f"{op} takes {arity} of one dtype out of .*{dtype}"):
            pointwise(op, *[(2,)] * arity, dtype=dtype)
    if arity > 1 and op not in BOOL_ONLY:
        with pytest.raises(DTypeError, match=f"{op} takes .* received float32, .*float64"):
            g.make(op, *[g.input((2,), d) for d in ("float32", "float64", "float32")[:arity]])


@pytest.mark.parametrize("op", [op.name for op in POINTWISE if op.arity > 1])
def test_a_pointwise_op_refuses_unequal_shapes(op: str):
    rest = [(2, 3)] * (g.OPS[op].arity - 2)
    with pytest.raises(ShapeError, match=rf"{op}: axis 1 of shapes .*sizes differ, 3 and 4"):
        pointwise(op, (2, 3), (2, 4), *rest, dtype=accepted(op))
    with pytest.raises(ShapeError, match=rf"{op}: ranks differ, shapes \(2, 3\) and \(3,\)"):
        pointwise(op, (2, 3), (3,), *rest, dtype=accepted(op))
    with pytest.raises(ShapeError, match=rf"{op}: axis 1 .*sizes differ, 3 and 1"):
        pointwise(op, (2, 3), (2, 1), *rest, dtype=accepted(op))  # nothing stretches here


@pytest.mark.parametrize("op", [op.name for op in REDUCTIONS])
def test_a_reduction_refuses_wrong_axes_and_dtypes(op: str):
    x = g.input((2, 3), accepted(op))
    for axes in ((2,), (-1,), (1, 0), (0, 0)):
        with pytest.raises(ShapeError, match=rf"{op}: axes .* do not fit the shape \(2, 3\)"):
            g.make(op, x, axes=axes)
    with pytest.raises(DTypeError, match=f"{op} takes .*cast"):
        g.make(op, g.input((2,), "float32" if op in BOOL_ONLY else "bool"), axes=(0,))
    if op in ("max", "min", "argmax", "argmin"):
        with pytest.raises(ShapeError, match=f"{op}: axis 0 .*at least 1, received 0"):
            g.make(op, g.constant(np.zeros((0, 2))), axes=(0,))


@pytest.mark.parametrize("op", ["argmax", "argmin"])
def test_positions_that_no_int32_has(op: str):
    """Known sizes are refused where the node is made, others at the call; the arrays are views of
    one number."""
    wide = g.input((2, 2**30), "float32")
    assert g.make(op, wide, axes=(0, 1)).shape == ()
    with pytest.raises(
        ShapeError, match=rf"{op}: axes \(0, 1\) .*at most 2147483648, received 3221"
    ):
        g.make(op, g.input((3, 2**30), "float32"), axes=(0, 1))
    open_sizes = g.input((None, None), "float32", name="x")
    assert g.make(op, wide, axes=(1,)).shape == (2,)
    found = function([open_sizes], g.make(op, open_sizes, axes=(0, 1)), once=True)
    rows = np.broadcast_to(np.float32(0), (3, 2**30))
    with pytest.raises(ShapeError, match=rf"{op}: axes .*needs 2147483648 >= .* = 3221225472"):
        found(rows)


def test_a_count_that_no_int32_has():
    with pytest.raises(
        ShapeError, match="iota of int32: needs at most 2147483648, received 2147483649"
    ):
        g.iota(2**31 + 1)
    assert g.iota(2**31 + 1, "int64").shape == (2**31 + 1,)


CONV = {
    "strides": (1,),
    "padding": ((0, 0),),
    "input_dilation": (1,),
    "kernel_dilation": (1,),
}
POOL = {"window": (2,), "strides": (1,), "padding": ((0, 0),)}
RANGES = g.input((1, 1, 3), "int32")
KEY = {"seed": 0, "stream": 0, "serial": 0}
STEP = [g.input((), "int32")]
POSITIONS = [g.input((), "int64"), g.input((), "int64")]


def floats(*shapes: tuple) -> list[g.Node]:
    return [g.input(shape, "float32") for shape in shapes]


def indexed(indices: tuple, values: tuple) -> list[g.Node]:
    return [g.input(indices, "int32"), g.input(values, "float32")]


def bools(count: int) -> list[g.Node]:
    return [g.input((2,), "bool") for _ in range(count)]


# op, inputs, attributes, error, message
REFUSED: list[tuple[str, list[g.Node], dict[str, Any], type, str]] = [
    ("cast", floats((2,)), {"dtype": "float16"}, DTypeError, "cast: expected a dtype out of bool"),
    ("where", floats((2,), (2,), (2,)), {}, DTypeError, "where takes a bool condition"),
    ("pack_bools", bools(9), {}, DTypeError, "pack_bools takes 1 to 8 of dtype bool, received"),
    ("pack_bools", [], {}, DTypeError, "pack_bools takes 1 to 8 of dtype bool"),
    ("pack_bools", [*bools(1), *floats((2,))], {}, DTypeError, "pack_bools takes 1 to 8 of dtype"),
    ("pack_bools", [*bools(1), g.input((3,), "bool")], {}, ShapeError, "pack_bools: axis 0 .* 2 a"),
    ("input", [], {"serial": -9, "shape": (-1,), "dtype": "int32"}, ShapeError, "axis 0"),
    ("input", [], {"serial": -9, "shape": (), "dtype": "complex64"}, DTypeError, "not supported"),
    ("arg", [], {"index": 0, "shape": (), "dtype": "int8"}, DTypeError, "int8"),
    ("iota", [], {"size": 3, "dtype": "str"}, DTypeError, "use bool, int32"),
    ("random", floats(()), {**KEY, "shape": (), "axis": None}, DTypeError, "step"),
    ("random", STEP, {**KEY, "shape": (2,), "axis": 0}, DTypeError, "step .* the range begins"),
    ("random", [*STEP, *POSITIONS], {**KEY, "shape": (2,), "axis": None}, DTypeError, "step"),
    ("random", [*STEP, *POSITIONS], {**KEY, "shape": (2,), "axis": 1}, ShapeError, "axis 1 does"),
    ("random", [*STEP, *STEP, *STEP], {**KEY, "shape": (2,), "axis": 0}, DTypeError, "int64"),
    ("reshape", floats((2, 3)), {"shape": (4,)}, ShapeError, "number of elements.*6 and 4"),
    ("transpose", floats((2, 3)), {"order": (0, 0)}, ShapeError, "no permutation"),
    ("broadcast", floats((2, 3)), {"shape": (2, 3, 4), "axes": (1, 0)}, ShapeError, "in order"),
    ("broadcast", floats((2,)), {"shape": (2,), "axes": (1,)}, ShapeError, "not all axes"),
    ("broadcast", floats((1,)), {"shape": (5,), "axes": (0,)}, ShapeError, "axis 0.*1 and 5"),
    ("slice", floats((4,)), {"start": (2,), "stop": (5,), "step": (1,)}, ShapeError, "axis 0"),
    ("slice", floats((4,)), {"start": (-1,), "stop": (2,), "step": (1,)}, ShapeError, "at least 0"),
    ("slice", floats((4,)), {"start": (3,), "stop": (2,), "step": (1,)}, ShapeError, "at least 3"),
    ("pad", floats((2,)), {"low": (-1,), "high": (0,), "interior": (0,), "value": 0.0},
     ShapeError, "pad along axis 0"),
    ("pad", [g.constant(np.zeros(0))],
     {"low": (0,), "high": (0,), "interior": (1,), "value": 0.0}, ShapeError, "at least 0"),
    ("concat", floats((2, 3), (2, 3)), {"axis": 2}, ShapeError, "axis 2 does not exist"),
    ("concat", floats((2, 3), (3, 3)), {"axis": 1}, ShapeError, "axis 0 .*2 and 3"),
    ("concat", floats((2, 3), (2,)), {"axis": 0}, ShapeError, "ranks differ"),
    ("concat", indexed((2,), (2,)), {"axis": 0}, DTypeError, "one dtype, received int32, float32"),
    ("concat", [], {"axis": 0}, DTypeError, "one or more"),
    ("flip", floats((2,)), {"axes": (1,)}, ShapeError, "flip: axes"),
    ("matmul", floats((2, 3), (4, 5)), {}, ShapeError, "last axis of the left.*3 and 4"),
    ("matmul", floats((2, 2, 3), (3, 3, 4)), {}, ShapeError, "axis 0.*2 and 3"),
    ("matmul", floats((3,), (3,)), {}, ShapeError, "rank of at least 2"),
    ("matmul", indexed((2, 2), (2, 2)), {}, DTypeError, "matmul takes two of one dtype"),
    ("conv", floats((1, 2, 5), (1, 3, 2)), CONV, ShapeError, "channels .*2 and 3"),
    ("conv", floats((1, 2, 5), (1, 2, 6)), CONV, ShapeError, "spatial axis 0.*at least 6"),
    ("conv", floats((2, 5), (2, 2)), CONV, ShapeError, "rank 3, 4 or 5"),
    ("conv", indexed((1, 1, 3), (1, 1, 2)), CONV, DTypeError, "conv takes"),
    ("gather", floats((3,), (2,)), {"axis": 0}, DTypeError, "gather takes indices of int32, int64"),
    ("gather", indexed((2,), (3,))[::-1], {"axis": 1}, ShapeError, "axis 1 does not exist"),
    ("scatter_add", floats((2,), (2,)), {"axis": 0, "size": 3}, DTypeError, "indices of int32"),
    ("scatter_add", indexed((2,), (3,)), {"axis": 0, "size": 3}, ShapeError, "axis 0.*2 and 3"),
    ("scatter_add", indexed((2,), (2,)), {"axis": 1, "size": 3}, ShapeError, "do not fit"),
    ("max_pool", floats((1, 4)), POOL, ShapeError, "needs rank 3"),
    ("max_pool", floats((1, 1, 1)), POOL, ShapeError, "spatial axis 0"),
    ("max_pool", floats((1, 1, 4)), {**POOL, "padding": ((2, 0),)}, ShapeError,
     "leaves windows of 2 with no element"),
    ("max_pool", [g.input((1, 1, 4), "int32")], POOL, DTypeError, "max_pool takes"),
    ("argmax_pool", floats((1, 4)), POOL, ShapeError, "needs rank 3"),
    ("argmax_pool", [g.input((1, 1, 4), "int32")], POOL, DTypeError, "argmax_pool takes"),
    ("gather_pool", [RANGES, *floats((1, 1, 5))], POOL, ShapeError,
     "gather_pool: axis 2 .*4 and 3"),
    ("gather_pool", floats((1, 1, 3), (1, 1, 4)), POOL, DTypeError,
     "gather_pool takes int32 argmax"),
    ("max_unpool", [RANGES, *floats((1, 1, 4))], {**POOL, "size": (4,)}, ShapeError,
     "max_unpool: axis 2 .*3 and 4"),
    ("max_unpool", [RANGES, *floats((1, 1, 3))], {**POOL, "size": (5,)}, ShapeError,
     "max_unpool: axis 2 .*4 and 3"),
    ("max_unpool", floats((1, 1, 3), (1, 1, 3)), {**POOL, "size": (4,)}, DTypeError,
     "max_unpool takes"),
    ("sum_pool", floats((1, 1)), POOL, ShapeError, "needs rank 3"),
    ("sum_pool", [g.input((1, 1, 4), "int32")], POOL, DTypeError, "sum_pool takes"),
    ("sum_unpool", floats((1, 1, 4)), {**POOL, "size": (4,)}, ShapeError, "axis 2 .*3 and 4"),
    ("sum_unpool", [g.input((1, 1, 3), "int32")], {**POOL, "size": (4,)}, DTypeError, "takes"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSED, ids=[f"{row[0]}-{k}" for k, row in enumerate(REFUSED)])
def test_refused_when_made(row):
    op, inputs, attrs, error, message = row
    with pytest.raises(error, match=message), g.origin("layer_7"):
        g.make(op, *inputs, **attrs)


def test_every_op_that_can_refuse_has_a_row():
    # A size or a state is always valid; a constant and an item come from values that are.
    never = {"shared", "constant", "dim", "item"}
    generic = {op.name for op in (*POINTWISE, *REDUCTIONS)}
    assert set(g.OPS) == generic | {row[0] for row in REFUSED} | never | {"scan"}


def test_a_refusal_names_the_layer():
    with g.origin("dense_3"):
        with pytest.raises(ShapeError, match="^dense_3: matmul of"):
            g.make("matmul", *floats((2, 3), (4, 5)))
        with pytest.raises(DTypeError, match="^dense_3: exp takes"):
            g.make("exp", g.input((2,), "int32"))


def test_scan_refuses_carries_and_sequences_that_do_not_fit():
    x, h = floats((5, 2), (2,))
    with pytest.raises(DTypeError, match="carry 0 starts as float32 and the step gives int32"):
        g.scan(lambda c, s: ((g.cast(c[0], "int32"),), ()), [h], [x])
    with pytest.raises(ShapeError, match="axis 0 of carry 0.*2 and 3"):
        g.scan(lambda c, s: ((g.zeros((3,), "float32"),), ()), [h], [x])
    with pytest.raises(ShapeError, match="steps of sequence 1.*5 and 4"):
        g.scan(lambda c, s: (c, ()), [h], [x, g.input((4, 2), "float32")])


@pytest.mark.parametrize("op", [op.name for op in POINTWISE if op.arity > 1])
def test_sizes_that_are_symbols_are_compared_at_the_call(op: str):
    dtype = accepted(op)
    shapes = [(None,), (None,), (None,)][: g.OPS[op].arity]
    nodes = [g.input(shape, dtype) for shape in shapes]
    if op == "where":
        nodes[0] = g.input((None,), "bool")
    node = g.make(op, *nodes)
    feeds = {x: np.ones(3, x.dtype) for x in nodes}
    assert evaluate([node], feeds)[0].shape == (3,)
    for size in (1, 2):  # a size of 1 may not stretch, though NumPy would do it
        wrong = feeds | {nodes[-1]: np.ones(size, nodes[-1].dtype)}
        with pytest.raises(ShapeError, match=rf"{op}: axis 0 .*3 and .*{size}"):
            evaluate([node], wrong)


def test_symbolic_sizes_of_other_ops_are_compared_at_the_call():
    n, m = g.input((None, 2), "float32"), g.input((None, 3), "float32")
    rows = np.ones((4, 2), "float32")
    feeds = {n: rows, m: np.ones((5, 3), "float32")}
    with pytest.raises(ShapeError, match="concat along axis 1: axis 0.*4 and .*5"):
        evaluate([g.concat([n, m], 1)], feeds)
    with pytest.raises(ShapeError, match="reshape.*number of elements.*8 and 9"):
        evaluate([g.reshape(n, (3, 3))], {n: rows})
    with pytest.raises(
        ShapeError, match=r"axis 0 of \(input_0, 2\), taken as the 5 of \(5, 2\): n"
    ):
        evaluate([g.reshape(n, (5, 2))], {n: rows})
    with pytest.raises(ShapeError, match="axis 0.*needs input_0 >= 6, received input_0 = 4 and 6"):
        evaluate([n[:6]], {n: rows})


def test_several_axes_summed_in_pairs_are_compared_pair_by_pair():
    x, y = g.input((None, 4, 5), name="x"), g.input((None, 4, 2), name="y")
    z = g.input((3, 4, 2), name="z")
    values = np.arange(60, dtype="float32").reshape(3, 4, 5)
    others = np.arange(24, dtype="float32").reshape(3, 4, 2)
    for right in (y, z):
        for axes in (([0, 1], [0, 1]), ([1, 0], [1, 0])):
            for left, order in ((x, "abi,abj->ij"), (right, "abj,abi->ji")):
                other = right if left is x else x
                feeds = {x: values, right: others}
                (received,) = evaluate([g.tensordot(left, other, axes)], feeds)
                expected = np.einsum(order, feeds[left], feeds[other])
                np.testing.assert_array_equal(received, expected)
    wrong = {x: values[:2], y: others, z: others}
    with pytest.raises(
        ShapeError, match=r"^tensordot: axis 0 of .*needs x_0 == y_0, received x_0 = 2 and y_0 = 3"
    ):
        evaluate([g.tensordot(x, y, ([0, 1], [0, 1]))], wrong)
    for known in (g.tensordot(x, z, ([0, 1], [0, 1])), g.tensordot(z, x, ([0, 1], [0, 1]))):
        assert {
            node.inputs[0].shape[-1] for node in g.toposort([known]) if node.op == "matmul"
        } == {12}
        with pytest.raises(
            ShapeError, match=r"^tensordot: axis 0 of .*needs (x_0 == 3|3 == x_0), received "
        ):
            evaluate([known], wrong)
    with pytest.raises(ShapeError, match=r"^tensordot: axis 1 of .* axis 1 .*differ, 4 and 5"):
        g.tensordot(x, g.input((None, 5)), ([0, 1], [0, 1]))


@pytest.mark.parametrize("bad", [-1, 4])
def test_an_index_outside_of_its_axis_names_index_position_axis_and_layer(bad: int):
    values, indices = g.input((3, 4), "float32"), g.input((2, None), "int32")
    with g.origin("embedding_1"):
        taken = g.take(values, indices, axis=1)
        added = g.scatter_add(indices, g.cast(indices, "float32"), 4)
    where = rf"index {bad} at position \(1, 2\) .*axis %d with size 4; expected 0 to 3"
    chosen = np.array([[0, 1, 3], [2, 2, bad]], "int32")
    feeds = {values: np.zeros((3, 4), "float32"), indices: chosen}
    with pytest.raises(IndexRangeError, match="^embedding_1: gather: " + where % 1):
        evaluate([taken], feeds)
    with pytest.raises(IndexRangeError, match="^embedding_1: scatter_add: " + where % 0):
        evaluate([added], {indices: chosen})
    with pytest.raises(IndexError, match="as the only index"):
        evaluate([g.take(np.zeros(4), g.constant(bad))])


@pytest.mark.parametrize("size", [4.0, "a", True, np.array([1, 2])])
def test_a_size_that_is_no_int_is_refused(size: Any):
    x = g.input((3, 4))
    for build in (
        lambda: g.input((size, 3)),
        lambda: g.reshape(x, (size, 3)),
        lambda: g.pad(x, [(size, 0), (0, 0)]),
    ):
        with pytest.raises(ShapeError, match="a size is an int or a symbol, received"):
            build()


def test_sizes_axes_and_indices_may_be_ints_of_numpy():
    x = g.input((np.int64(3), np.int32(4)))
    assert [type(size) for size in x.shape] == [int, int]
    assert g.sum(x, np.int64(1)).shape == (3,)
    assert x[np.int64(1)] is x[1]
    assert g.reshape(x, (np.int64(4), 3)) is g.reshape(x, (4, 3))


def test_negative_sizes_and_axes_that_do_not_exist_are_refused():
    x = g.input((3, 4))
    with pytest.raises(ShapeError, match="axis 0: needs at least 0, received -2"):
        g.reshape(x, (-2, -6))
    with pytest.raises(ShapeError, match="axis 1: needs at least 0, received -1"):
        g.repeat(x, -1, 0)
    with pytest.raises(ShapeError, match="swap_axes: axis 5 does not exist"):
        g.swap_axes(x, 0, 5)
    with pytest.raises(ShapeError, match="sum: an axis is an int, received 1.0"):
        g.sum(x, 1.0)
    with pytest.raises(DTypeError, match="expected an int, a slice"):
        x[np.array([0, 1])]


@pytest.mark.parametrize("value", [1.5, 2**40, float("nan"), [-1, 2**31]])
def test_a_constant_of_an_integer_dtype_holds_its_value(value: Any):
    with pytest.raises(DTypeError, match="expected whole numbers that int32 holds, received"):
        g.constant(value, "int32")
