"""Layers that repeat elements or put zeros around: import them from graphc.layers.convolutional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.backend.conv import pad_spatial, repeat_spatial
from graphc.compiler import graph as g
from graphc.layers.spatial import SpatialLayer


class UpSampling1D(SpatialLayer):
    """Each step of a sequence `length` times in a row.

    Input: (batch, steps, features). Output: (batch, steps * length, features).
    """

    dims = 1

    def __init__(self, length: int = 2, **kwargs: Any):
        super().__init__("tf", **kwargs)
        self.length = self._whole("length", length)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return repeat_spatial(x, (self.length,), self.dim_ordering)


class UpSampling2D(SpatialLayer):
    """Each pixel size[0] times in a column and size[1] times in a row.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last.
    """

    dims = 2

    def __init__(self, size: Sequence[int] = (2, 2), dim_ordering: str = "default", **kwargs: Any):
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
        self, size: Sequence[int] = (2, 2, 2), dim_ordering: str = "default", **kwargs: Any
    ):
        super().__init__(dim_ordering, **kwargs)
        self.size = self._each("size", size)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return repeat_spatial(x, self.size, self.dim_ordering)


class ZeroPadding1D(SpatialLayer):
    """`padding` steps of zeros before and behind a sequence.

    Input: (batch, steps, features). Output: (batch, steps + 2 * padding, features).
    """

    dims = 1

    def __init__(self, padding: int = 1, **kwargs: Any):
        super().__init__("tf", **kwargs)
        self.padding = self._whole("padding", padding, least=0)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return pad_spatial(x, (self.padding,), self.dim_ordering)


class ZeroPadding2D(SpatialLayer):
    """padding[0] rows of zeros above and below, padding[1] columns of zeros at both sides.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last.
    """

    dims = 2

    def __init__(
        self, padding: Sequence[int] = (1, 1), dim_ordering: str = "default", **kwargs: Any
    ):
        super().__init__(dim_ordering, **kwargs)
        self.padding = self._each("padding", padding, least=0)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return pad_spatial(x, self.padding, self.dim_ordering)


class ZeroPadding3D(SpatialLayer):
    """padding[k] zeros before and behind along the spatial axis k.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last.
    """

    dims = 3

    def __init__(
        self, padding: Sequence[int] = (1, 1, 1), dim_ordering: str = "default", **kwargs: Any
    ):
        super().__init__(dim_ordering, **kwargs)
        self.padding = self._each("padding", padding, least=0)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return pad_spatial(x, self.padding, self.dim_ordering)
