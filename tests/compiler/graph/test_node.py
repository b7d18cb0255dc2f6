"""Nodes: interning, identity of attributes, weak table, truth value, claims about sizes."""

import gc
import operator as op
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import node as node_module
from graphc.compiler.graph.expressions.scan import make_scan
from graphc.compiler.graph.node import live_nodes
from graphc.errors import DTypeError, ShapeError


def test_equal_nodes_are_one_object():
    x = g.input((g.BATCH, 3))
    assert g.exp(x) + 1 is g.exp(x) + 1
    assert g.input((3,)) is not g.input((3,))
    assert g.shared(1.0) is not g.shared(1.0)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (0.0, -0.0, False),
        (float("nan"), float("nan"), True),
        (np.float32(1), np.float64(1), False),
        (np.zeros(2, "float32"), np.zeros((2, 1), "float32"), False),
    ],
)
def test_attributes_compare_by_type_and_bytes(left, right, same):
    def constant(value):
        return g.constant(value, dtype=getattr(value, "dtype", np.dtype("float32")).name)

    assert (constant(left) is constant(right)) == same


def test_one_is_not_true():
    assert g.constant(1) is not g.constant(True)
    x = g.input((2,))
    assert g.make("pad", x, low=(1,), high=(0,), interior=(0,), value=0.0) is not g.make(
        "pad", x, low=(1,), high=(0,), interior=(0,), value=-0.0
    )


def test_a_node_is_frozen_and_has_no_truth_value():
    x = g.input((2,))
    with pytest.raises(AttributeError, match="frozen"):
        x.shape = (3,)
    with pytest.raises(DTypeError, match="where"):
        bool(x > 0)


@pytest.mark.parametrize(
    "use",
    [
        np.asarray,
        lambda x: np.array([x, x]),
    ],
)
def test_a_node_is_no_array(use):
    with pytest.raises(DTypeError, match="use graphc's functions on nodes, e.g. K.mean"):
        use(g.input((2,)))


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("exp", np.exp),
        ("maximum", lambda x: np.maximum(0.0, x)),
        ("add", lambda x: np.add(x, x)),
        ("add.reduce", np.add.reduce),
        ("sum", np.sum),
        ("mean", lambda x: np.mean(x, axis=-1)),
        ("dot", lambda x: np.dot(x, np.ones((2, 2)))),
        ("concatenate", lambda x: np.concatenate([x, x])),
    ],
)
def test_numpys_functions_are_refused_by_name(name, use):
    with pytest.raises(DTypeError, match=f"^np.{name}: .*use K's on nodes, e.g. K.exp"):
        use(g.input((2,)))


def test_numpys_shape_and_rank_are_known():
    x = g.input((2, None))
    assert (np.shape(x), np.ndim(x)) == (x.shape, 2)


@pytest.mark.parametrize(
    "operator",
    [op.add, op.sub, op.mul, op.truediv, op.floordiv, op.mod, op.pow, op.lt, op.le, op.gt, op.ge],
)
def test_arrays_on_the_left_of_an_operator(operator):
    """The same node as with a constant in the place of the array."""
    x, array = g.input((2,), "float32"), np.array([1.0, 2.0], "float32")
    assert operator(array, x) is operator(g.constant(array), x)
    assert operator(np.float64(2), x) is operator(g.constant(np.float64(2)), x)


def test_arrays_and_nodes_are_never_equal():
    x, array = g.input((2,)), np.zeros(2)
    assert (array == x, x == array, array != x, x != array) == (False, False, True, True)


def test_adding_a_node_in_place_binds_the_name_anew():
    total = before = np.zeros(2, "float32")
    x = g.input((2,), "float32")
    total += x
    assert total is before + x
    assert before.tolist() == [0, 0]


def test_a_constant_does_not_follow_the_array_it_came_from():
    array = np.zeros(2, "float32")
    node = g.constant(array)
    array[0] = 5
    assert node.attrs["value"].tolist() == [0, 0]


def test_the_table_is_weak_and_a_deep_chain_goes_away():
    gc.collect()
    before = len(list(live_nodes()))
    node = g.input((2,))
    for _ in range(50_000):
        node = g.tanh(node)
    assert len(g.toposort([node])) == 50_001
    del node
    gc.collect()
    assert len(list(live_nodes())) == before


def test_what_keeps_a_node_with_its_readers_goes_away_with_them():
    """As a layer does: its input's history leads to its output, through attributes here too."""
    gc.collect()
    before = set(map(id, live_nodes()))
    x = g.input((4, 3))
    (last,), _ = g.scan(lambda c, s: ((g.tanh(c[0] + s[0]),), ()), [x[0]], [x])
    scan = next(node for node in g.toposort([last]) if node.op == "scan")
    g.set_history(x, [g.exp(x), last])
    g.set_history(scan.attrs["body"].outputs[0], [scan])
    assert set(map(id, live_nodes())) > before
    del x, last, scan
    gc.collect()
    assert set(map(id, live_nodes())) == before


def test_nodes_of_one_hash_are_two():
    """Interning compares nodes themselves, not their hashes alone."""

    def numbered(serial):
        return g.make("input", serial=serial, shape=(2,), dtype="float32")

    assert hash(-1) == hash(-2)  # in CPython
    first, second = numbered(-1), numbered(-2)
    assert numbered(-1) is first
    assert numbered(-2) is second
    del first
    gc.collect()
    assert numbered(-2) is second
    assert numbered(-1).attrs["serial"] == -1


def test_the_address_of_a_node_that_is_gone_finds_nothing_of_it():
    """Nodes are interned by the identity of their inputs, and an address is used again."""
    addresses = set()
    for _ in range(100):
        x = g.input((3,))
        addresses.add(id(x))
        y = g.exp(x)
        assert y.inputs[0] is x
    assert len(addresses) < 100  # else this tests nothing


def test_the_table_forgets_nodes_when_others_enter():
    kept = [g.input((2,)) for _ in range(100)]
    for _ in range(50):
        kept.pop()
    kept.append(g.input((2,)))
    assert sum(map(len, node_module._table.values())) == len(list(live_nodes()))


def test_threads_that_make_equal_nodes_get_one():
    x = g.input((2,))
    together = threading.Barrier(4)

    def make_all():
        together.wait()
        made = []
        for k in range(300):
            made.append(x * float(k))
            x + float(k)  # gone at once: another thread's may be made just then
        return made

    with ThreadPoolExecutor(4) as pool:
        made = [job.result() for job in [pool.submit(make_all) for _ in range(4)]]
    for nodes in zip(*made, strict=True):
        assert len(set(map(id, nodes))) == 1


def test_a_mismatch_is_an_error_where_it_is_written():
    x, w = g.input((g.BATCH, 4)), g.shared(np.zeros((5, 2), "float32"))
    with (
        pytest.raises(ShapeError, match=r"dense_1: dot: axis 1 of .batch, 4.*4 and 5"),
        g.origin("dense_1"),
    ):
        g.dot(x, w)
    with pytest.raises(DTypeError, match="exp takes"):
        g.make("exp", g.input((2,), "int32"))


def test_sizes_that_only_the_call_knows_are_claims():
    x, y = g.input((None, 4), name="x"), g.input((g.BATCH, 4), name="y")
    (claim,) = g.size_claims(x + y)
    assert (str(claim.left), claim.relation, str(claim.right)) == ("x_0", "==", "batch")
    claim.test({g.BATCH.terms[0][0][0]: 3, x.shape[0].terms[0][0][0]: 3})
    with pytest.raises(ShapeError, match="x_0 = 2 and batch = 3"):
        claim.test({g.BATCH.terms[0][0][0]: 3, x.shape[0].terms[0][0][0]: 2})


def test_a_symbol_never_broadcasts():
    x = g.input((g.BATCH, 1))
    assert (x + g.input((1, 4))).shape == (g.BATCH, 4)
    assert g.size_claims(g.input((g.BATCH,)) + g.input((4,)))


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ("int32", "float32", "float32"),
        ("int64", "float32", "float32"),
        ("bool", "int32", "int32"),
        ("uint32", "int32", "int64"),
        ("float32", "float64", "float64"),
        ("int32", "int64", "int64"),
    ],
)
def test_type_rules(left, right, result):
    assert (g.input((2,), left) + g.input((2,), right)).dtype == result


def test_python_scalars_are_weak():
    assert (g.input((2,), "float32") * 2.5).dtype == "float32"
    assert (g.input((2,), "int32") * 2).dtype == "int32"
    assert (g.input((2,), "int32") * 2.5).dtype == g.input((2,)).dtype
    assert (g.input((2,), "int32") / g.input((2,), "int32")).dtype == "float32"
    assert (g.input((2,), "bool") + g.input((2,), "bool")).dtype == "int32"
    assert g.mean(g.input((2,), "int32")).dtype == "float32"
    assert (np.ones(2, "float32") * g.input((2,), "float32")).op == "mul"


def test_equal_scan_bodies_are_equal_and_captures_are_lifted():
    xs, w = g.input((None, g.BATCH, 3)), g.shared(np.eye(3, dtype="float32"))

    def step(carries, slices):
        new = g.tanh(slices[0] + g.dot(carries[0], g.exp(w)))
        return (new,), (new,)

    start = g.zeros((g.BATCH, 3), "float32")
    first, _ = g.scan(step, [start], [xs])
    second, _ = g.scan(step, [start], [xs])
    assert first[0] is second[0]
    loop = first[0].inputs[0]
    assert loop.inputs == (start, xs, g.exp(w))
    again = make_scan(
        loop.attrs["body"].outputs, g.body_args(loop), [start], [xs], [g.exp(w)], xs.shape[0], False
    )
    assert again is loop


def test_a_nested_scan_is_closed_over_the_outer_step():
    xs = g.input((4, 3))

    def outer(carries, slices):
        def inner(inner_carries, inner_slices):
            return (inner_carries[0] + inner_slices[0] * slices[0][0],), ()

        finals, _ = g.scan(inner, [carries[0]], [slices[0]])
        return (finals[0],), ()

    (final,), _ = g.scan(outer, [g.constant(0.0)], [xs])
    body = final.inputs[0].attrs["body"]
    loops = [node for node in g.toposort(body.outputs) if node.op == "scan"]
    assert len(loops) == 1
    assert all(x.op != "input" for x in g.toposort(body.outputs))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: g.scan(lambda c, s: (c, ()), [g.constant(0.0)]), "length"),
        (lambda: g.scan(lambda c, s: ((), ()), [g.constant(0.0)], length=3), "1 carries go in"),
        (lambda: g.scan(lambda c, s: ((s[0],), ()), [g.constant(0.0)], [g.input((3, 2))]), "carry"),
        (lambda: g.scan(lambda c, s: ((), ()), [], [g.constant(1.0)]), "scalar"),
    ],
)
def test_errors_of_scan(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


def test_the_printed_form():
    x = g.input((g.BATCH, 2), name="x")
    with g.origin("dense_1"):
        y = g.exp(x) * 2.0
    assert g.format_graph([y]) == "\n".join(
        [
            "%0: float32[batch, 2] = input()  # x",
            "%1: float32[batch, 2] = exp(%0)  # dense_1",
            "%2: float32[] = constant(; value=2.0)",
            "%3: float32[batch, 2] = broadcast(%2; shape=(batch, 2), axes=())",
            "%4: float32[batch, 2] = mul(%1, %3)  # dense_1",
            "return %4",
        ]
    )


def test_the_printed_form_of_loops_and_constants():
    x = g.input((3, 2), name="x")
    (last,), _ = g.scan(lambda c, s: ((c[0] + s[0],), ()), [g.constant([1.0, 2.0])], [x])
    short, long = (g.constant(np.arange(size, dtype="int32")) for size in (8, 9))
    assert g.format_graph([last, long, short]) == "\n".join(
        [
            "%0: float32[2] = constant(; value=[1., 2.])",
            "%1: float32[3, 2] = input()  # x",
            "%2: (float32[2]) = scan(%0, %1; carries=1, sequences=1, length=3, reverse=False)",
            "    %0: float32[2] = arg(; index=0)",
            "    %1: float32[2] = arg(; index=1)",
            "    %2: float32[2] = add(%0, %1)",
            "    return %2",
            "%3: float32[2] = item(%2; index=0)",
            "%4: int32[9] = constant(; value=<9 elements from 0 to 8>)",
            "%5: int32[8] = constant(; value=[0, 1, 2, 3, 4, 5, 6, 7])",
            "return %3, %4, %5",
        ]
    )


def test_readers_come_in_order_once_for_each_use():
    x = g.input((2,))
    y = g.exp(x)
    z = y * y
    w = x + z
    found = g.readers([w, y])
    assert found == {x: [y, w], y: [z, z], z: [w], w: []}


def test_notes_are_kept_beside_a_node():
    """They are by name, of that node alone, and not in its identity."""
    x = g.input((2,))
    assert (g.note_of(x, "a"), g.note_of(x, "a", 3)) == (None, 3)
    g.set_note(x, "a", 1)
    g.set_note(x, "b", 2)
    assert (g.note_of(x, "a"), g.note_of(x, "b", 3), g.note_of(g.exp(x), "a")) == (1, 2, None)


def test_names_follow_rewrites_and_stay_with_their_nodes():
    """A rewrite hands the name of what it replaces on to a node without one."""
    x = g.set_name(g.input((2,)), "x")
    y, z = g.exp(x), g.set_name(g.log(x), "z")
    assert g.name_of(g.inherit(y, x)) == "x"
    assert g.name_of(g.inherit(z, x)) == "z"
    assert g.name_of(g.set_name(z, None)) == "z"
    assert g.name_of(x + 1) is None
    with g.origin("dense_1"):
        w = g.set_name(g.tanh(x), "w")
    assert g.label(w) == "'w', <tanh: float32[2]> of dense_1"
    assert g.label(g.exp(w)) == "<exp: float32[2]>"


def test_origins_are_nested_and_those_of_gradients_give_way():
    x = g.input((2,))
    with g.origin("outer"):
        with g.origin("inner"), g.origin(None):
            assert g.current_origin() == g.Origin("inner")
        assert g.current_origin() == g.Origin("outer")
    assert g.current_origin() is None
    with g.origin(g.Origin("first", backward=True)):
        y = g.exp(x)
    assert str(g.origin_of(y)) == "gradient of first"
    with g.origin(g.Origin("second", backward=True)):
        assert g.origin_of(g.exp(x)) == g.Origin("first", backward=True)
    with g.origin("third"):
        assert g.origin_of(g.exp(x)) == g.Origin("third")
    with g.origin("fourth"):
        assert g.origin_of(g.exp(x)) == g.Origin("third")


def test_a_sweep_does_not_go_behind_the_nodes_to_keep():
    x, y = g.input((2,)), g.input((2,))
    kept = g.exp(x)
    swept = g.sweep([g.log(kept)], lambda node: y if node is x else node, keep=[kept])
    assert swept == [g.log(kept)]
    assert g.sweep([g.log(kept)], lambda node: y if node is x else node) == [g.log(g.exp(y))]


def test_nodes_within_loops_are_counted():
    x = g.input((3,))
    (last,), _ = g.scan(lambda c, s: ((c[0] + s[0],), ()), [g.constant(0.0)], [x])
    assert g.count_nodes([last]) == 4 + 3  # item, scan, constant, x; the body's args and sum


def test_a_move_of_a_value_is_counted_and_a_copy_is_none():
    """A program that holds the address of a value has to know when that lies elsewhere."""
    w = g.shared(np.zeros(2, "float32"), "w")
    before = g.latest_move()
    w.get_value()
    assert g.latest_move() == before
    w.set_value([1, 2])
    moved = g.latest_move()
    assert moved != before
    g.set_values([(w, [3, 4])])
    assert g.latest_move() != moved


def test_values_are_set_together_or_not_at_all():
    v, w = g.shared(np.zeros(2, "float32"), "v"), g.shared(np.zeros(2, "float32"), "w")
    with pytest.raises(ShapeError, match=r"shared variable w: expected shape \(2,\)"):
        g.set_values([(v, [1, 2]), (w, [1, 2, 3])])
    assert v.get_value().tolist() == [0, 0]
    counter = g.CallStep(4)
    state = g.state_of(v)
    g.assign_together([(state, np.ones(2, "float32"))], (counter, 9))
    assert (v.get_value().tolist(), counter.value) == ([1, 1], 9)


def test_origins_stay_out_of_identity_and_follow_rewrites():
    x = g.input((2,))
    with g.origin("first"):
        node = g.exp(x)
    with g.origin("second"):
        assert g.exp(x) is node
    assert str(g.origin_of(node)) == "first"
    (swept,) = g.sweep([node], lambda n: g.log(x) if n.op == "exp" else n)
    assert str(g.origin_of(swept)) == "first"


def test_a_constant_that_replaces_a_layers_node_does_not_become_the_layers():
    """The next model has the same node, and its kernels would be told as this layer's."""
    x = g.input((3,))
    with g.origin("first"):
        folded = g.sum(x) * 0.0
    constant = g.inherit(g.as_node(6.0), folded)
    assert str(g.origin_of(folded)) == "first"
    assert g.origin_of(constant) is None
    assert g.origin_of(g.inherit(x + 1.0, folded)) == g.origin_of(folded)


def test_what_is_made_of_constants_and_a_loops_arguments_is_no_layers():
    """An equal loop of another layer has the same body, whatever became of this layer."""
    x = g.input((4, 3))
    with g.origin("first"):
        (last,), _ = g.scan(lambda c, s: ((g.tanh(c[0] + s[0]),), ()), [x[0]], [x])
    scan = next(node for node in g.toposort([last]) if node.op == "scan")
    body = g.toposort(scan.attrs["body"].outputs)
    assert str(g.origin_of(scan)) == "first"
    assert {g.origin_of(node) for node in body} == {None}


def test_substitute_replaces_and_keeps_the_rest():
    x, y = g.input((2,)), g.input((2,))
    assert g.substitute([g.exp(x) + 1.0], {x: y})[0] is g.exp(y) + 1.0


STATE = g.shared([0, 2**32 - 1], "rows", "uint32")


@pytest.mark.parametrize("value", [2**32, -1.0, np.nan, 4294967296.0, np.inf])
def test_a_state_of_integers_never_wraps(value: float):
    for make in (
        lambda: g.shared([0, value], "rows", "uint32"),
        lambda: STATE.set_value([0, value]),
    ):
        with pytest.raises(DTypeError, match="'?rows'?: expected numbers that uint32 holds, 0 to"):
            make()
    assert STATE.get_value().tolist() == [0, 2**32 - 1]


def test_states_keep_their_shape_and_dtype():
    w = g.shared(np.zeros((2, 3), "float32"), "w")
    w.set_value(np.ones((2, 3)))
    got = w.get_value()
    got[0] = 7
    assert w.get_value().dtype == np.float32
    assert w.get_value().sum() == 6
    with pytest.raises(ShapeError, match=r"w: expected shape \(2, 3\)"):
        w.set_value(np.zeros(3))
    with pytest.raises(DTypeError, match="graphc.function"):
        g.exp(w).get_value()
