"""Pooling layers: over windows, and over whole images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from graphc import backend as K
from graphc.backend.conv import check_border_mode, pool
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.layers.bases.spatial import SpatialLayer
from graphc.public.calls import public
from graphc.releases import since


class _Pooling(SpatialLayer):
    """One value a window; what a window is read to is the subclass' `pool_mode`.

    border_mode='valid' has the windows inside the input: an axis of L elements under windows of k
    gives (L - k) // stride + 1. 'same' gives ceil(L / stride): windows start k - 2 (odd k) or k - 1
    (even k) before the first element, and only elements of the input count.
    """

    pool_mode: str
    _window: tuple[int, ...]
    _strides: tuple[int, ...]

    def __init__(self, border_mode: str, dim_ordering: str, **kwargs: Unpack[LayerKeywords]):
        super().__init__(dim_ordering, **kwargs)
        check_border_mode(border_mode, self._graphc_label)
        self.border_mode = border_mode

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return pool(
            x, self._window, self._strides, self.border_mode, self.dim_ordering, self.pool_mode
        )

    def _take_windows(self, pool_size: Sequence[int], strides: Sequence[int] | None) -> None:
        self.pool_size = self._each("pool_size", pool_size)
        self.strides = self._each("strides", self.pool_size if strides is None else strides)
        self._window, self._strides = self.pool_size, self.strides

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        super()._graphc_check_inputs(inputs)
        self._check_windows(inputs[0], self._window, self.border_mode)


class _Pooling1D(_Pooling):
    dims = 1

    def __init__(
        self,
        pool_length: int = 2,
        stride: int | None = None,
        border_mode: str = "valid",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(border_mode, "tf", **kwargs)
        self.pool_length = self._whole("pool_length", pool_length)
        self.stride = self._whole("stride", self.pool_length if stride is None else stride)
        self._window, self._strides = (self.pool_length,), (self.stride,)


class _Pooling2D(_Pooling):
    dims = 2

    def __init__(
        self,
        pool_size: Sequence[int] = (2, 2),
        strides: Sequence[int] | None = None,
        border_mode: str = "valid",
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(border_mode, dim_ordering, **kwargs)
        self._take_windows(pool_size, strides)


class _Pooling3D(_Pooling):
    dims = 3

    def __init__(
        self,
        pool_size: Sequence[int] = (2, 2, 2),
        strides: Sequence[int] | None = None,
        border_mode: str = "valid",
        dim_ordering: str = "default",
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(border_mode, dim_ordering, **kwargs)
        self._take_windows(pool_size, strides)


class MaxPooling1D(_Pooling1D):
    """The largest of each `pool_length` steps, feature by feature.

    Input: (batch, steps, features). Output: (batch, windows, features). The gradient goes to the
    first of ties.

    Args:
        pool_length: steps in a window.
        stride: from window to window; pool_length by default.
        border_mode: 'valid' or 'same'.
    """

    pool_mode = "max"


class AveragePooling1D(_Pooling1D):
    """The mean of each `pool_length` steps. Arguments and shapes: `MaxPooling1D`."""

    pool_mode = "avg"


class MaxPooling2D(_Pooling2D):
    """The largest pixel of each window, channel by channel.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last. The gradient
    goes to the first of ties.

    Args:
        pool_size: rows and columns of a window.
        strides: from window to window; pool_size by default.
        border_mode: 'valid' or 'same'.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """

    pool_mode = "max"


class AveragePooling2D(_Pooling2D):
    """The mean pixel of each window. Arguments and shapes: `MaxPooling2D`."""

    pool_mode = "avg"


class MaxPooling3D(_Pooling3D):
    """The largest element of each window, channel by channel.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last. The
    gradient goes to the first of ties.

    Args:
        pool_size: the sizes of a window.
        strides: from window to window; pool_size by default.
        border_mode: 'valid' or 'same'.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """

    pool_mode = "max"


class AveragePooling3D(_Pooling3D):
    """The mean element of each window. Arguments and shapes: `MaxPooling3D`."""

    pool_mode = "avg"


class _Global(SpatialLayer):
    """One value for each channel of an image: (batch, channels)."""

    def _over_space(self) -> tuple[int, ...]:
        first = 2 if self.dim_ordering == "th" else 1
        return tuple(range(first, first + self.dims))


class _GlobalPooling1D(_Global):
    dims = 1

    def __init__(self, **kwargs: Unpack[LayerKeywords]):
        super().__init__("tf", **kwargs)


class _GlobalPooling2D(_Global):
    dims = 2

    def __init__(self, dim_ordering: str = "default", **kwargs: Unpack[LayerKeywords]):
        super().__init__(dim_ordering, **kwargs)


class _GlobalPooling3D(_Global):
    dims = 3

    def __init__(self, dim_ordering: str = "default", **kwargs: Unpack[LayerKeywords]):
        super().__init__(dim_ordering, **kwargs)


@since("1.1.0")
class GlobalMaxPooling1D(_GlobalPooling1D):
    """The largest step of a sequence, feature by feature.

    Input: (batch, steps, features). Output: (batch, features).
    """

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.max(x, axis=self._over_space())


@since("1.1.0")
class GlobalAveragePooling1D(_GlobalPooling1D):
    """The mean step of a sequence. Shapes: `GlobalMaxPooling1D`."""

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.mean(x, axis=self._over_space())


@since("1.1.0")
class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest pixel of an image, channel by channel.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last.
    Output: (batch, channels).

    Args:
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.max(x, axis=self._over_space())


@since("1.1.0")
class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean pixel of an image. Arguments and shapes: `GlobalMaxPooling2D`."""

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.mean(x, axis=self._over_space())


@since("1.1.1")
class GlobalMaxPooling3D(_GlobalPooling3D):
    """The largest element of a volume, channel by channel.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last.
    Output: (batch, channels). Arguments: `GlobalMaxPooling2D`.
    """

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.max(x, axis=self._over_space())


@since("1.1.1")
class GlobalAveragePooling3D(_GlobalPooling3D):
    """The mean element of a volume. Arguments and shapes: `GlobalMaxPooling3D`."""

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.mean(x, axis=self._over_space())


public(__name__)
