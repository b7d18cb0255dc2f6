"""A loop as one launch for all of its steps: see `graphc.compiler.schedule.persistent`.

The text of a step is one sequence of lines: a thread computes its own elements of all values and
keeps them in registers. What other threads of its row read goes through shared memory, with a
barrier behind it. Products that read the same row share one loop over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from graphc.compiler.codegen.context import Context, buffer_name
from graphc.compiler.codegen.emitter import Emitter, always, note
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Parameter,
    Variable,
    compare,
    counting,
    every,
    minus,
    plus,
    subscript,
    when,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.persistent_values import STEP, Values
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.statement import Define, Listing
from graphc.compiler.codegen.traffic import reads, writes
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, ceil_divide, product
from graphc.compiler.program.launch import Count, Launch, LoopStep
from graphc.compiler.schedule.kernel import Loop, Persistent
from graphc.compiler.schedule.persistent import (
    array_bytes,
    elements_of,
    is_literal,
    stride,
    width,
)
from graphc.compiler.schedule.scan_body import new_counter
from graphc.compiler.targets.c_text import C_TYPES, comment
from graphc.compiler.targets.marks import NAME, noted


def lower_persistent(loop: Loop, context: Context) -> list[Launch]:
    """One launch that runs all steps of a loop with ``loop.persistent``."""
    plan = loop.persistent
    assert plan is not None
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
    launch = context.launch(
        name, loop, writer.signature, text, grid, block, how, plan.nbytes, traffic=writer.traffic
    )
    return [launch]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


class _Writer:
    """Prints the function; `traffic` is what the text so far moves."""

    def __init__(self, loop: Loop, plan: Persistent, context: Context):
        self._loop = loop
        self._plan = plan
        self._sinks = {item: context.store(item) for item in loop.items}
        written = [place for sinks in self._sinks.values() for place in sinks]
        read = {node: context.places[node] for node in loop.inputs if not is_literal(node)}
        # A step has a number, and so has the one whose slices it fetches.
        step, self._ahead = LoopStep(loop.scan), new_counter()
        counters = {**context.counters, loop.step: step, self._ahead: step}
        self.signature = Signature(read, written, context.program.checks, counters)
        self._emitter = Emitter(self.signature)
        self._arrays: list[str] = []
        self._used = 0  # bytes of shared memory
        # Rows of the batch may not fill the last block, nor those of a block its warps.
        self._idle = plan.rows > 1 or plan.threads > plan.width
        self._stores = Variable("stores") if self._idle else None
        self._values = Values(loop, plan, self._emitter, self._ahead)
        self.traffic = writes(loop.items, self._sinks)

    def _note_reads(self, *times: Size) -> None:
        """What has been printed is run `times` by each thread that has elements."""
        plan = self._plan
        turns = ceil_divide(plan.batch, plan.rows)
        asked = self._emitter.take_asked()
        self.traffic += reads(asked, (plan.batch, plan.width, *times), (turns, *times))

    def text(self, name: str) -> str:
        """The function; its parameters are complete then."""
        loop, plan, size = self._loop, self._plan, self.signature.size
        length = loop.scan.attrs["length"]
        step: Expression
        first, step, following = ZERO, Variable("turn"), plus(STEP, 1)
        if loop.scan.attrs["reverse"]:
            first, following = size(length - 1), minus(STEP, 1)
            step = minus(first, step)
        self._declare()
        fills, before = self._fills(), self._before(first)
        body, after = self._body(following), self._after()
        swaps = [
            (C_TYPES[node.dtype], self._values.rows[node], self._values.following[node])
            for node in plan.carries
        ]
        return render(
            "scan.cu.j2",
            name=NAME,
            batch=size(plan.batch),
            length=size(length),
            parameters=self.signature.parameters,
            threads=plan.threads,
            rows=plan.rows,
            width=plan.width,
            idle=self._idle,
            step=step if STEP in body.reads else "",
            arrays=self._arrays,
            swaps=swaps,
            fills=fills,
            before=before,
            body=body,
            after=after,
        )

    # ---- shared memory --------------------------------------------------------------------------

    def _declare(self) -> None:
        plan = self._plan
        for k, node in enumerate(plan.matrices):
            remark = f"{' x '.join(map(str, node.shape))}, {comment(buffer_name(node))}"
            self._values.matrices[node] = self._array(
                f"matrix{k}", node, elements_of(node.shape), remark, True
            )
        for k, node in enumerate(self._loop.carries):
            if node in plan.carries:
                elements = plan.rows * stride(node)
                remark = f"the block's rows of carry {k}"
                self._values.rows[node] = self._array(f"rows{k}", node, elements, remark)
                remark = f"rows{k} of the next step"
                self._values.following[node] = self._array(f"next{k}", node, elements, remark)
        for k, node in enumerate(plan.tiles):
            elements = plan.rows * stride(node)
            remark = comment(buffer_name(node))
            self._values.rows[node] = self._array(f"tile{k}", node, elements, remark, True)
        assert self._used == plan.nbytes

    def _array(self, name: str, node: Node, elements: int, remark: str, fixed: bool = False) -> str:
        """Declare a part of shared memory."""
        scalar = C_TYPES[node.dtype]
        kind = f"{scalar}* const" if fixed else f"{scalar}*"
        source = f"reinterpret_cast<{scalar}*>(shared + {self._used})"
        self._arrays.append(noted(f"{kind} {name} = {source};", remark))
        self._used += array_bytes(elements, node.dtype)
        return name

    # ---- sections -------------------------------------------------------------------------------

    def _fills(self) -> Listing:
        """The matrices into shared memory, by all threads of the block."""
        emitter = self._emitter
        for node, name in self._values.matrices.items():
            count = self.signature.size(product(node.shape))
            at = Variable("e")
            with emitter.block(
                counting(at, count, Parameter("threadIdx.x"), Parameter("blockDim.x"))
            ):
                value = emitter.value(node, Index(node.shape, linear=at))
                emitter.assign(subscript(name, at), value)
            blocks = ceil_divide(self._plan.batch, self._plan.rows)
            self.traffic += reads(emitter.take_asked(), (blocks, *node.shape), (blocks,))
        return emitter.take()

    def _before(self, first: Expression) -> Listing:
        """The thread's columns of matrices, its elements of the first carries and slices."""
        emitter, loop = self._emitter, self._loop
        emitter.given = {self._ahead: always(first)}
        for k, node in enumerate(self._plan.columns):
            self._values.columns[node] = f"column{k}"
            scalar, rows = C_TYPES[node.dtype], self.signature.size(node.shape[0])
            emitter.line(f"{scalar} column{k}[{rows}];", f"of {comment(buffer_name(node))}")
            inner, head = emitter.loop(node.shape[0])
            with emitter.block(head, unrolled=True):
                value = emitter.value(node, Index(node.shape, coords=(inner, self._values.unit)))
                emitter.assign(subscript(f"column{k}", inner), value)
        for node, start in zip(loop.carries, loop.initial, strict=True):
            with emitter.block(self._values.among(node), self._values.share(node)):
                value = emitter.value(start, self._values.own(start))
                if node in self._values.carries:
                    name = self._values.carries[node]
                    emitter.add(Define(C_TYPES[node.dtype], name, value, constant=False))
                if node in self._values.rows:
                    emitter.assign(self._values.shared(node), value, self._stores)
        for k, node in enumerate(self._values.slices_ahead):
            value = emitter.value(node, self._values.own(node))
            own = self._values.slice(k)
            emitter.add(Define(C_TYPES[node.dtype], own, value, constant=False))
        self._note_reads()
        return emitter.take()

    def _body(self, following: Expression) -> Listing:
        """A step."""
        emitter, plan, loop = self._emitter, self._plan, self._loop
        emitter.given = self._values.given(0)
        for node in (*self._values.slices, *self._values.carries, *plan.stage_of):
            own = self._values.own(node)  # its coordinates have one name in all of the step
            if node in self._values.slices or node in self._values.carries:
                emitter.value(node, own)
        self._fetch(following)
        for number, targets in enumerate(plan.stages):
            emitter.line("", self._title(number))
            emitter.given = self._values.given(number)
            for node in self._values.products:
                if plan.stage_of[node] == number:
                    emitter.value(node, self._values.own(node))
            for _, group in groupby(sorted(targets, key=width), key=width):
                self._targets(list(group))
            if number + 1 < len(plan.stages) or self._values.rows:
                emitter.line("__syncthreads();")
        # The carries change at once: each new one is known before the first takes its place.
        following_of = dict(zip(loop.carries, loop.outputs, strict=False))
        new = {leaf: following_of[leaf] for leaf in self._values.carries}
        values = {leaf: emitter.value(x, self._values.own(x)) for leaf, x in new.items()}
        for leaf, value in values.items():
            emitter.assign(self._values.carries[leaf], value)
        self._note_reads(loop.scan.attrs["length"])
        return emitter.take()

    def _title(self, number: int) -> str:
        layers = dict.fromkeys(note(node) for node in self._plan.stages[number])
        names = ", ".join(layer for layer in layers if layer)
        return f"Stage {number}" + (f": {names}" if names else "")

    def _fetch(self, following: Expression) -> None:
        """Ask for the next step's slices: they are on their way while this step is computed."""
        emitter, length = self._emitter, self._loop.scan.attrs["length"]
        if not self._values.slices or length == 1:
            return
        name = Variable("following")
        emitter.given = {self._ahead: always(name)}
        all_but_one = Count((length - 1,), (length,))
        more = compare(plus(Variable("turn"), 1), "<", self.signature.size(length))
        with emitter.block(when([more]), all_but_one):
            emitter.add(Define("int", name, following))
            for k, node in enumerate(self._values.slices_ahead):
                value = emitter.value(node, self._values.own(node))
                emitter.assign(self._values.slice(k), value)

    def _targets(self, targets: Sequence[Node]) -> None:
        """The results of a stage that have one width."""
        emitter = self._emitter
        with emitter.block(self._values.among(targets[0]), self._values.share(targets[0])):
            # All values before the first store, as in every kernel.
            values = [(node, emitter.value(node, self._values.own(node))) for node in targets]
            for node, value in values:
                self._store(node, value)

    def _store(self, node: Node, value: Expression) -> None:
        """To the node's tile, to the carries that it is the next value of, to its stacks."""
        loop = self._loop
        if node in self._plan.tiles:
            self._emitter.assign(self._values.shared(node), value, self._stores)
        stacks = {item.attrs["index"]: item for item in loop.items}
        for k, output in enumerate(loop.outputs):
            if output is not node:
                continue
            leaf = loop.carries[k] if k < len(loop.carries) else None
            if leaf in self._values.following:
                place = self._values.place(leaf)
                target = subscript(self._values.following[leaf], place)
                self._emitter.assign(target, value, self._stores)
            elif leaf is None and k in stacks:
                own = self._values.own(node)
                assert own.coords is not None
                index = Index(stacks[k].shape, coords=(STEP, *own.coords))
                self._write(stacks[k], index, value)

    def _after(self) -> Listing:
        """The carries behind the last step, to where they are read."""
        for item in self._loop.items:
            if item.attrs["index"] < len(self._loop.carries):
                leaf = self._loop.carries[item.attrs["index"]]
                with self._emitter.block(self._values.among(leaf)):
                    value = self._values.carries.get(leaf) or self._values.shared(leaf)
                    self._write(item, self._values.own(item), value)
        return self._emitter.take()

    def _write(self, item: Node, index: Index, value: Expression) -> None:
        position = self._emitter.position(index)
        for place in self._sinks[item]:
            target, guard = self.signature.stored(place, item.shape, position)
            self._emitter.assign(target, value, every((self._stores, guard)))
