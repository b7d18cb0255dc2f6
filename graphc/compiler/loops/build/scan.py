"""The plain program of a loop whose rows do not depend on each other.

    for row < n:
      allocate carry0: float32[4] in shared
      for unit0 < 4:                               the first carries
        carry0[unit0] = x0[row, unit0]
      for step0 < 50:
        allocate kept0: float32[4] in register
        for unit1 < 4:                             stage 0
          allocate s0: float32[] in register
          s0[] = 0.0
          for k0 < 4:
            s0[] = sum(s0[], mul(carry0[k0], x1[k0, unit1]))
          t0 = tanh(s0[])
          kept0[unit1] = t0
          y0[step0, row, unit1] = t0
        for unit2 < 4:                             the carries of the next step
          carry0[unit2] = kept0[unit2]
      for unit3 < 4:                               the last carries
        y1[row, unit3] = carry0[unit3]

A stage is a loop over the elements of a row. What a later stage reads at its own element is kept in
an array; what it reads at other elements, as the left operand of a product, is in a tile, which is
complete when the stage ends (`graphc.compiler.schedule.persistent` says which values these are).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.graph.ops import OPS
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.builder import Builder, note
from graphc.compiler.loops.build.kernels import BuiltKernel, Walk, built_kernel
from graphc.compiler.loops.build.reductions import REDUCED, reduce_together
from graphc.compiler.loops.build.reshape import reshaped
from graphc.compiler.loops.build.storage import KernelBuffers, RowStorage, Storage
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import substituted
from graphc.compiler.loops.statement import Allocate, Store
from graphc.compiler.loops.value import Load, below
from graphc.compiler.schedule.kernel import Loop, Persistent
from graphc.compiler.schedule.persistent import elementwise_operands, width


def build_scan(loop: Loop, name: str, buffers: KernelBuffers) -> BuiltKernel:
    """Return the plain program of a loop that one launch runs whole.

    Args:
        loop: the loop; its field `persistent` has the stages of a step.
        name: of the program.
        buffers: where the values around the loop lie. Of `steps` the loop's own leaf has the
            variable that counts its steps.
    """
    inputs = dict(buffers.inputs)
    builder = Builder(replace(buffers, inputs=inputs), (loop.step,))
    body = builder.body()
    builder.run(_Scan(loop, builder, inputs, body).walk())
    return built_kernel(builder, name, buffers, body.body)


@dataclass(frozen=True)
class _Nest:
    """A loop over the elements of the row of values of one width.

    Attributes:
        block: its body, or what is run in it for elements that there are.
        unit: the number of the element.
        row: the number of the row.
        batch: how many rows there are.
        width: how many elements.
    """

    block: Block
    unit: Index
    row: Index
    batch: Size
    width: int

    def at(self, node: Node) -> Coords:
        """Return the coordinates of the element in a value."""
        coords: Coords = (self.row,)
        extents: Shape = (self.batch,)
        if self.width != 1:
            coords, extents = (*coords, self.unit), (*extents, self.width)
        return reshaped(coords, extents, node.shape, self.block.ranges)

    def element(self, array: Buffer) -> Load:
        """Return the element in the array of a row."""
        return Load(array, (self.unit,))


class _Scan:
    """The program of one loop while it is built."""

    def __init__(self, loop: Loop, builder: Builder, inputs: dict[Node, Storage], body: Block):
        assert loop.persistent is not None
        self._loop = loop
        self._plan: Persistent = loop.persistent
        self._builder = builder
        self._inputs = inputs
        self._body = body
        row = LoopVariable("row")
        self._row = builder.loop(body, row, self._plan.batch)
        self._at_row = index_of(row)
        step, self._length = builder.buffers.steps[loop.step]
        self._turn = builder.loop(self._row, step, self._length, _layers(loop.needed))
        self._step = index_of(step)
        self._carries: dict[Node, Buffer] = {}
        self._tiles: dict[Node, Buffer] = {}
        self._kept: dict[Node, Buffer] = {}

    def walk(self) -> Walk:
        """Append the loop over rows, with that over steps in it."""
        loop, plan = self._loop, self._plan
        for leaf in loop.carries:
            self._carries[leaf] = self._array(self._row, "carry", leaf, leaf in plan.carries)
        yield from self._first_carries()
        for leaf, array in self._carries.items():
            self._is_in(leaf, array)
        kept = self._kept_by_stage()
        for number in range(len(plan.stages)):
            yield from self._stage(number, kept[number])
        self._next_carries()
        self._close_turn()
        self._last_carries()
        self._row.close(self._body)

    # ---- arrays of a row, and loops over one ----------------------------------------------------

    def _array(self, block: Block, prefix: str, node: Node, is_read_across: bool) -> Buffer:
        """Allocate the array of a row of a value: in registers, if each element is the reader's
        own."""
        is_own = width(node) == self._plan.width and not is_read_across
        scope = BufferScope.REGISTER if is_own else BufferScope.SHARED
        array = new_buffer(self._builder.name(prefix), node.dtype, (width(node),), scope)
        block.add(Allocate(array))
        return array

    def _is_in(self, node: Node, array: Buffer) -> None:
        """Let a value be read from an array from now on."""
        self._inputs[node] = RowStorage(array, shape=node.shape)

    def _nests(
        self, around: Block, nodes: Iterable[Node], remark: str
    ) -> Iterator[tuple[_Nest, list[Node]]]:
        """Yield a loop for the values of each width, which is appended when the next is asked
        for."""
        widest = self._plan.width
        for wide, group in groupby(sorted(nodes, key=width), key=width):
            variable = LoopVariable(self._builder.name("unit"))
            block = self._builder.loop(around, variable, widest, remark)
            unit = index_of(variable) if widest > 1 else as_index(0)
            if wide < widest:
                block = block.branch((below(unit, wide),))
            self._builder.least_depth = block.depth
            yield (
                _Nest(block, unit, self._at_row, self._plan.batch, wide),
                list(group),
            )
            self._builder.least_depth = 0
            block.close(around)

    # ---- carries --------------------------------------------------------------------------------

    def _first_carries(self) -> Walk:
        first = dict(zip(self._loop.carries, self._loop.initial, strict=True))
        for nest, leaves in self._nests(self._row, first, "the first carries"):
            values = []
            for leaf in leaves:
                values.append((yield first[leaf], nest.at(first[leaf]), nest.block))
            for leaf, value in zip(leaves, values, strict=True):
                nest.block.add(Store(nest.element(self._carries[leaf]), value))

    @property
    def _following(self) -> dict[Node, Node]:
        """The value that each carry changes to."""
        pairs = zip(self._loop.carries, self._loop.outputs, strict=False)
        return {leaf: new for leaf, new in pairs if new is not leaf}

    def _next_carries(self) -> None:
        following = self._following
        for nest, leaves in self._nests(self._turn, following, "the carries of the next step"):
            for leaf in leaves:
                new = following[leaf]
                source = self._tiles.get(new) or self._kept[new]
                nest.block.add(Store(nest.element(self._carries[leaf]), nest.element(source)))

    def _last_carries(self) -> None:
        carries = self._loop.carries
        finals = [one for one in self._loop.items if one.attrs["index"] < len(carries)]
        for nest, items in self._nests(self._row, finals, "the last carries"):
            elements = [
                (one, nest.at(one), nest.element(self._carries[carries[one.attrs["index"]]]))
                for one in items
            ]
            nest.block.add(*self._builder.stores(nest.block, elements))

    def _close_turn(self) -> None:
        """Append the loop over steps, which counts turns if it runs backwards."""
        turn = self._turn
        if self._loop.scan.attrs["reverse"]:
            assert turn.variable is not None
            count = LoopVariable("turn")
            step = as_index(self._length) - 1 - index_of(count)
            turns = self._builder.loop(self._row, count, self._length, turn.note)
            turns.add(*substituted(turn.body, {turn.variable: step}))
            turn = turns
        turn.close(self._row)

    # ---- stages ---------------------------------------------------------------------------------

    def _kept_by_stage(self) -> list[dict[Node, None]]:
        """Return the values of each stage that later ones read at their own element, or that a
        carry changes to."""
        plan = self._plan
        kept: list[dict[Node, None]] = [{} for _ in plan.stages]
        for new in self._following.values():
            if new not in plan.tiles:
                kept[plan.stage_of[new]][new] = None
        for number in range(len(plan.stages) - 1, 0, -1):
            for node in self._read_again((*plan.stages[number], *kept[number]), number):
                kept[plan.stage_of[node]][node] = None
        return kept

    def _read_again(self, targets: Sequence[Node], stage: int) -> Iterator[Node]:
        """Yield the values of earlier stages that targets of a stage read at their own element,
        through pointwise ops."""
        plan, seen, pending = self._plan, set[Node](), list(targets)
        while pending:
            node = pending.pop()
            if node in seen or node in self._loop.inputs or node.op == "constant":
                continue
            seen.add(node)
            is_pointwise = OPS[node.op].family == "pointwise"
            if node in self._loop.carries:
                if node in plan.carries and width(node) == plan.width:
                    yield node  # threads change it, by the end of the step, for each other
            elif node in plan.stage_of and plan.stage_of[node] < stage:
                if node not in plan.tiles and (is_pointwise or node.op == "matmul"):
                    yield node
            elif is_pointwise:
                pending += node.inputs

    def _stage(self, number: int, kept: Iterable[Node]) -> Walk:
        """Append the loops of a stage: one for the values of each width."""
        tiles = [node for node in self._plan.stages[number] if node in self._plan.tiles]
        made: dict[Node, list[Buffer]] = {}
        for node in tiles:
            self._tiles[node] = self._array(self._turn, "tile", node, True)
            made.setdefault(node, []).append(self._tiles[node])
        own = dict(self._kept)
        for node in kept:
            self._kept[node] = self._array(self._turn, "kept", node, False)
            made.setdefault(node, []).append(self._kept[node])
        targets = dict.fromkeys((*self._plan.stages[number], *made))
        for nest, nodes in self._nests(self._turn, targets, f"stage {number}"):
            self._know(nest, own)
            yield from self._products(nest, nodes, number)
            values = []
            for node in nodes:
                values.append((node, (yield node, nest.at(node), nest.block)))
            for node, value in values:
                for array in made.get(node, ()):
                    nest.block.add(Store(nest.element(array), value))
            stacks = [
                (item, (self._step, *nest.at(node)), value)
                for node, value in values
                for item in self._stacks_of(node)
            ]
            nest.block.add(*self._builder.stores(nest.block, stacks))
        for node in tiles:
            self._is_in(node, self._tiles[node])

    def _know(self, nest: _Nest, kept: dict[Node, Buffer]) -> None:
        """Let the elements that earlier stages have kept be read from there."""
        for node, array in kept.items():
            if width(node) != nest.width:
                continue
            if node in self._carries:
                storage = RowStorage(self._carries[node], shape=node.shape)
                own = replace(storage, own=array, at=nest.unit)
                self._inputs[node] = own
            else:
                nest.block.known[node, nest.at(node)] = nest.element(array)

    def _products(self, nest: _Nest, targets: Sequence[Node], stage: int) -> Walk:
        """Append the sums of products that targets of a stage read at their own element: those of
        one left operand are made together."""
        plan, outside = self._plan, {*self._loop.carries, *self._loop.inputs}
        lefts: dict[Node, list[Node]] = {}
        for node in elementwise_operands(targets, outside, self._loop.step):
            is_here = plan.stage_of.get(node) == stage and width(node) == nest.width
            if node.op == "matmul" and is_here:
                lefts.setdefault(node.inputs[0], []).append(node)
        for products in lefts.values():
            reduced = [REDUCED[node.op](node, nest.at(node)) for node in products]
            carried = yield from reduce_together(self._builder, nest.block, reduced)
            for node, (total,) in zip(products, carried, strict=True):
                nest.block.known[node, nest.at(node)] = total

    def _stacks_of(self, node: Node) -> list[Node]:
        """Return the values of the loop that stack a value of its steps."""
        first = len(self._loop.carries)
        return [
            item
            for item in self._loop.items
            if item.attrs["index"] >= first and self._loop.outputs[item.attrs["index"]] is node
        ]


def _layers(nodes: Iterable[Node]) -> str:
    """Return the layers of values, each once."""
    return ", ".join(dict.fromkeys(filter(None, map(note, nodes))))
