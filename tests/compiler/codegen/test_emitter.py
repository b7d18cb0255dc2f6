"""The printed body of a kernel: one line a node, an index map by its index alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import emit_loops, emit_movement, emit_windows  # noqa: F401  (rules)
from graphc.compiler.codegen.context import arena_place
from graphc.compiler.codegen.emitter import MAPS, RULES, Emitter, Pack
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.index import Index, at, linear
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.ops import OPS

X = g.input((BATCH, 10), "float32")
Y = g.input((BATCH, 10), "float32")
COLUMN = g.input((10,), "float32")


def emitter(*leaves: Node, pack: Pack | None = None) -> Emitter:
    """An emitter for a function that reads these nodes from memory."""
    places = {node: arena_place(f"leaf {k}", node) for k, node in enumerate(leaves)}
    return Emitter(Signature(places, [], []), pack)


def lines(node: Node, leaves: Sequence[Node], index: Index | None = None) -> list[str]:
    printer = emitter(*leaves)
    printer.value(node, index or linear(node.shape, "i"))
    return printer.text.splitlines()


def test_every_op_is_printed_somehow() -> None:
    memory, kernels = {"input", "shared", "arg", "item"}, {"scan", "scatter_add"}
    others = {name for name, op in OPS.items() if op.family != "pointwise"} - memory - kernels
    assert set(RULES) | set(MAPS) == others
    assert not set(RULES) & set(MAPS)


def test_one_line_a_node_with_its_layer() -> None:
    with g.origin("dense_1"):
        out = g.maximum(X + COLUMN, 0.0)
    assert lines(out, (X, COLUMN)) == [
        "const float t0 = x0[i];",
        "const int i1 = i % 10;",
        "const float t2 = x1[i1];",
        "const float t3 = gc_add(t0, t2);  // dense_1",
        "const float t4 = gc_maximum(t3, 0.0f);  // dense_1",
    ]


def test_a_given_value_may_ask_for_its_node_without_itself() -> None:
    """As a loop's slice does that a thread has at its own element alone."""
    flipped = g.flip(COLUMN, 0)
    printer = emitter(COLUMN)

    def given(index: Index) -> Expression:
        del printer.given[flipped]
        return printer.value(flipped, index)

    printer.given[flipped] = given
    printer.value(g.tanh(flipped), linear((10,), "i"))
    assert printer.text.splitlines() == [
        "const int i0 = 9 - i;",
        "const float t1 = x0[i0];",
        "const float t2 = gc_tanh(t1);",
    ]


def test_what_is_read_twice_is_printed_once() -> None:
    root = g.tanh(X)
    assert len(lines(root * root + g.exp(root), (X,))) == 5
    # At another element it is another value.
    assert len(lines(root * g.flip(root, 0), (X,))) > 6


@pytest.mark.parametrize(
    ("node", "position"),
    [
        (g.reshape(X, (-1,)), "i"),
        (g.reshape(g.reshape(X, (5, -1)), (-1, 5)), "i"),
        (g.transpose(g.transpose(X)), "i / 10 * 10 + i % 10"),
        (X[2:], "i + 20"),
        (g.flip(COLUMN, 0), "9 - i"),
        (COLUMN[1::3], "i * 3 + 1"),
        (g.broadcast_to(COLUMN, (4, 10)), "i % 10"),
        (g.broadcast_to(g.reshape(COLUMN, (10, 1)), (10, 4)), "i / 4"),
    ],
)
def test_index_maps_move_the_index(node: Node, position: str) -> None:
    """Checked as a number at each element: the texts are written otherwise, name by name."""
    for i in range(30):
        names = {"i": i, "batch": 3}
        *steps, load = lines(node, (X, COLUMN))
        for step in steps:
            name, expression = step.removeprefix("const int ").rstrip(";").split(" = ")
            names[name] = eval(expression.replace("/", "//"), {}, names)
        inside = load[load.index("[") + 1 : load.index("]")]
        assert eval(inside.replace("/", "//"), {}, names) == eval(
            position.replace("/", "//"), {}, names
        )


def test_what_a_block_computes_is_unknown_behind_it() -> None:
    printer = emitter(X)
    with printer.block("if (i > 2)"):
        inner = printer.value(g.tanh(X), linear(X.shape, "i"))
    outer = printer.value(g.tanh(X), linear(X.shape, "i"))
    assert inner != outer
    with printer.block("if (i > 3)"):
        assert printer.value(g.tanh(X), linear(X.shape, "i")) == outer
    with printer.block(""):  # no braces: nothing is hidden
        bare = printer.value(g.exp(X), linear(X.shape, "i"))
    assert printer.value(g.exp(X), linear(X.shape, "i")) == bare
    assert printer.text.splitlines()[:4] == [
        "if (i > 2) {",
        "  const float t0 = x0[i];",
        "  const float t1 = gc_tanh(t0);",
        "}",
    ]


def test_given_values_end_the_walk() -> None:
    product = g.dot(X, g.transpose(Y))
    printer = emitter(X, Y)
    printer.given[product] = lambda index: f"total[{printer.position(index)}]"
    result = printer.value(g.reshape(product, (-1,)) * 2.0, linear((BATCH * BATCH,), "k"))
    assert printer.text == f"const float {result} = gc_mul(total[k], 2.0f);"
    assert not printer.signature.reads


def test_values_at_the_threads_own_position_come_in_packs() -> None:
    pack = Pack("i", "lane")
    printer = emitter(X, Y, pack=pack)
    out = g.concat([g.reshape(X, (-1,)), g.reshape(Y, (-1,))], 0)
    printer.value(out, linear(out.shape, "i"))
    assert not pack.loads  # the part ends where a pack does not
    printer.value(X + g.flip(Y, 0), linear(X.shape, "i"))
    (pointer,) = pack.loads
    assert f"= pack_{pointer}.of[lane];" in printer.text
    assert pack.loads[pointer] is printer.signature.places[X]


def test_coordinates_and_positions_are_the_same_element() -> None:
    printer = emitter(X)
    assert printer.position(at((4, 5), "a", "b")) == printer.integer("a * 5 + b")
    flat = linear((4, 5, 6), "p")
    inner = printer.part(flat, (1, 2))
    assert inner == linear((5, 6), printer.integer("p % 30"))
    assert printer.part(flat, (0, 2)).coords == (
        printer.integer("p / 30"),
        printer.integer("p % 6"),
    )
    assert printer.coordinate(linear((1, 5), "p"), 0) == "0"


def test_a_chain_longer_than_the_stack() -> None:
    node = X
    for k in range(4_000):
        node = g.tanh(node) if k % 2 else g.reshape(node, (10, -1) if k % 4 else (-1, 10))
    assert len(lines(node, (X,))) == 1 + 2_000


def test_user_names_reach_comments_only() -> None:
    x = g.input((BATCH,), "float32", "*/ evil; //")
    with g.origin("int main() {}\n#error"):
        out = g.tanh(x)
    body = lines(out, (x,))
    assert [line.split("  //")[0] for line in body] == [
        "const float t0 = x0[i];",
        "const float t1 = gc_tanh(t0);",
    ]
