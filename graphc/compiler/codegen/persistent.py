"""A loop as one launch for all of its steps: see `graphc.compiler.schedule.persistent`.

The text of a step is one sequence of lines: a thread computes its own elements of all values and
keeps them in registers. What other threads of its row read goes through shared memory, with a
barrier behind it. Products that read the same row share one loop over it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby

from graphc.compiler.codegen.c_text import C_TYPES, comment, minus, plus, times
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
    stride,
    width,
)

_PARTS = 4
"""The parts of a long sum: an addition takes about as many cycles."""


def lower_persistent(loop: Loop, context: Context) -> list[Launch]:
    """One launch that runs all steps of a loop with ``loop.persistent``."""
    plan = persistent(loop)
    assert isinstance(plan, Persistent), plan
    writer = _Writer(loop, plan, context)
    name = context.name(loop.kind)
    text = writer.text(name)
    stages, columns = len(plan.stages), len(plan.columns)
    facts = [
        f"all {loop.scan.attrs['length']} steps in one launch, {_count(stages, 'stage')} each",
        f"a block of {plan.threads} threads takes {_count(plan.rows, 'row')} of {plan.batch}",
        f"columns of {_count(columns, 'matrix', 'matrices')} in registers" if columns else "",
        f"{plan.nbytes} bytes of shared memory",
    ]
    how = "; ".join(fact for fact in facts if fact)
    grid = (ceil_divide(plan.batch, plan.rows), 1, 1)
    block = (plan.threads, 1, 1)
    return [context.launch(name, loop, writer.signature, text, grid, block, how, plan.nbytes)]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


class _Writer:
    """Prints the function."""

    def __init__(self, loop: Loop, plan: Persistent, context: Context):
        self._loop = loop
        self._plan = plan
        self._sinks = {item: context.store(item) for item in loop.items}
        written = [place for sinks in self._sinks.values() for place in sinks]
        read = {node: context.places[node] for node in loop.inputs if not is_literal(node)}
        counters = {**context.counters, loop.step: Context(loop=loop.scan).step()}
        self.signature = Signature(read, written, context.program.checks, counters)
        self._emitter = Emitter(self.signature)
        self._arrays: list[tuple[str, str]] = []
        self._used = 0  # bytes of shared memory
        self._rows: dict[Node, str] = {}  # of values in shared memory
        self._next: dict[Node, str] = {}
        self._matrix: dict[Node, str] = {}
        self._column: dict[Node, str] = {}
        self._own_carry = {
            node: f"carry{k}" for k, node in enumerate(loop.carries) if width(node) == plan.width
        }
        wide = [x for stage in plan.stages for x in stage if width(x) == plan.width]
        found = list(pulled(wide, loop.carries, loop.step))
        self._products = [x for x in found if x.op == "matmul" and width(x) == plan.width]
        self._slices = [x for x in found if x.op == "gather" and width(x) == plan.width]

    def text(self, name: str) -> str:
        """The function; its parameters are complete then."""
        loop, plan, size = self._loop, self._plan, self.signature.size
        length = loop.scan.attrs["length"]
        first, step, following = ("0", "turn", "step + 1")
        if loop.scan.attrs["reverse"]:
            first, following = size(length - 1), "step - 1"
            step = minus(first, "turn")
        self._declare()
        values = {
            "fills": self._fills(),
            "before": self._before(first),
            "body": self._body(following),
            "after": self._after(),
        }
        swaps = [(C_TYPES[node.dtype], self._rows[node], self._next[node]) for node in plan.carries]
        return render(
            "scan.cu.j2",
            name=name,
            batch=size(plan.batch),
            length=size(length),
            parameters=self.signature.parameters,
            threads=plan.threads,
            rows=plan.rows,
            width=plan.width,
            step=step if re.search(r"\bstep\b", values["body"]) else "",
            arrays=self._arrays,
            swaps=swaps,
            **values,
        )

    # ---- shared memory --------------------------------------------------------------------------

    def _declare(self) -> None:
        plan = self._plan
        for k, node in enumerate(plan.matrices):
            remark = f"{' x '.join(map(str, node.shape))}, {comment(buffer_name(node))}"
            self._matrix[node] = self._array(
                f"matrix{k}", node, int(product(node.shape)), remark, True
            )
        for k, node in enumerate(self._loop.carries):
            if node in plan.carries:
                elements = plan.rows * stride(node)
                remark = f"the block's rows of carry {k}"
                self._rows[node] = self._array(f"rows{k}", node, elements, remark)
                remark = f"rows{k} of the next step"
                self._next[node] = self._array(f"next{k}", node, elements, remark)
        for k, node in enumerate(plan.tiles):
            elements = plan.rows * stride(node)
            remark = comment(buffer_name(node))
            self._rows[node] = self._array(f"tile{k}", node, elements, remark, True)
        assert self._used == plan.nbytes

    def _array(self, name: str, node: Node, elements: int, remark: str, fixed: bool = False) -> str:
        """Declare a part of shared memory."""
        scalar = C_TYPES[node.dtype]
        kind = f"{scalar}* const" if fixed else f"{scalar}*"
        source = f"reinterpret_cast<{scalar}*>(shared + {self._used})"
        self._arrays.append((f"{kind} {name} = {source};", remark))
        self._used += array_bytes(elements, node.dtype)
        return name

    # ---- sections -------------------------------------------------------------------------------

    def _fills(self) -> str:
        """The matrices into shared memory, by all threads of the block."""
        emitter = self._emitter
        for node, name in self._matrix.items():
            count = self.signature.size(product(node.shape))
            with emitter.block(f"for (int e = threadIdx.x; e < {count}; e += blockDim.x)"):
                value = emitter.value(node, Index(node.shape, linear="e"))
                emitter.line(f"{name}[e] = {value};")
        return emitter.take()

    def _before(self, first: str) -> str:
        """The thread's columns of matrices, its elements of the first carries and slices."""
        emitter, loop = self._emitter, self._loop
        emitter.given = {loop.step: lambda index: first}
        for k, node in enumerate(self._plan.columns):
            self._column[node] = f"column{k}"
            scalar, rows = C_TYPES[node.dtype], self.signature.size(node.shape[0])
            emitter.line(f"{scalar} column{k}[{rows}];  // of {comment(buffer_name(node))}")
            inner, head = emitter.loop(node.shape[0])
            emitter.line("#pragma unroll")
            with emitter.block(head):
                value = emitter.value(node, Index(node.shape, coords=(inner, self._unit)))
                emitter.line(f"column{k}[{inner}] = {value};")
        for node, start in zip(loop.carries, loop.initial, strict=True):
            with emitter.block(self._among(node)):
                value = emitter.value(start, self._own(start))
                if node in self._own_carry:
                    emitter.line(f"{C_TYPES[node.dtype]} {self._own_carry[node]} = {value};")
                if node in self._rows:
                    emitter.line(f"{self._rows[node]}[{self._place(node)}] = {value};")
        for k, node in enumerate(self._slices):
            value = emitter.value(node, self._own(node))
            emitter.line(f"{C_TYPES[node.dtype]} slice{k} = {value};")
        return emitter.take()

    def _body(self, following: str) -> str:
        """A step."""
        emitter, plan, loop = self._emitter, self._plan, self._loop
        emitter.given = self._given(0)
        for node in (*self._slices, *self._own_carry, *plan.stage_of):
            own = self._own(node)  # its coordinates have one name in all of the step
            if node in self._slices or node in self._own_carry:
                emitter.value(node, own)
        self._fetch(following)
        news = loop.outputs[: len(loop.carries)]
        for number, targets in enumerate(plan.stages):
            emitter.line(self._title(number))
            emitter.given = self._given(number)
            for node in self._products:
                if plan.stage_of[node] == number:
                    emitter.value(node, self._own(node))
            for _, group in groupby(sorted(targets, key=width), key=width):
                self._targets(list(group))
            if number + 1 < len(plan.stages) or self._rows:
                emitter.line("__syncthreads();")
        own = {
            name: emitter.value(new, self._own(new)) for (leaf, name), new in self._carried(news)
        }
        for name, value in own.items():
            emitter.line(f"{name} = {value};")
        return emitter.take()

    def _carried(self, news: Sequence[Node]) -> list[tuple[tuple[Node, str], Node]]:
        """The carries in registers with what they become."""
        following = dict(zip(self._loop.carries, news, strict=True))
        return [((leaf, name), following[leaf]) for leaf, name in self._own_carry.items()]

    def _title(self, number: int) -> str:
        layers = dict.fromkeys(note(node) for node in self._plan.stages[number])
        names = ", ".join(layer for layer in layers if layer)
        return f"// Stage {number}" + (f": {names}" if names else "")

    def _fetch(self, following: str) -> None:
        """Ask for the next step's slices: they are on their way while this step is computed."""
        emitter, length = self._emitter, self._loop.scan.attrs["length"]
        if not self._slices or length == 1:
            return
        outside = emitter.given
        emitter.given = {self._loop.step: lambda index: "following"}
        with emitter.block(f"if (turn + 1 < {self.signature.size(length)})"):
            emitter.line(f"const int following = {following};")
            for k, node in enumerate(self._slices):
                emitter.line(f"slice{k} = {self._anew(node)};")
        emitter.given = outside

    def _anew(self, node: Node) -> str:
        """A slice at another step than the one that the emitter knows it at."""
        values, step = node.inputs
        coords = self._own(node).coords
        assert coords is not None
        row = self._emitter.given[step](Index((), coords=()))
        return self._emitter.value(values, Index(values.shape, coords=(row, *coords)))

    def _targets(self, targets: Sequence[Node]) -> None:
        """The results of a stage that have one width."""
        emitter = self._emitter
        with emitter.block(self._among(targets[0])):
            # All values before the first store, as in every kernel.
            values = [(node, emitter.value(node, self._own(node))) for node in targets]
            for node, value in values:
                self._store(node, value)

    def _store(self, node: Node, value: str) -> None:
        """To the node's tile, to the carries that it is the next value of, to its stacks."""
        loop = self._loop
        if node in self._plan.tiles:
            self._emitter.line(f"{self._rows[node]}[{self._place(node)}] = {value};")
        stacks = {item.attrs["index"]: item for item in loop.items}
        for k, output in enumerate(loop.outputs):
            if output is not node:
                continue
            leaf = loop.carries[k] if k < len(loop.carries) else None
            if leaf in self._next:
                self._emitter.line(f"{self._next[leaf]}[{self._place(leaf)}] = {value};")
            elif leaf is None and k in stacks:
                own = self._own(node)
                assert own.coords is not None
                index = Index(stacks[k].shape, coords=("step", *own.coords))
                self._write(stacks[k], index, value)

    def _after(self) -> str:
        """The carries behind the last step, to where they are read."""
        for item in self._loop.items:
            if item.attrs["index"] < len(self._loop.carries):
                leaf = self._loop.carries[item.attrs["index"]]
                with self._emitter.block(self._among(leaf)):
                    value = self._own_carry.get(leaf) or f"{self._rows[leaf]}[{self._place(leaf)}]"
                    self._write(item, self._own(item), value)
        return self._emitter.take()

    def _write(self, item: Node, index: Index, value: str) -> None:
        position = self._emitter.position(index)
        for place in self._sinks[item]:
            pointer = self.signature.store_pointer(place)
            target = f"{pointer}[{plus(self.signature.offset(place, item.shape), position)}]"
            guard = f"if (gc_ok({self.signature.status()})) " if place.guarded else ""
            self._emitter.line(f"{guard}{target} = {value};")

    # ---- values ---------------------------------------------------------------------------------

    @property
    def _unit(self) -> str:
        return "unit" if self._plan.width > 1 else "0"

    def _among(self, node: Node) -> str:
        """The head of a block for the threads that have an element of the value."""
        return f"if (unit < {width(node)})" if width(node) < self._plan.width else ""

    def _own(self, node: Node) -> Index:
        """The element of a value that the thread owns."""
        inside = self._emitter.coordinates(Index(node.shape[1:], linear="unit"))
        return Index(node.shape, coords=("row", *inside))

    def _place(self, node: Node, inside: str = "unit") -> str:
        """The place of an element of the thread's row of a value in shared memory."""
        return plus(times("own", str(stride(node))), inside if width(node) > 1 else "0")

    def _given(self, stage: int) -> dict[Node, Callable[[Index], str]]:
        """What the emitter does not compute from inputs in a stage."""
        plan = self._plan
        given: dict[Node, Callable[[Index], str]] = {self._loop.step: lambda index: "step"}
        for node in (*self._loop.carries, *plan.tiles):
            if plan.stage_of[node] < stage or node in self._loop.carries:
                given[node] = lambda index, node=node: self._read(node, index)
        for k, node in enumerate(self._slices):
            given[node] = lambda index, k=k, node=node: self._slice(k, node, index)
        for node in plan.stage_of:
            if node.op == "matmul" and node not in given:
                given[node] = lambda index, node=node: self._product(node, index)
        return given

    def _read(self, node: Node, index: Index) -> str:
        """An element of the thread's own row of a carry or a tile."""
        scalar = C_TYPES[node.dtype]
        if node in self._own_carry and index == self._own(node):
            return self._emitter.define(scalar, self._own_carry[node])
        rest = self._emitter.part(index, tuple(range(1, len(index.shape))))
        place = self._place(node, self._emitter.position(rest))
        return self._emitter.define(scalar, f"{self._rows[node]}[{place}]")

    def _slice(self, k: int, node: Node, index: Index) -> str:
        if index == self._own(node):
            return self._emitter.define(C_TYPES[node.dtype], f"slice{k}")
        values, _ = node.inputs
        coords = self._emitter.coordinates(index)
        return self._emitter.value(values, Index(values.shape, coords=("step", *coords)))

    def _product(self, node: Node, index: Index) -> str:
        """The sum of a product, and of those that read the same row at the same time."""
        emitter, stage_of = self._emitter, self._plan.stage_of
        left = node.inputs[0]
        group = [node]
        if node in self._products and index == self._own(node):
            group = [
                x
                for x in self._products
                if x.inputs[0] is left and x.shape == node.shape and stage_of[x] == stage_of[node]
            ]
        column = emitter.coordinate(index, 1)
        inner, head = emitter.loop(left.shape[1])
        # Registers have no addresses: the loop over a column in them is written out. Its sum may
        # be of several parts then, since one addition would wait for the one before.
        unrolled = any(x.inputs[1] in self._column for x in group)
        parts = _PARTS if unrolled and width(left) >= 2 * _PARTS else 1
        totals = {x: self._accumulator(x, parts) for x in group}
        if unrolled:
            emitter.line("#pragma unroll")
        with emitter.block(head):
            element = f"{self._rows[left]}[{self._place(left, inner)}]"
            a = emitter.define(C_TYPES[left.dtype], element)
            for x, total in totals.items():
                matrix = x.inputs[1]
                b = f"{self._column.get(matrix)}[{inner}]"
                if matrix not in self._column:
                    place = plus(times(inner, str(x.shape[1])), column)
                    b = f"{self._matrix[matrix]}[{place}]"
                part = f"{total}[{inner} % {parts}]" if parts > 1 else total
                emitter.line(f"{part} = gc_add({part}, gc_mul({a}, {b}));")
        for x, total in totals.items():
            emitter.once((x, index.key), lambda x=x, total=total: self._sum(x, total, parts))
        return emitter.once((node, index.key), lambda: totals[node])

    def _accumulator(self, node: Node, parts: int) -> str:
        if parts == 1:
            return self._emitter.variable(node, "0")
        name = self._emitter.name("s")
        zeros = ", ".join(["0"] * parts)
        self._emitter.line(f"{C_TYPES[node.dtype]} {name}[{parts}] = {{{zeros}}};")
        return name

    def _sum(self, node: Node, total: str, parts: int) -> str:
        """The sum of the parts, in a fixed tree."""
        terms = [f"{total}[{k}]" for k in range(parts)] if parts > 1 else [total]
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=True)
            terms = [f"gc_add({first}, {second})" for first, second in pairs]
        if parts == 1:
            return total
        return self._emitter.define(C_TYPES[node.dtype], terms[0], note=note(node))
