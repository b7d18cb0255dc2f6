"""Kernels of kind conv, in one of three forms.

- **by windows**: where windows are one element apart, a sample's image is copied with its padding,
  and a product reads each row of windows from the image itself (``kernels/host_conv.h``). Between
  two rows of windows it computes a few that are none, which nobody reads.
- **by sample**: where there are few windows and each is long (the gradient of the weights), a sum
  of products, one for each channel of the image. Channels, which are samples then, are divided into
  `PARTS` parts that are added in their order, whatever the number of threads.
- **im2col**: else windows are written side by side as a matrix (Chellapilla, Puri and Simard, "High
  performance convolutional neural networks for document processing", 2006).

What follows the convolution, pooling too, is computed from a sample's results while they are
cached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from graphc.compiler.codegen.c_text import C_TYPES, grouped, literal, minus, plus, times
from graphc.compiler.codegen.emit_loops import image_coordinates
from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.nest import PRODUCTS, Limits, NativeEmitter, Nest, parallel
from graphc.compiler.codegen.native.pointwise import lower_pointwise, store_elements
from graphc.compiler.codegen.reduction import typical
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Shape, Size, ceil_divide, product
from graphc.compiler.graph.ops.contraction import dilated
from graphc.compiler.schedule.kernel import Kernel

PARTS = 8
HEIGHTS = (12, 11, 10, 9, 8)
"""Rows that a tile of sums may have."""


def lower_conv(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function."""
    (node,) = kernel.anchors
    if 0 in (*node.shape, *node.inputs[1].shape) or not node.dtype.startswith("float"):
        return lower_pointwise(kernel, context)  # zeros, or nothing, or ints
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["host_conv.h"] = None
    form = _Conv(kernel, context, signature)
    windows, places = product(node.shape[2:]), product(node.inputs[1].shape[2:])
    if typical(places) > typical(windows):
        lines, how = form.by_sample()
    elif all(stride == 1 for stride in node.attrs["strides"]):
        lines, how = form.by_windows()
    else:
        lines, how = form.by_columns()
    return [context.function(name, kernel, signature, lines, how)]


class _Conv:
    def __init__(self, kernel: Kernel, context: NativeContext, signature: NativeSignature):
        self._kernel = kernel
        self._context = context
        self._signature = signature
        (node,) = kernel.anchors
        self._node = node
        self._image, self._weights = node.inputs
        self._scalar = C_TYPES[node.dtype]
        self._samples, self._filters, *windows = node.shape
        self._windows: Shape = tuple(windows)
        self._channels, *places = self._weights.shape[1:]
        self._places: Shape = tuple(places)
        attrs = node.attrs
        # Of the image with its padding and holes, what windows reach, an axis at a time.
        self._reach: Shape = tuple(
            (count - 1) * stride + dilated(extent, hole)
            for count, stride, extent, hole in zip(
                self._windows, attrs["strides"], self._places, attrs["kernel_dilation"], strict=True
            )
        )
        self._pitches: Shape = tuple(
            product(self._reach[axis + 1 :]) for axis in range(len(self._reach))
        )

    # ---- the three forms ------------------------------------------------------------------------

    def by_windows(self) -> tuple[list[str], str]:
        """A sample at a time; rows of windows are rows of the image."""
        size = self._signature.size
        k, m = self._k, self._filters
        height = tile_height(m)
        # From the first window to the last one, in the image.
        wide: Size = 1
        for count, pitch in zip(self._windows, self._pitches, strict=True):
            wide = wide + (count - 1) * pitch
        panels = -(-m // height) * height if not isinstance(m, Dim) else m + height
        before = [
            self._array("weights", self._scalar, 2, m * k),
            *self._weight_matrix(),
            self._array("panels", self._scalar, 3, panels * k),
            f"gc_gemm_pack<{height}>({size(m)}, {size(k)}, weights, {size(k)}, 1, panels);",
            self._array("at", "int", 4, k),
            *self._offsets("at", (self._channels, *self._places), self._place_offset),
        ]
        image = product((self._channels, *self._reach))
        inside = [
            self._array("image", self._scalar, 1, image, " + GC_IMAGE_SLACK"),
            *self._padded(self._channels, "sample"),
            self._array("s0", self._scalar, 0, m * wide),
            f"gc_conv_windows<{height}>({size(m)}, {size(wide)}, {size(k)}, panels, image, at, s0, "
            f"{size(wide)});",
        ]
        rows = times(size(m), size(wide))

        def place(emitter: NativeEmitter, index: Index) -> str:
            _, filter_, *windows = emitter.coordinates(index)
            text = times(filter_, size(wide))
            for window, pitch in zip(windows, self._pitches, strict=True):
                text = plus(text, times(window, size(pitch)))
            return text

        how = f"{self._samples} samples; {m} x {k} weights by windows of the image, {rows} sums"
        return [*before, *self._per_sample([*inside, *self._after(place)])], how

    def by_columns(self) -> tuple[list[str], str]:
        """A sample at a time; its windows are written into a matrix."""
        size = self._signature.size
        k, m, pixels = self._k, self._filters, product(self._windows)
        inside = [
            self._array("windows", self._scalar, 1, k * pixels),
            *self._written_windows(),
            self._array("s0", self._scalar, 0, m * pixels),
            f"gc_gemm<{self._scalar}>({size(m)}, {size(pixels)}, {size(k)}, weights, {size(k)}, 1, "
            f"windows, {size(pixels)}, 1, s0, {size(pixels)});",
        ]
        begin = times("sample", size(m * pixels))

        def place(emitter: NativeEmitter, index: Index) -> str:
            return minus(emitter.position(index), begin)

        before = [self._array("weights", self._scalar, 2, m * k), *self._weight_matrix()]
        how = f"{self._samples} samples; {m} x {k} weights by {pixels} windows, written as a matrix"
        return [*before, *self._per_sample([*inside, *self._after(place)])], how

    def by_sample(self) -> tuple[list[str], str]:
        """A sum over the image's channels of products of all its windows."""
        size = self._signature.size
        images = product((self._samples, *self._reach))
        m, steps = product((self._samples, *self._windows)), product(self._places)
        height = tile_height(m)
        lanes = 32 if self._node.dtype == "float32" else 16  # of two vectors of 64 bytes
        width = ceil_divide(self._filters, lanes) * lanes
        counts = (self._samples, *self._windows)
        channels = size(self._channels)
        lines = [
            self._array("row", "int", 3, m),
            *self._offsets("row", counts, self._window_offset),
            self._array("at", "int", 4, steps),
            *self._offsets("at", self._places, self._step_offset),
            self._array("sums", self._scalar, 0, m * width * PARTS),
            *parallel(
                (m, steps, self._channels, self._filters), self._signature, least=PRODUCTS
            ),
            f"for (int part = 0; part < {PARTS}; ++part) {{",
            f"  {self._scalar}* sum = sums + (size_t)part * ({size(m * width)});",
            f"  for (int i = 0; i < {size(m * width)}; ++i) sum[i] = 0;",
            f"  const int begin = (int)((gc_int64)part * {grouped(channels)} / {PARTS});",
            f"  const int end = (int)((gc_int64)(part + 1) * {grouped(channels)} / {PARTS});",
            "  for (int channel = begin; channel < end; ++channel) {",
            *_indented([
                self._array("image", self._scalar, 1, images, " + GC_IMAGE_SLACK"),
                *self._padded(self._samples, "channel"),
                self._array("other", self._scalar, 2, steps * width),
                *self._turned(width),
                f"gc_conv_weights<{height}>({size(m)}, {size(width)}, {size(steps)}, image, row, "
                "at, other, sum);",
            ], 2),
            "  }",
            "}",
            f"for (int part = 1; part < {PARTS}; ++part) {{",
            f"  const {self._scalar}* sum = sums + (size_t)part * ({size(m * width)});",
            f"  for (int i = 0; i < {size(m * width)}; ++i) sums[i] = gc_add(sums[i], sum[i]);",
            "}",
            f"const {self._scalar}* s0 = sums;",
        ]  # fmt: skip

        def place(emitter: NativeEmitter, index: Index) -> str:
            sample, filter_, *windows = emitter.coordinates(index)
            inner = emitter.position(Index(counts, coords=(sample, *windows)))
            return plus(times(inner, size(width)), filter_)

        nests = self._outputs(partial(self._given, place), None)
        how = (
            f"{m} x {steps} windows by {self._filters} filters, summed over {self._channels} "
            f"channels in {PARTS} parts"
        )
        return [*lines, *nests], how

    # ---- parts ----------------------------------------------------------------------------------

    @property
    def _k(self) -> Size:
        return product(self._weights.shape[1:])

    def _array(self, name: str, scalar: str, slot: int, count: Size, more: str = "") -> str:
        size = f"(size_t)({self._signature.size(count)}){more}"
        return f"{scalar}* {name} = gc_scratch<{scalar}>({slot}, {size});"

    def _per_sample(self, inside: list[str]) -> list[str]:
        work = (self._samples, self._filters, *self._windows, self._k)
        threads = parallel(work, self._signature, least=PRODUCTS) if self._samples != 1 else []
        head = f"for (int sample = 0; sample < {self._signature.size(self._samples)}; ++sample) {{"
        return [*threads, head, *_indented(inside), "}"]

    def _nest(
        self, shape: Shape, body: Callable[[NativeEmitter, str, tuple[str, ...]], list[str]]
    ) -> list[str]:
        """Loops over a shape; `body` is given the coordinates."""

        def at(emitter: NativeEmitter, position: str) -> list[str]:
            return body(emitter, position, emitter.coordinates(Index(shape, linear=position)))

        return _braced(Nest(self._signature, product(shape), threads=False).lines(at))

    def _offsets(
        self, name: str, shape: Shape, offset: Callable[[tuple[str, ...]], str]
    ) -> list[str]:
        return self._nest(shape, lambda _, at, coords: [f"{name}[{at}] = {offset(coords)};"])

    def _place_offset(self, coords: tuple[str, ...]) -> str:
        """Where a channel's place of a window lies in the padded image."""
        channel, *places = coords
        plane = times(channel, self._signature.size(product(self._reach)))
        return plus(plane, self._step_offset(tuple(places)))

    def _step_offset(self, places: tuple[str, ...]) -> str:
        return self._spread(places, self._node.attrs["kernel_dilation"])

    def _window_offset(self, coords: tuple[str, ...]) -> str:
        sample, *windows = coords
        plane = times(sample, self._signature.size(product(self._reach)))
        return plus(plane, self._spread(tuple(windows), self._node.attrs["strides"]))

    def _spread(self, numbers: tuple[str, ...], steps: Shape) -> str:
        text = "0"
        for number, step, pitch in zip(numbers, steps, self._pitches, strict=True):
            text = plus(text, times(number, self._signature.size(step * pitch)))
        return text

    def _weight_matrix(self) -> list[str]:
        """The weights as rows of k."""

        def body(emitter: NativeEmitter, position: str) -> list[str]:
            value = emitter.value(self._weights, Index(self._weights.shape, linear=position))
            return [f"weights[{position}] = {value};"]

        elements = product(self._weights.shape)
        return _braced(Nest(self._signature, elements, threads=False).lines(body))

    def _padded(self, planes: Size, other: str) -> list[str]:
        """The loops that copy what windows reach: of the sample `other` all channels, or of the
        channel `other` all samples."""
        by_channel = other == "channel"

        def body(emitter: NativeEmitter, position: str, coords: tuple[str, ...]) -> list[str]:
            plane, *reach = coords
            return [f"image[{position}] = {self._element(emitter, plane, reach, by_channel)};"]

        return self._nest((planes, *self._reach), body)

    def _element(
        self, emitter: NativeEmitter, plane: str, reach: list[str], by_channel: bool
    ) -> str:
        """The image with its padding and holes, at a place that windows reach."""
        image, node = self._image, self._node
        coords, conditions = _behind_padding(emitter, node, reach)
        first = (plane, "channel") if by_channel else ("sample", plane)
        element = Index(image.shape, coords=(*first, *coords))
        if not conditions:
            return emitter.value(image, element)
        value = emitter.variable(image, literal(0, node.dtype))
        with emitter.block(f"if ({' && '.join(conditions)})"):
            emitter.line(f"{value} = {emitter.value(image, element)};")
        return value

    def _turned(self, width: Size) -> list[str]:
        """The loops that copy a channel of the weights, filters innermost."""
        size = self._signature.size

        def body(emitter: NativeEmitter, _: str, coords: tuple[str, ...]) -> list[str]:
            filter_, *places = coords
            element = Index(self._weights.shape, coords=(filter_, "channel", *places))
            step = emitter.place(Index(self._places, coords=tuple(places)))
            value = emitter.value(self._weights, element)
            return [f"other[{plus(times(step, size(width)), filter_)}] = {value};"]

        rest = minus(size(width), size(self._filters))
        clear = [] if rest == "0" else [
            f"for (int i = 0; i < {size(product(self._places) * width)}; ++i) other[i] = 0;"
        ]  # fmt: skip
        return [*clear, *self._nest((self._filters, *self._places), body)]

    def _written_windows(self) -> list[str]:
        """The loops that write a sample's windows, (channel, places) x windows."""
        node, image = self._node, self._image
        shape = (self._channels, *self._places, *self._windows)

        def body(emitter: NativeEmitter, position: str, at: tuple[str, ...]) -> list[str]:
            channel, *rest = at
            places, window = rest[: len(self._places)], rest[len(self._places) :]
            coords, conditions = image_coordinates(emitter, node, window, places)
            element = Index(image.shape, coords=("sample", channel, *coords))
            if not conditions:
                return [f"windows[{position}] = {emitter.value(image, element)};"]
            value = emitter.variable(image, literal(0, node.dtype))
            with emitter.block(f"if ({' && '.join(conditions)})"):
                emitter.line(f"{value} = {emitter.value(image, element)};")
            return [f"windows[{position}] = {value};"]

        return self._nest(shape, body)

    # ---- what follows ---------------------------------------------------------------------------

    def _after(self, place: Callable[[NativeEmitter, Index], str]) -> list[str]:
        limits = Limits(self._samples, "sample", "sample + 1")
        return self._outputs(partial(self._given, place), limits)

    def _given(
        self, place: Callable[[NativeEmitter, Index], str], emitter: NativeEmitter
    ) -> Mapping[Node, Given]:
        return {self._node: lambda index: f"s0[{place(emitter, index)}]"}

    def _outputs(
        self, given: Callable[[NativeEmitter], Mapping[Node, Given]], limits: Limits | None
    ) -> list[str]:
        """Those of the convolution's elements, and those that are pooled."""
        groups: dict[Size, list[Node]] = {}
        for output in self._kernel.outputs:
            groups.setdefault(product(output.shape), []).append(output)
        lines: list[str] = []
        for elements, outputs in groups.items():
            nest = Nest(self._signature, elements, given, limits, threads=False)
            lines += _braced(nest.lines(partial(store_elements, outputs, self._context)))
        return lines


def _behind_padding(
    emitter: NativeEmitter, node: Node, reach: list[str]
) -> tuple[list[str], list[str]]:
    """The element of the image at a place of its padded form, and when there is one."""
    size = emitter.signature.size
    coords, conditions = [], []
    for place, extent, (low, high), hole in zip(
        reach,
        node.inputs[0].shape[2:],
        node.attrs["padding"],
        node.attrs["input_dilation"],
        strict=True,
    ):
        coord = emitter.integer(minus(place, size(low)))
        if low != 0:
            conditions.append(f"{coord} >= 0")
        if hole != 1:
            conditions.append(f"{coord} % {size(hole)} == 0")
            coord = emitter.integer(f"{coord} / {size(hole)}")
        if (low, high, hole) != (0, 0, 1):
            conditions.append(f"{coord} < {size(extent)}")
        coords.append(coord)
    return coords, conditions


def tile_height(rows: Size) -> int:
    """The height of tiles that leaves least of the last one empty, the highest of equal ones."""
    if isinstance(rows, Dim):
        return HEIGHTS[0]
    return min(HEIGHTS, key=lambda height: -(-rows // height) * height)


def _indented(lines: list[str], depth: int = 1) -> list[str]:
    return [f"{'  ' * depth}{line}" for line in lines]


def _braced(lines: list[str]) -> list[str]:
    return ["{", *_indented(lines), "}"]
