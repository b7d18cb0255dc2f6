"""Reducing a program that fails to the smallest that fails alike, by trying simpler ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, Symbol, toposort
from graphc.compiler.graph.dim import Dim, substitute
from tests.campaigns.graphs.bounded import is_float
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.evaluator import Evaluator
from tests.campaigns.graphs.targets import CALL_STEP

Fails = Callable[[Program], str]
"""Returns a program's fault, which begins with its kind; empty where it is as it should be."""


def reduced(program: Program, fault: str, fails: Fails, seconds: float) -> tuple[Program, str]:
    """Return the smallest program that was found in so many seconds, and its fault."""
    ends = time.monotonic() + seconds
    kind = _kind(fault)
    tried: set[str] = set()
    progress = True
    while progress:
        progress = False
        for candidate in _simpler(program):
            if time.monotonic() > ends:
                return program, fault
            form = _form(candidate)
            if form in tried:
                continue
            tried.add(form)
            found = fails(candidate)
            if found and _kind(found) == kind:
                program, fault, progress = candidate, found, True
                break
    return program, fault


def _kind(fault: str) -> str:
    return fault.partition(":")[0]


def _form(program: Program) -> str:
    fed = [(array.shape, array.tobytes()) for array in program.feeds.values()]
    return f"{g.format_graph(program.outputs)}{len(program.states)}{hash(str(fed))}"


def _simpler(program: Program) -> Iterator[Program]:
    """Yield programs that are simpler in one way, those that are much simpler first."""
    for way in _WAYS:
        for make in way(program):
            try:
                candidate = make()
            except Exception:  # it cannot be made so
                continue
            yield candidate


Making = Callable[[], Program]


def _with(program: Program, outputs: list[Node], feeds: Mapping[Node, np.ndarray],
          states: list[Node] | None = None) -> Program:  # fmt: skip
    """Return a program of these outputs and of the feeds that they read."""
    read = {node for node in toposort(outputs) if node.op == "input"}
    every = {**program.feeds, **feeds}
    kept = {x: array for x, array in every.items() if x in read}
    used = set().union(*map(_symbols, g.every_node(outputs)))
    for symbol in used - set().union(*map(_symbols, kept)):
        # An input that nothing reads, but a size is known by.
        kept |= dict([next((x, a) for x, a in every.items() if symbol in _symbols(x))])
    return Program(outputs, states or [], kept, program.sizes)


def _symbols(node: Node) -> set[Symbol]:
    sizes = [node.attrs["size"]] if node.op == "dim" else node.shape
    return {s for size in sizes if isinstance(size, Dim) for s in g.dim.symbols(size)}


def _one_output(program: Program) -> Iterator[Making]:
    if len(program.outputs) > 1:
        for node in program.outputs:
            yield lambda node=node: _with(program, [node], {})
        if program.states:
            yield lambda: _with(program, program.outputs, {})
        for k in range(len(program.outputs) - len(program.states)):
            rest = [*program.outputs[:k], *program.outputs[k + 1 :]]
            yield lambda rest=rest: _with(program, rest, {}, program.states)


def _operands(program: Program) -> Iterator[Making]:
    """With an output's operands in its place."""
    for k, node in enumerate(program.outputs[: len(program.outputs) - len(program.states)]):
        rest = program.outputs[:k], program.outputs[k + 1 :]
        operands = [x for x in node.inputs if not isinstance(x.dtype, tuple)]
        if operands:
            yield lambda rest=rest, operands=operands: _with(
                program, [*rest[0], *operands, *rest[1]], {}, program.states
            )


def _last_levels(program: Program) -> Iterator[Making]:
    """With what is further than so many nodes from the outputs as inputs."""
    depth: dict[Node, int] = {}
    for node in reversed(toposort(program.outputs)):
        level = depth.setdefault(node, 0)
        for x in node.inputs:
            depth[x] = max(depth.get(x, 0), level + 1)
    deepest = max(depth.values())
    for level in (1, 2, 3, 5, 8, 13):
        if level < deepest:
            far = [node for node, at in depth.items() if at >= level and node.inputs]
            yield lambda far=far: _replaced(program, far)


def _one_step(program: Program) -> Iterator[Making]:
    """With the body of a loop alone, fed what one of its steps is given."""
    for loop in toposort(program.outputs):
        if loop.op == "scan":
            for step in (0, -1):
                yield lambda loop=loop, step=step: _step_of(program, loop, step)


def _step_of(program: Program, loop: Node, step: int) -> Program:
    evaluator = Evaluator(program.feeds, program.sizes, CALL_STEP)
    values = evaluator.arguments(loop)[step]
    args = g.body_args(loop)
    new = {arg: g.input(arg.shape, str(arg.dtype)) for arg in args}
    feeds = {
        new[arg]: value.value.astype(value.dtype) for arg, value in zip(args, values, strict=True)
    }
    return _with(program, g.substitute(loop.attrs["body"].outputs, new), feeds)


def _cut(program: Program) -> Iterator[Making]:
    """With one node as an input."""
    order = toposort(program.outputs)
    before: dict[Node, int] = {}
    for node in order:
        before[node] = sum(1 for x in toposort([node]) if x.inputs)
    for node in sorted(order, key=lambda x: -before[x]):
        if node.inputs and node not in program.outputs:
            yield lambda node=node: _replaced(program, [node])


def _replaced(program: Program, nodes: list[Node]) -> Program:
    """Return a program with inputs in the place of nodes, fed the values that they had."""
    evaluator = Evaluator(program.feeds, program.sizes, CALL_STEP)
    new, feeds = {}, {}
    for node in nodes:
        if node.op == "scan" or isinstance(node.dtype, tuple):
            continue
        (value,) = evaluator([node])
        new[node] = g.input(node.shape, str(node.dtype))
        feeds[new[node]] = value.value.astype(node.dtype)
    return _with(program, g.substitute(program.outputs, new), feeds, program.states)


def _bypassed(program: Program) -> Iterator[Making]:
    """With a node's operand in its place."""
    for node in reversed(toposort(program.outputs)):
        for x in node.inputs:
            if (x.shape, x.dtype) == (node.shape, node.dtype):
                yield lambda node=node, x=x: _with(
                    program, g.substitute(program.outputs, {node: x}), {}, program.states
                )


def _without_symbols(program: Program) -> Iterator[Making]:
    """With one symbol as the number that it is, or as another symbol that is equal."""
    for symbol, value in program.sizes.items():
        others = [s for s, v in program.sizes.items() if v == value and s.serial < symbol.serial]
        dims = [Dim((((other,), 1),)) for other in others]
        for size in (value, *dims):
            yield lambda symbol=symbol, size=size: _resized(program, symbol, size)


def _resized(program: Program, symbol: Symbol, size: Any) -> Program:
    def new(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(new, value))
        return substitute(value, {symbol: size}) if isinstance(value, Dim) else value

    made: dict[Node, Node] = {}
    feeds = {}
    for node in toposort(program.outputs):
        if node.op == "scan":
            raise ValueError("a loop's body keeps its sizes")
        if node.op == "input":
            made[node] = g.input(new(node.shape), node.dtype)
            feeds[made[node]] = program.feeds[node]
            continue
        attrs = {key: new(value) for key, value in node.attrs.items()}
        if node.op == "dim" and not isinstance(attrs["size"], Dim):
            made[node] = g.constant(np.array(attrs["size"], "int64"))
        else:
            made[node] = g.make(node.op, *(made[x] for x in node.inputs), **attrs)
    states = [made.get(x, x) for x in program.states]
    sizes = {s: v for s, v in program.sizes.items() if s != symbol}
    return Program([made[x] for x in program.outputs], states, feeds, sizes)


_PLAIN = {"strides": 1, "input_dilation": 1, "kernel_dilation": 1, "interior": 0}


def _plain_attributes(program: Program) -> Iterator[Making]:
    """With a stride or a dilation of 1, or no padding, in an output."""
    for place, node in enumerate(program.outputs):
        for key, value in node.attrs.items():
            plain: Any = None
            if key in _PLAIN:
                plain = tuple(_PLAIN[key] for _ in value)
            elif key == "padding":
                plain = tuple((0, 0) for _ in value)
            elif key == "reverse":
                plain = False
            if plain is not None and plain != value:
                attrs = {**node.attrs, key: plain}
                yield lambda node=node, attrs=attrs, place=place: _with(
                    program,
                    [
                        *program.outputs[:place],
                        g.make(node.op, *node.inputs, **attrs),
                        *program.outputs[place + 1 :],
                    ],
                    {},
                    program.states,
                )


def _plain_feeds(program: Program) -> Iterator[Making]:
    """With simple numbers in an input."""
    for node, array in program.feeds.items():
        simpler = [np.zeros_like(array), np.ones_like(array)]
        if is_float(array.dtype.name):
            simpler.append(np.round(np.nan_to_num(np.clip(array, -9, 9))).astype(array.dtype))
        for other in simpler:
            if other.tobytes() != array.tobytes():
                yield lambda node=node, other=other: Program(
                    program.outputs, program.states, program.feeds | {node: other}, program.sizes
                )


_WAYS = (
    _one_output,
    _last_levels,
    _one_step,
    _operands,
    _cut,
    _bypassed,
    _without_symbols,
    _plain_attributes,
    _plain_feeds,
)
