"""The body of a kernel: one statement a node, an index map by its index alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import emit_loops, emit_movement, emit_windows  # noqa: F401  (rules)
from graphc.compiler.codegen.context import arena_place
from graphc.compiler.codegen.emitter import MAPS, RULES, Emitter, Pack
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Subscript,
    Variable,
    call,
    compare,
    literal,
    modulo,
    over,
    plus,
    subscript,
    times,
    when,
)
from graphc.compiler.codegen.index import Index, at, linear
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.statement import Block, Define, Listing, Statement
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.ops import OPS
from graphc.compiler.program.launch import Count
from graphc.compiler.targets.marks import with_name_and_notes
from tests.compiler.codegen.expression_values import value_of

X = g.input((BATCH, 10), "float32")
Y = g.input((BATCH, 10), "float32")
COLUMN = g.input((10,), "float32")
I = Variable("i")  # noqa: E741  (as the text calls it)


def emitter(*leaves: Node, pack: Pack | None = None) -> Emitter:
    """An emitter for a function that reads these nodes from memory."""
    places = {node: arena_place(f"leaf {k}", node) for k, node in enumerate(leaves)}
    return Emitter(Signature(places, [], []), pack)


def lines(node: Node, leaves: Sequence[Node]) -> list[str]:
    """The text of a value at the element `i` of it."""
    text = Listing(statements(node, leaves)).text
    return with_name_and_notes(text, "").split("\n")


def statements(node: Node, leaves: Sequence[Node]) -> list[Define]:
    """The constants, in order, that lead to a value at the element `i` of it."""
    printer = emitter(*leaves)
    printer.value(node, linear(node.shape, I))
    return defined(printer.statements)


def defined(found: Iterable[Statement]) -> list[Define]:
    """The statements, all of which define constants."""
    constants = [one for one in found if isinstance(one, Define)]
    assert constants == list(found)
    return constants


def position_read(found: Sequence[Define], variables: Mapping[str, int]) -> int:
    """The position of the element that the last statement reads from memory, where variables have
    these values; those before work it out."""
    *steps, load = found
    values = dict(variables)
    for step in steps:
        values[str(step.name)] = value_of(step.value, values)
    assert isinstance(load.value, Subscript)
    return value_of(load.value.at, values)


def test_every_op_is_printed_somehow() -> None:
    memory, kernels = {"input", "shared", "arg", "item"}, {"scan", "scatter_add"}
    others = {name for name, op in OPS.items() if op.family != "pointwise"} - memory - kernels
    assert set(RULES) | set(MAPS) == others
    assert not set(RULES) & set(MAPS)


def test_one_line_a_node_with_its_layer() -> None:
    """The text itself, as a reader of a kernel meets it."""
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
    printer.value(g.tanh(flipped), linear((10,), I))
    *reading, tanh = defined(printer.statements)
    assert [position_read(reading, {"i": i}) for i in range(10)] == [*range(9, -1, -1)]
    assert tanh.value == call("gc_tanh", reading[-1].name)


def test_what_is_read_twice_is_printed_once() -> None:
    root = g.tanh(X)
    assert len(lines(root * root + g.exp(root), (X,))) == 5
    # At another element it is another value.
    assert len(lines(root * g.flip(root, 0), (X,))) > 6


@pytest.mark.parametrize(
    ("node", "position"),
    [
        (g.reshape(X, (-1,)), lambda i: i),
        (g.reshape(g.reshape(X, (5, -1)), (-1, 5)), lambda i: i),
        (g.transpose(g.transpose(X)), lambda i: i),
        (X[2:], lambda i: i + 20),
        (g.flip(COLUMN, 0), lambda i: 9 - i),
        (COLUMN[1::3], lambda i: i * 3 + 1),
        (g.broadcast_to(COLUMN, (4, 10)), lambda i: i % 10),
        (g.broadcast_to(g.reshape(COLUMN, (10, 1)), (10, 4)), lambda i: i // 4),
    ],
)
def test_index_maps_move_the_index(node: Node, position: Callable[[int], int]) -> None:
    found = statements(node, (X, COLUMN))
    for i in range(30):
        assert position_read(found, {"i": i, "batch": 3}) == position(i)


def test_what_a_block_computes_is_unknown_behind_it() -> None:
    printer = emitter(X)
    with printer.block(when([compare(I, ">", 2)])):
        inner = printer.value(g.tanh(X), linear(X.shape, I))
    outer = printer.value(g.tanh(X), linear(X.shape, I))
    assert inner != outer
    with printer.block(when([compare(I, ">", 3)])):
        assert printer.value(g.tanh(X), linear(X.shape, I)) == outer
    with printer.block(None):  # no braces: nothing is hidden
        bare = printer.value(g.exp(X), linear(X.shape, I))
    assert printer.value(g.exp(X), linear(X.shape, I)) == bare
    first, *behind = printer.statements
    assert isinstance(first, Block)
    assert [one.name for one in defined(first.branches[0].body)][-1] == inner
    assert outer in [one.name for one in behind if isinstance(one, Define)]


def test_given_values_end_the_walk() -> None:
    product = g.dot(X, g.transpose(Y))
    printer = emitter(X, Y)
    printer.given[product] = lambda index: subscript("total", printer.position(index))
    result = printer.value(g.reshape(product, (-1,)) * 2.0, linear((BATCH * BATCH,), Variable("k")))
    (only,) = defined(printer.statements)
    assert only.name == result
    assert only.value == call("gc_mul", subscript("total", Variable("k")), literal(2.0, "float32"))
    assert not printer.signature.reads


def test_values_at_the_threads_own_position_come_in_packs() -> None:
    pack = Pack(I, Variable("lane"))
    printer = emitter(X, Y, pack=pack)
    out = g.concat([g.reshape(X, (-1,)), g.reshape(Y, (-1,))], 0)
    printer.value(out, linear(out.shape, I))
    assert not pack.loads  # the part ends where a pack does not
    printer.value(X + g.flip(Y, 0), linear(X.shape, I))
    (pointer,) = pack.loads
    assert pack.loads[pointer] is printer.signature.places[X]
    assert pack.lane in printer.statements.reads


@pytest.mark.parametrize(("width", "each"), [(8, 4), (4, 4), (7, 1), (1, 1)])
def test_a_row_that_packs_divide_is_gathered_a_pack_at_a_time(width: int, each: int) -> None:
    """Its index is read and tested once for the pack, too."""
    table, rows = g.input((20, width), "float32"), g.input((6, 4), "int32")
    taken = g.take(table, rows)
    pack = Pack(I, Variable("lane"), Variable("first"))
    printer = emitter(table, rows, pack=pack)
    printer.value(taken, linear(taken.shape, I))
    walked = Count((24 * width,))
    read = {one.node: (walked * one.times).elements({}) for one in printer.take_asked()}
    assert read == {table: 24 * width, rows: 24 * width // each}
    once_a_pack = Listing(pack.statements)
    assert once_a_pack.tests == (each > 1)
    assert printer.statements.tests == (each == 1)


def test_coordinates_and_positions_are_the_same_element() -> None:
    printer = emitter(X)
    a, b, p = map(Variable, "abp")
    assert printer.position(at((4, 5), a, b)) is printer.integer(plus(times(a, 5), b))
    flat = linear((4, 5, 6), p)
    inner = printer.part(flat, (1, 2))
    assert inner == linear((5, 6), printer.integer(modulo(p, 30)))
    assert printer.part(flat, (0, 2)).coords == (
        printer.integer(over(p, 30)),
        printer.integer(modulo(p, 6)),
    )
    assert printer.coordinate(linear((1, 5), p), 0) is ZERO


def test_a_chain_longer_than_the_stack() -> None:
    node = X
    for k in range(4_000):
        node = g.tanh(node) if k % 2 else g.reshape(node, (10, -1) if k % 4 else (-1, 10))
    assert len(lines(node, (X,))) == 1 + 2_000


def test_user_names_reach_comments_only() -> None:
    x = g.input((BATCH,), "float32", "*/ evil; //")
    with g.origin("int main() {}\n#error"):
        out = g.tanh(x)
    plain = g.tanh(g.input((BATCH,), "float32", "x"))
    bodies = [lines(node, (node.inputs[0],)) for node in (out, plain)]
    codes = [[line.split("  //")[0] for line in body] for body in bodies]
    assert codes[0] == codes[1]
    assert bodies[0] != bodies[1]
