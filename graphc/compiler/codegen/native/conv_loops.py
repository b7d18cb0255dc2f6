"""What the forms of a convolution's kernel have in common: the loops that copy the weights and an
image with its padding, and those that compute what follows the convolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from graphc.compiler.codegen.emit_loops import behind_padding
from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Variable,
    expression,
    grouped,
    literal,
    minus,
    plus,
    subscript,
    times,
    when,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.lanes import whole_vectors
from graphc.compiler.codegen.native.nest import PRODUCTS, Limits, Nest, parallel
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.native.scratch import Elements, Slot, array
from graphc.compiler.codegen.statement import Assign, Statement, braces
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, product
from graphc.compiler.graph.ops.contraction import dilated
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES

PARTS = 8
"""Parts of a sum over samples or channels, which threads divide: each has all of the results, and
no more threads than this have work. It is in the text, so sums do not depend on the threads."""

Place = Callable[[NativeEmitter, Index], Expression]
"""Prints where an element of the convolution lies in the array of its sums."""


class ConvLoops:
    """The text of a convolution's parts.

    Attributes:
        node, image, weights: the convolution and what it reads.
        scalar: its type in C.
        samples, filters, windows: its shape.
        channels, places: the others of the weights' shape.
        reach: of the image with its padding and holes, what windows reach, an axis at a time.
        pitches: how far neighbours along each of these axes lie apart.
    """

    def __init__(self, kernel: Kernel, context: NativeContext, signature: NativeSignature):
        self.kernel = kernel
        self.context = context
        self.signature = signature
        (node,) = kernel.anchors
        self.node = node
        self.image, self.weights = node.inputs
        self.scalar = C_TYPES[node.dtype]
        self.samples, self.filters, *windows = node.shape
        self.windows: Shape = tuple(windows)
        self.channels, *places = self.weights.shape[1:]
        self.places: Shape = tuple(places)
        attrs = node.attrs
        self.reach: Shape = tuple(
            (count - 1) * stride + dilated(extent, hole)
            for count, stride, extent, hole in zip(
                self.windows, attrs["strides"], self.places, attrs["kernel_dilation"], strict=True
            )
        )

    @property
    def pitches(self) -> Shape:
        return tuple(product(self.reach[axis + 1 :]) for axis in range(len(self.reach)))

    @property
    def k(self) -> Size:
        return product(self.weights.shape[1:])

    def wide(self, count: Size, vectors: int) -> Size:
        """The next multiple of so many vectors' elements."""
        return whole_vectors(count, vectors, self.node.dtype)

    def array(self, name: str, scalar: str, slot: Slot, count: Size, threads: Size) -> str:
        """The line that takes an array; see `native.scratch`.

        Args:
            threads: the most threads that have one.
        """
        text = expression("(size_t)({})", self.signature.size(count))
        elements = Elements.known(count, text)
        return array(self.signature, scalar, name, slot, elements, threads=threads)

    def per_sample(self, inside: list[str]) -> list[str]:
        work = (self.samples, self.filters, *self.windows, self.k)
        threads = parallel(work, self.signature, least=PRODUCTS) if self.samples != 1 else []
        head = f"for (int sample = 0; sample < {self.signature.size(self.samples)}; ++sample) {{"
        return [*threads, head, *indented(inside), "}"]

    def nest(
        self,
        shape: Shape,
        body: Callable[[NativeEmitter, Expression, Coordinates], Sequence[Statement]],
    ) -> list[str]:
        """Loops over a shape; `body` is given the coordinates."""

        def at(emitter: NativeEmitter, position: Expression) -> Sequence[Statement]:
            return body(emitter, position, emitter.coordinates(Index(shape, linear=position)))

        return list(braces(Nest(self.signature, product(shape), threads=False).listing(at)).lines)

    def step_offset(self, places: Coordinates) -> Expression:
        return self.spread(places, self.node.attrs["kernel_dilation"])

    def spread(self, numbers: Coordinates, steps: Shape) -> Expression:
        offset = ZERO
        for number, step, pitch in zip(numbers, steps, self.pitches, strict=True):
            offset = plus(offset, times(number, self.signature.size(step * pitch)))
        return offset

    def weight_matrix(self) -> list[str]:
        """The weights as rows of k."""

        def body(emitter: NativeEmitter, position: Expression) -> list[Statement]:
            value = emitter.value(self.weights, Index(self.weights.shape, linear=position))
            return [Assign(subscript("weights", position), value)]

        elements = product(self.weights.shape)
        return list(braces(Nest(self.signature, elements, threads=False).listing(body)).lines)

    def image_elements(self, planes: Size) -> Size:
        return product((planes, *self.reach))

    def padded(self, planes: Size, other: str) -> list[str]:
        """The loops that copy what windows reach: of the sample `other` all channels, or of the
        channel `other` all samples."""
        by_channel = other == "channel"
        inner = self._inner()
        if inner is None:

            def each(
                emitter: NativeEmitter, position: Expression, coords: Coordinates
            ) -> list[Statement]:
                plane, *reach = coords
                value = self.element(emitter, plane, reach, by_channel)
                return [Assign(subscript("image", position), value)]

            return self.nest((planes, *self.reach), each)

        firsts, counts = inner

        def body(emitter: NativeEmitter, _: Expression, coords: Coordinates) -> list[Statement]:
            plane, *rest = coords
            reach = [plus(at, first) for at, first in zip(rest, firsts, strict=True)]
            lows = [low for low, _ in self.node.attrs["padding"]]
            inside = [
                plus(at, first - low) if first >= low else minus(at, low - first)
                for at, first, low in zip(rest, firsts, lows, strict=True)
            ]
            place = emitter.place(Index((planes, *self.reach), coords=(plane, *reach)))
            element = self._in_image(plane, inside, by_channel)
            return [Assign(subscript("image", place), emitter.value(self.image, element))]

        size = self.signature.size
        clear = f"for (int i = 0; i < {size(self.image_elements(planes))}; ++i) image[i] = 0;"
        copied = self.nest((planes, *counts), body)
        return copied if counts == self.reach else [clear, *copied]

    def _inner(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Where along each axis of the padded image its elements begin, and how many of them
        windows reach; None where they have holes between them, or a size is no number."""
        attrs = self.node.attrs
        firsts, counts = [], []
        for reach, extent, (low, _), hole in zip(
            self.reach,
            self.image.shape[2:],
            attrs["padding"],
            attrs["input_dilation"],
            strict=True,
        ):
            if hole != 1 or not all(isinstance(size, int) for size in (reach, extent, low)):
                return None
            firsts.append(max(low, 0))
            counts.append(max(min(low + extent, reach) - firsts[-1], 0))
        return tuple(firsts), tuple(counts)

    def _in_image(self, plane: Expression, places: Sequence[Expression], by_channel: bool) -> Index:
        first = (plane, Variable("channel")) if by_channel else (Variable("sample"), plane)
        return Index(self.image.shape, coords=(*first, *places))

    def element(
        self,
        emitter: NativeEmitter,
        plane: Expression,
        reach: Sequence[Expression],
        by_channel: bool,
    ) -> Expression:
        """The image with its padding and holes, at a place that windows reach."""
        coords, conditions = behind_padding(emitter, self.node, reach)
        element = self._in_image(plane, coords, by_channel)
        return self._where(emitter, conditions, element)

    def _where(
        self, emitter: NativeEmitter, conditions: Sequence[Expression], element: Index
    ) -> Expression:
        """An element of the image under conditions, else zero."""
        if not conditions:
            return emitter.value(self.image, element)
        value = emitter.variable(self.image, literal(0, self.node.dtype))
        with emitter.block(when(conditions)):
            emitter.assign(value, emitter.value(self.image, element))
        return value

    def in_parts(
        self,
        rows: Size,
        width: Size,
        ahead: list[str],
        inside: list[str],
        behind: list[str],
        place: Place | None = None,
    ) -> list[str]:
        """A sum over the image's channels, which are samples then, divided into `PARTS` parts that
        are added in their order, whatever the number of threads; and what follows it.

        Args:
            rows, width: of `part_sum`.
            ahead: of a part, where `part_sum` holds zeros.
            inside: what `channel` adds.
            behind: of a part.
            place: where a result lies in `part_sum`; by default there is a row for each place of
                the results' image, in it filters.
        """
        size, elements = self.signature.size, rows * width
        channels = size(self.channels)
        work = (rows, *self.places, self.channels, self.filters)
        counts = (self.samples, *self.windows)

        def in_rows(emitter: NativeEmitter, index: Index) -> Expression:
            sample, filter_, *windows = emitter.coordinates(index)
            inner = emitter.position(Index(counts, coords=(sample, *windows)))
            return plus(times(inner, size(width)), filter_)

        return [
            self.array("parts", self.scalar, Slot.SUMS, elements * PARTS, 1),
            *parallel(work, self.signature, least=PRODUCTS),
            f"for (int part = 0; part < {PARTS}; ++part) {{",
            f"  {self.scalar}* part_sum = parts + (size_t)part * ({size(elements)});",
            *indented(ahead),
            f"  const int begin = (int)((gc_int64)part * {grouped(channels)} / {PARTS});",
            f"  const int end = (int)((gc_int64)(part + 1) * {grouped(channels)} / {PARTS});",
            "  for (int channel = begin; channel < end; ++channel) {",
            *indented(inside, 2),
            "  }",
            *indented(behind),
            "}",
            f"for (int part = 1; part < {PARTS}; ++part) {{",
            f"  const {self.scalar}* part_sum = parts + (size_t)part * ({size(elements)});",
            f"  for (int i = 0; i < {size(elements)}; ++i) parts[i] = gc_add(parts[i], "
            "part_sum[i]);",
            "}",
            f"const {self.scalar}* s0 = parts;",
            *self.outputs(partial(self.given, place or in_rows), None),
        ]

    def after(self, place: Place) -> list[str]:
        limits = Limits.row(self.samples, "sample")
        return self.outputs(partial(self.given, place), limits)

    def given(self, place: Place, emitter: NativeEmitter) -> Mapping[Node, Given]:
        return {self.node: lambda index: subscript("s0", place(emitter, index))}

    def outputs(
        self, given: Callable[[NativeEmitter], Mapping[Node, Given]], limits: Limits | None
    ) -> list[str]:
        """Those of the convolution's elements, and those that are pooled."""
        groups: dict[Size, list[Node]] = {}
        for output in self.kernel.outputs:
            groups.setdefault(product(output.shape), []).append(output)
        lines: list[str] = []
        for elements, outputs in groups.items():
            nest = Nest(self.signature, elements, given, limits, threads=False)
            lines += braces(nest.listing(partial(store_elements, outputs, self.context))).lines
        return lines


def indented(lines: list[str], depth: int = 1) -> list[str]:
    return [f"{'  ' * depth}{line}" for line in lines]


def known(sizes: Sequence[Size]) -> tuple[int, ...]:
    """Sizes all of which are numbers."""
    numbers = tuple(size for size in sizes if isinstance(size, int))
    assert len(numbers) == len(sizes)
    return numbers


def call(function: str, height: int, arguments: Sequence[object]) -> str:
    """A call of a function of tiles of that height."""
    return f"{function}<gc_height({height})>({', '.join(map(str, arguments))});"
