"""A loop as one launch for all of its steps: see `graphc.compiler.schedule.persistent`.

A thread owns elements of the rows of its block, in each stage those of the stage's values. Products
that read the same row in the same stage share one loop over its elements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from graphc.compiler.codegen.c_text import C_TYPES, comment, over, plus, times
from graphc.compiler.codegen.context import Context, buffer_name
from graphc.compiler.codegen.emitter import Emitter, note
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import ceil_divide, product
from graphc.compiler.schedule.kernel import Loop
from graphc.compiler.schedule.persistent import (
    Persistent,
    array_bytes,
    is_literal,
    persistent,
    pulled,
    width,
)


def lower_persistent(loop: Loop, context: Context) -> list[Launch]:
    """One launch that runs all steps of a loop with ``loop.persistent``."""
    plan = persistent(loop)
    assert isinstance(plan, Persistent), plan
    writer = _Writer(loop, plan, context)
    name = context.name(loop.kind)
    text = writer.text(name)
    length = loop.scan.attrs["length"]
    rows = f"{plan.rows} row" + "s" * (plan.rows > 1)
    stages = len(plan.stages)
    how = (
        f"all {length} steps in one launch, {stages} stage{'s' * (stages > 1)} each; a block of "
        f"{plan.threads} threads takes {rows} of {plan.batch}, {plan.nbytes} bytes of shared memory"
    )
    blocks = ceil_divide(plan.batch, plan.rows)
    signature = writer.signature
    block = (plan.threads, 1, 1)
    return [context.launch(name, loop, signature, text, (blocks, 1, 1), block, how, plan.nbytes)]


class _Writer:
    """Prints the function."""

    def __init__(self, loop: Loop, plan: Persistent, context: Context):
        self._loop = loop
        self._plan = plan
        self._places = context.places
        self._sinks = {item: context.store(item) for item in loop.items}
        written = [place for sinks in self._sinks.values() for place in sinks]
        read = {node: context.places[node] for node in loop.inputs if not is_literal(node)}
        counters = {**context.counters, loop.step: Context(loop=loop.scan).step()}
        self.signature = Signature(read, written, context.program.checks, counters)
        self._emitter = Emitter(self.signature)
        self._arrays: list[tuple[str, str]] = []
        self._used = 0  # bytes of shared memory
        self._matrix: dict[Node, str] = {}
        self._tile: dict[Node, str] = {}
        self._next: list[str] = []

    def text(self, name: str) -> str:
        """The function; its parameters are complete then."""
        loop, plan = self._loop, self._plan
        size, length = self.signature.size, loop.scan.attrs["length"]
        for k, node in enumerate(plan.matrices):
            elements = int(product(node.shape))
            shape = " x ".join(map(str, node.shape))
            self._matrix[node] = self._array(f"matrix{k}", node, elements, shape, fixed=True)
        for k, node in enumerate(loop.carries):
            remark, elements = f"{width(node)} a row", plan.rows * width(node)
            self._tile[node] = self._array(f"carry{k}", node, elements, remark)
            remark = f"carry{k} of the next step"
            self._next.append(self._array(f"next{k}", node, elements, remark))
        for k, node in enumerate(plan.tiles):
            elements, remark = plan.rows * width(node), f"{width(node)} a row"
            self._tile[node] = self._array(f"tile{k}", node, elements, remark, fixed=True)
        assert self._used == plan.nbytes
        values = {
            "batch": size(plan.batch),
            "length": size(length),
            "step": f"{size(length - 1)} - turn" if loop.scan.attrs["reverse"] else "turn",
            "fills": self._fills(),
            "stages": [self._stage(k) for k in range(len(plan.stages))],
            "finals": self._finals(),
        }
        swaps = [
            (C_TYPES[node.dtype], self._tile[node], following)
            for node, following in zip(loop.carries, self._next, strict=True)
        ]
        return render(
            "scan.cu.j2",
            name=name,
            parameters=self.signature.parameters,
            threads=plan.threads,
            rows=plan.rows,
            arrays=self._arrays,
            swaps=swaps,
            **values,
        )

    def _array(self, name: str, node: Node, elements: int, remark: str, fixed: bool = False) -> str:
        """Declare a part of shared memory."""
        scalar = C_TYPES[node.dtype]
        kind = f"{scalar}* const" if fixed else f"{scalar}*"
        source = f"reinterpret_cast<{scalar}*>(shared + {self._used})"
        facts = [remark] if node in self._loop.carries else [remark, comment(buffer_name(node))]
        self._arrays.append((f"{kind} {name} = {source};", ", ".join(facts)))
        self._used += array_bytes(elements, node.dtype)
        return name

    # ---- sections -------------------------------------------------------------------------------

    def _fills(self) -> str:
        """The matrices, and the block's rows of the carries, into shared memory."""
        emitter = self._emitter
        loops = []
        for node, name in self._matrix.items():
            value = emitter.value(node, Index(node.shape, linear="e"))
            emitter.line(f"{name}[e] = {value};")
            loops.append(_each(self.signature.size(product(node.shape)), emitter.take()))
        for node, start in zip(self._loop.carries, self._loop.initial, strict=True):
            value = emitter.value(start, self._own(start))
            emitter.line(f"{self._tile[node]}[e] = {value};")
            loops.append(_each_own(node, emitter.take()))
        return "\n".join(loops)

    def _stage(self, number: int) -> tuple[str, str]:
        """What is computed between two barriers: values of the same width in one loop."""
        targets = self._plan.stages[number]
        groups = [list(group) for _, group in groupby(sorted(targets, key=width), key=width)]
        loops = [self._elements(group, number) for group in groups]
        names = dict.fromkeys(note(node) for node in targets)
        layers = ", ".join(name for name in names if name)
        return f"stage {number}" + (f": {layers}" if layers else ""), "\n".join(loops)

    def _elements(self, targets: Sequence[Node], stage: int) -> str:
        """The loop of the block's threads over the elements of values of one width."""
        together = self._give(targets, stage)
        # Slices are asked for first: they are on their way while products are summed up.
        for node in together:
            if node.op == "gather":
                self._emitter.value(node, self._own(node))
        # All values before the first store, as in every kernel.
        values = [(node, self._emitter.value(node, self._own(node))) for node in targets]
        for node, value in values:
            self._store(node, value)
        return _each_own(targets[0], self._emitter.take())

    def _store(self, node: Node, value: str) -> None:
        """To the node's tile, to the carries that it is the next value of, and to its stacks."""
        loop = self._loop
        if node in self._plan.tiles:
            self._emitter.line(f"{self._tile[node]}[e] = {value};")
        stacks = {item.attrs["index"]: item for item in loop.items}
        for k, output in enumerate(loop.outputs):
            if output is not node:
                continue
            if k < len(loop.carries):
                self._emitter.line(f"{self._next[k]}[e] = {value};")
            elif k in stacks:
                own = self._own(node)
                assert own.coords is not None
                index = Index(stacks[k].shape, coords=("step", *own.coords))
                self._write(stacks[k], index, value)

    def _finals(self) -> str:
        """The carries after the last step."""
        loops = []
        for item in self._loop.items:
            if item.attrs["index"] < len(self._next):
                leaf = self._loop.carries[item.attrs["index"]]
                self._write(item, self._own(item), f"{self._tile[leaf]}[e]")
                loops.append(_each_own(leaf, self._emitter.take()))
        return "\n".join(loops)

    def _write(self, item: Node, index: Index, value: str) -> None:
        position = self._emitter.position(index)
        for place in self._sinks[item]:
            pointer = self.signature.store_pointer(place)
            target = f"{pointer}[{plus(self.signature.offset(place, item.shape), position)}]"
            guard = f"if (gc_ok({self.signature.status()})) " if place.guarded else ""
            self._emitter.line(f"{guard}{target} = {value};")

    # ---- values ---------------------------------------------------------------------------------

    def _own(self, node: Node) -> Index:
        """The element of a value that the thread owns."""
        inside = self._emitter.coordinates(Index(node.shape[1:], linear="unit"))
        return Index(node.shape, coords=("row", *inside))

    def _give(self, targets: Sequence[Node], stage: int) -> list[Node]:
        """Tell the emitter what it finds in shared memory in a stage, and how it finds products.
        Returns the products and slices that the targets read at their own elements."""
        plan, emitter = self._plan, self._emitter
        ready = [
            *self._loop.carries,
            *(node for node in plan.tiles if plan.stage_of[node] < stage),
        ]
        emitter.given = {self._loop.step: lambda index: "step"}
        own = width(targets[0])
        for node in ready:
            emitter.given[node] = lambda index, node=node: self._read(node, index, own)
        together = list(pulled(targets, ready, self._loop.step))
        for node in plan.stage_of:
            if node.op == "matmul" and node not in emitter.given:
                emitter.given[node] = lambda index, node=node: self._product(node, index, together)
        return together

    def _read(self, node: Node, index: Index, own_width: int) -> str:
        """An element of the block's own row of a value in shared memory."""
        rest = self._emitter.part(index, tuple(range(1, len(index.shape))))
        inside = self._emitter.position(rest)
        position = plus(times("own", str(width(node))), inside)
        if width(node) == own_width and inside == ("0" if own_width == 1 else "unit"):
            position = "e"
        return self._emitter.define(C_TYPES[node.dtype], f"{self._tile[node]}[{position}]")

    def _product(self, node: Node, index: Index, together: Sequence[Node]) -> str:
        """The sums of a product and of those that read the same elements of the same row."""
        emitter = self._emitter
        left = node.inputs[0]
        group = [node]
        if node in together and index == self._own(node):
            group = [x for x in together if x.inputs[0] is left and x.shape == node.shape]
        totals = {x: emitter.variable(x, "0") for x in group}
        column = emitter.coordinate(index, 1)
        inner, head = emitter.loop(left.shape[1])
        with emitter.block(head):
            row = plus(times("own", str(width(left))), inner)
            a = emitter.define(C_TYPES[left.dtype], f"{self._tile[left]}[{row}]")
            for x, total in totals.items():
                place = plus(times(inner, str(x.shape[1])), column)
                b = f"{self._matrix[x.inputs[1]]}[{place}]"
                emitter.line(f"{total} = gc_add({total}, gc_mul({a}, {b}));")
        for x, total in totals.items():
            if x is not node:
                emitter.once((x, index.key), lambda total=total: total)
        return totals[node]


def _each(count: str, lines: str) -> str:
    """A loop of the block's threads."""
    head = f"for (int e = threadIdx.x; e < {count}; e += blockDim.x) {{"
    return "\n".join([head, *(f"  {line}" for line in lines.splitlines()), "}"])


def _each_own(node: Node, lines: str) -> str:
    """A loop over the elements of the block's rows of a value, with the names that the lines use:
    `own`, a row of the block, `row`, the same one of the batch, and `unit`, the place in it."""
    names = set(re.findall(r"\b(?:own|unit|row)\b", lines))
    elements = width(node)
    heads = {
        "unit": "0" if elements == 1 else f"e % {elements}",
        "own": over("e", str(elements)),
        "row": "first + own" if "own" in names else plus("first", over("e", str(elements))),
    }
    defined = [f"const int {name} = {text};" for name, text in heads.items() if name in names]
    return _each(times("rows", str(elements)), "\n".join([*defined, lines]))
