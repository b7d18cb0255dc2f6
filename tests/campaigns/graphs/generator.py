"""Drawing a graph and one call of it from a generator of random numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, Size, Symbol
from graphc.compiler.graph.binding import lone_symbol
from graphc.compiler.graph.dim import symbols
from graphc.errors import ShapeError
from tests.campaigns.graphs.builder import DTYPES, FLOATS, Builder, Program
from tests.campaigns.graphs.evaluator import Evaluator, size_of
from tests.campaigns.graphs.operations import OUTSIDE
from tests.campaigns.graphs.structures import (
    attempt,
    drawn_operation,
    gradient,
    gradient_of_windows,
    loop,
)
from tests.campaigns.graphs.targets import CALL_STEP

_FEWEST, _MOST = 5, 25  # operations
_LIVE = 0.9  # of the nodes that are made, in what is fetched


def drawn_program(random: np.random.Generator) -> Program:
    """Return a graph with feeds. Half of the graphs have several symbols."""
    sizes, vocabulary = _vocabulary(random)
    b = Builder(random, sizes, vocabulary)
    for _ in range(b.number(2, 4)):
        shape = tuple(b.size() for _ in range(b.number(0, 4)))
        dtype = b.one_of(FLOATS) if b.coin(0.7) else b.one_of(DTYPES)
        if int(np.prod(b.concrete(shape))) <= 120:
            b.add(b.leaf(shape, dtype))
    for size in vocabulary:
        if not isinstance(size, int):  # each symbol is one of an input's sizes
            b.add(b.leaf((size, b.number(1, 3)), b.one_of(FLOATS)))
            _fed(b, size)
    wanted, wrong = b.number(_FEWEST, _MOST), 0
    while wanted > 0 and wrong < 200:
        chosen = drawn_operation(b, OUTSIDE)
        if b.coin(0.06):
            chosen = loop
        elif b.coin(0.06):
            chosen = gradient
        elif b.coin(0.04):
            chosen = gradient_of_windows
        if attempt(b, chosen):
            wanted -= 1
        else:
            wrong += 1
    return _finished(b)


def _vocabulary(random: np.random.Generator) -> tuple[dict[Symbol, int], list[Size]]:
    """The symbols' values, and the sizes of inputs: several symbols in half of the graphs, some of
    them equal in this call alone."""
    count = int(random.integers(2, 4)) if random.random() < 0.5 else int(random.integers(0, 2))
    values = random.integers(1, 6, count).tolist()
    if count > 1 and random.random() < 0.4:
        values[1] = values[0]
    names = [g.symbol(name) for name in "nmk"[:count]]
    sizes = {symbols(name)[0]: value for name, value in zip(names, values, strict=True)}
    known = random.integers(1, 7, 3).tolist()
    return sizes, [*names, *names, *known, 1]


def _fed(b: Builder, size: Size) -> None:
    """Let an input that is fed have this size, so that a call knows it."""
    if any(size in node.shape for node in b.feeds):
        return
    node = g.input((size,), "float32")
    b.feed(node, b.random.normal(size=b.concrete((size,))).astype("float32"))
    b.pool.append(node)


def _finished(b: Builder) -> Program:
    """The graph of what nothing reads, with updates of some of its shared variables."""
    made = [x for x in g.every_node(b.pool) if x.inputs]
    unread = [x for x in b.pool if x.inputs and x not in _inputs_of(b.pool)]
    order = [unread[k] for k in b.random.permutation(len(unread)).tolist()]
    outputs: list[Node] = []
    for node in order:
        live = sum(1 for x in g.every_node(outputs) if x.inputs) if outputs else 0
        if outputs and live >= _LIVE * len(made) and b.coin(0.5):
            break
        outputs.append(node)
    states, new = [], []
    for state in b.states:
        same = b.values([str(state.dtype)], lambda s, state=state: s == state.shape)
        fitting = [x for x in same if x is not state and x.shape == state.shape]
        if fitting and b.coin(0.6):
            states.append(state)
            new.append(b.one_of(fitting))
    if not outputs:
        outputs = [g.sum(x) for x in b.feeds if x.dtype != "bool"][:1] or [b.pool[0]]
    nodes = g.every_node([*outputs, *new])
    bound = {lone_symbol(size) for x in nodes if x.op == "input" for size in x.shape}
    # By `_fed` there is an input that has it as one of its sizes.
    extra = [
        next(x for x in b.feeds if symbol in map(lone_symbol, x.shape))
        for symbol in b.sizes
        if symbol not in bound
    ]
    outputs += extra
    nodes = g.every_node([*outputs, *new])
    feeds = {x: array for x, array in b.feeds.items() if x in set(nodes)}
    program = Program([*outputs, *new], states, feeds, dict(b.sizes), len(made))
    return replace(program, grown=_grown(program, b.random))


def _grown(program: Program, random: np.random.Generator) -> Program | None:
    """The program in a call of larger sizes: equal ones may stay so, or not, as its nodes need."""
    nodes = g.every_node(program.outputs)
    claims = [claim for node in nodes for claim in g.size_claims(node)]
    indexed = [node for node in g.toposort(program.outputs) if node.op in ("gather", "scatter_add")]
    for _ in range(3 if program.sizes else 0):
        more = {value: int(random.integers(0, 4)) for value in program.sizes.values()}
        sizes = {symbol: value + more[value] for symbol, value in program.sizes.items()}
        try:
            for claim in claims:
                claim.test(sizes)
        except ShapeError:
            continue
        # The numbers that were, again and again: what were indices are.
        feeds = {x: np.resize(a, size_of(x.shape, sizes)) for x, a in program.feeds.items()}
        try:  # an index below a size that was equal to that of the axis may not be one now
            Evaluator(feeds, sizes, CALL_STEP)(indexed)
        except IndexError:
            continue
        return replace(program, feeds=feeds, sizes=sizes)
    return None


def _inputs_of(nodes: list[Node]) -> set[Node]:
    return {x for node in g.every_node(nodes) for x in node.inputs}
