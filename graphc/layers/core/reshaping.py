"""Layers that change the shape or order of a sample's elements, repeat them, or sum over steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Unpack

import numpy as np

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.configs.config import config_of
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import BASE_KEYWORDS, Layer
from graphc.engine.topology.shapes import InputSpec, known_shape
from graphc.errors import ArgumentError, ShapeError
from graphc.lookup import is_whole, quotient, whole_number

_OVER_TIME: dict[str, Callable[..., g.Node]] = {"sum": K.sum, "ave": K.mean, "mul": K.prod}


class Flatten(Layer):
    """All axes but the batch in one: (batch, a, b, ...) to (batch, a * b * ...)."""

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        shape = known_shape(x)
        if x.ndim < 3:
            raise ShapeError(
                f"{self._graphc_label}: expected an input of at least 3 axes, the batch first, "
                f"received {x.ndim}: {shape}; this input is flat already, so leave Flatten out"
            )
        if None in shape[1:]:
            raise ShapeError(
                f"{self._graphc_label}: every axis but the batch needs a known size, received "
                f"{shape}; give input_shape with numbers"
            )
        return K.batch_flatten(x)


class Reshape(Layer):
    """The elements of each sample in another shape.

    Args:
        target_shape: of one sample, without the batch axis; one size may be -1: what is left.
        dims: the same, by its name in Keras 0.3.
    """

    def __init__(
        self,
        target_shape: Sequence[int] | None = None,
        *,
        dims: Sequence[int] | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        if (target_shape is None) == (dims is None):
            raise ArgumentError(
                f"{self._graphc_label}: expected target_shape, the sizes of a sample, or dims, as "
                f"Keras 0.3 named it; received {'neither' if dims is None else 'both'}"
            )
        target_shape = dims if target_shape is None else target_shape
        sizes = tuple(
            map(quotient, target_shape if isinstance(target_shape, Iterable) else (None,))
        )
        wrong = [size for size in sizes if not is_whole(size, least=1) and size != -1]
        if wrong or sizes.count(-1) > 1:
            raise ArgumentError(
                f"{self._graphc_label}: target_shape takes positive sizes and at most one -1, "
                f"received {target_shape!r}"
            )
        self.target_shape = tuple(int(size) for size in sizes if is_whole(size))

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        sizes = known_shape(x)[1:]
        target = self.target_shape
        known_sizes = [size for size in sizes if size is not None]
        if len(known_sizes) == len(sizes):
            count = int(np.prod(known_sizes))
            known = int(np.prod([size for size in target if size != -1]))
            if count % known if -1 in target else count != known:
                raise ShapeError(
                    f"{self._graphc_label}: a sample of shape {sizes} has {count} elements, which "
                    f"do not fit target_shape {target}"
                )
            target = tuple(count // known if size == -1 else size for size in target)
        return g.reshape(x, (x.shape[0], *target))

    def get_config(self) -> dict[str, Any]:
        """The arguments but `dims`, which is another name of `target_shape`."""
        return config_of(self, (*BASE_KEYWORDS, "dims"))


class Permute(Layer):
    """The axes of each sample in another order, the batch first as it was.

    Args:
        dims: axis i of the output is axis dims[i - 1] of the input, counted from 1, the batch left
            out: (2, 1) exchanges the axes of a matrix.

    Raises:
        ShapeError: an input whose samples have another number of axes.
    """

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        axes = tuple(dims) if isinstance(dims, Iterable) else ()
        count = len(axes)
        if not axes or not all(map(is_whole, axes)) or sorted(axes) != list(range(1, count + 1)):
            raise ArgumentError(
                f"{self._graphc_label}: dims: expected each axis of a sample once, counted from "
                f"1, e.g. (2, 1), received {dims!r}"
            )
        self.dims = tuple(map(int, axes))

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        if x.ndim != len(self.dims) + 1:
            raise ShapeError(
                f"{self._graphc_label}: dims {self.dims} is for an input of {len(self.dims) + 1} "
                f"axes, the batch first, received {x.ndim}: {known_shape(x)}; name each of its "
                "axes but the batch"
            )
        return K.permute_dimensions(x, (0, *self.dims))


class RepeatVector(Layer):
    """Each sample n times in a row, as a sequence: (batch, features) to (batch, n, features).

    Args:
        n: how many times.

    Raises:
        ShapeError: an input that is not (batch, features).
    """

    input_spec = (InputSpec(ndim=2),)

    def __init__(self, n: int, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.n = whole_number(f"{self._graphc_label}: n", n, 1)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.repeat(x, self.n)


class TimeDistributedMerge(Layer):
    """The steps of a sequence as one: their sum, mean or product, feature by feature; of Keras 0.3.

    Input: (batch, steps, features), the steps may be open. Output: (batch, features). It takes no
    mask, as in Keras 0.3: all steps count.

    Args:
        mode: 'sum', 'ave' (the mean) or 'mul'.

    Raises:
        ArgumentError: another mode, or an input with a mask.
        ShapeError: an input that is not (batch, steps, features).
    """

    input_spec = (InputSpec(ndim=3),)

    def __init__(self, mode: str = "sum", **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        if not isinstance(mode, str) or mode not in _OVER_TIME:
            raise ArgumentError(
                f"{self._graphc_label}: mode: expected 'sum', 'ave' or 'mul', received {mode!r}"
            )
        self.mode = mode

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return _OVER_TIME[self.mode](x, axis=1)
