"""Layers that repeat elements, put zeros around or cut off: import them from
graphc.layers.convolutional."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from graphc.backend.conv import crop_spatial, pad_spatial, pair_of_counts, repeat_spatial
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.shapes import known_shape
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.bases.spatial import SpatialLayer
from graphc.lookup import whole_number
from graphc.releases import since


class UpSampling1D(SpatialLayer):
    """Each step of a sequence `length` times in a row.

    Input: (batch, steps, features). Output: (batch, steps * length, features).
    """

    dims = 1

    def __init__(self, length: int = 2, **kwargs: Unpack[LayerKeywords]):
        super().__init__("tf", **kwargs)
        self.length = self._whole("length", length)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return repeat_spatial(x, (self.length,), self.dim_ordering)


class UpSampling2D(SpatialLayer):
    """Each pixel size[0] times in a column and size[1] times in a row.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last.
    """

    dims = 2

    def __init__(
        self,
        size: Sequence[int] = (2, 2),
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self.size = self._each("size", size)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return repeat_spatial(x, self.size, self.dim_ordering)


class UpSampling3D(SpatialLayer):
    """Each element size[k] times in a row along the spatial axis k.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last.
    """

    dims = 3

    def __init__(
        self,
        size: Sequence[int] = (2, 2, 2),
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self.size = self._each("size", size)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return repeat_spatial(x, self.size, self.dim_ordering)


class _ZeroPadding(SpatialLayer):
    """Zeros around an image.

    Attributes:
        padding: as it was given.
    """

    _names: tuple[tuple[str, str], ...]  # of the two ends of each axis
    _widths: list[tuple[int, int]]

    def _take_padding(self, padding: Any) -> None:
        where = f"{self._graphc_label}: padding"
        names = [name for pair in self._names for name in pair]
        if isinstance(padding, Mapping):
            unknown = [name for name in padding if name not in names]
            if unknown:
                raise ArgumentError(
                    f"{where}: expected a dict with {', '.join(names)}, received the key "
                    f"{unknown[0]!r}"
                )
            given = [padding.get(name, 0) for name in names]
        elif self.dims == 1 and not isinstance(padding, list | tuple):
            given = [padding] * 2
        elif isinstance(padding, list | tuple) and len(padding) == len(names):
            given = list(padding)
        else:
            numbers = self._each("padding", padding, least=0)
            given = [number for number in numbers for _ in range(2)]
        counts = [
            whole_number(f"{where}: {n}", one, 0) for n, one in zip(names, given, strict=True)
        ]
        for name, count in zip(names, counts, strict=True):
            setattr(self, name, count)
        self.padding = tuple(padding) if isinstance(padding, list) else padding
        self._widths = list(zip(counts[::2], counts[1::2], strict=True))

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return pad_spatial(x, self._widths, self.dim_ordering)


class ZeroPadding1D(_ZeroPadding):
    """Steps of zeros before and after a sequence.

    Input: (batch, steps, features). Output: (batch, steps + left_pad + right_pad, features).

    Args:
        padding: how many at each end; or (left_pad, right_pad); or a dict with these two names, 0
            for one that is missing.
    """

    dims = 1
    _names = (("left_pad", "right_pad"),)

    def __init__(
        self, padding: int | Sequence[int] | Mapping[str, int] = 1, **kwargs: Unpack[LayerKeywords]
    ):
        super().__init__("tf", **kwargs)
        self._take_padding(padding)


class ZeroPadding2D(_ZeroPadding):
    """Rows and columns of zeros around images.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last.

    Args:
        padding: (rows, columns), as many at both ends; or (top_pad, bottom_pad, left_pad,
            right_pad); or a dict with these four names, 0 for one that is missing.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """

    dims = 2
    _names = (("top_pad", "bottom_pad"), ("left_pad", "right_pad"))

    def __init__(
        self,
        padding: Sequence[int] | Mapping[str, int] = (1, 1),
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self._take_padding(padding)


class ZeroPadding3D(SpatialLayer):
    """padding[k] zeros before and after along the spatial axis k.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last.
    """

    dims = 3

    def __init__(
        self,
        padding: Sequence[int] = (1, 1, 1),
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self.padding = self._each("padding", padding, least=0)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return pad_spatial(x, [(count, count) for count in self.padding], self.dim_ordering)


class _Cropping(SpatialLayer):
    """An image without elements at the ends of its spatial axes.

    Attributes:
        cropping: (at the beginning, at the end) of each axis.
    """

    cropping: Any

    def _pairs(self) -> Sequence[tuple[int, int]]:
        pairs: Sequence[tuple[int, int]] = self.cropping
        return pairs

    def _take_cropping(self, cropping: Any) -> None:
        where = f"{self._graphc_label}: cropping"
        pairs = list(cropping) if isinstance(cropping, list | tuple) else []
        if len(pairs) != self.dims:
            raise ArgumentError(
                f"{where}: expected (at the beginning, at the end) of each of {self.dims} axes, "
                f"received {cropping!r}"
            )
        self.cropping = tuple(pair_of_counts(pair, where) for pair in pairs)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return crop_spatial(x, self._pairs(), self.dim_ordering, self._graphc_label)

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        super()._graphc_check_inputs(inputs)
        sizes = self._spatial(known_shape(inputs[0]))
        for size, (begin, end) in zip(sizes, self._pairs(), strict=True):
            if size is not None and size <= begin + end:
                raise ShapeError(
                    f"{self._graphc_label}: expected an input larger than what is cut off, "
                    f"{self.cropping}, received {sizes} of the axes {self._ordering_said()}"
                )


@since("1.0.8")
class Cropping1D(_Cropping):
    """A sequence without steps at its ends.

    Input: (batch, steps, features). Output: (batch, steps - sum(cropping), features).

    Args:
        cropping: how many steps at the beginning and at the end.
    """

    dims = 1

    def __init__(self, cropping: Sequence[int] = (1, 1), **kwargs: Unpack[LayerKeywords]):
        super().__init__("tf", **kwargs)
        self.cropping = pair_of_counts(cropping, f"{self._graphc_label}: cropping")

    def _pairs(self) -> Sequence[tuple[int, int]]:
        return [self.cropping]


@since("1.0.8")
class Cropping2D(_Cropping):
    """Images without rows and columns at their edges.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last.

    Args:
        cropping: ((above, below), (left, right)).
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """

    dims = 2

    def __init__(
        self,
        cropping: Sequence[Sequence[int]] = ((0, 0), (0, 0)),
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self._take_cropping(cropping)


@since("1.0.8")
class Cropping3D(_Cropping):
    """`Cropping2D` over three spatial axes.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last.
    """

    dims = 3

    def __init__(
        self,
        cropping: Sequence[Sequence[int]] = ((1, 1), (1, 1), (1, 1)),
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(dim_ordering, **kwargs)
        self._take_cropping(cropping)
