"""The core layers; the fully connected ones are written in `graphc.layers.dense`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Unpack

import numpy as np

from graphc import activations, constraints, initializations, regularizers
from graphc import backend as K
from graphc.backend.nn import mask_shape
from graphc.backend.settings import check_dim_ordering
from graphc.compiler import graph as g
from graphc.engine.configs.config import config_of
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import BASE_KEYWORDS, Layer
from graphc.engine.topology.merge import Merge
from graphc.engine.topology.shapes import InputSpec, known_shape
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.arguments import fraction, option
from graphc.layers.autoencoder import AutoEncoder
from graphc.layers.dense import Dense, Highway, MaxoutDense, TimeDistributedDense
from graphc.layers.lambda_layer import Lambda, LambdaMerge, MaskedLambda
from graphc.layers.masking import MaskedLayer, Masking
from graphc.layers.siamese import SharedLayer, Siamese, SiameseHead, add_shared_layer
from graphc.lookup import finite_number, get_from_module, is_whole, quotient, whole_number
from graphc.marshalled import func_dump, func_load
from graphc.public.calls import public
from graphc.regularizers import ActivityRegularizer
from graphc.releases import since

# With the modules that programs have by ``from keras.layers.core import *``.
__all__ = [
    "Activation",
    "ActivityRegularization",
    "ActivityRegularizer",
    "AutoEncoder",
    "Dense",
    "Dropout",
    "Flatten",
    "Highway",
    "InputSpec",
    "K",
    "Lambda",
    "LambdaMerge",
    "Layer",
    "MaskedLambda",
    "MaskedLayer",
    "Masking",
    "MaxoutDense",
    "Merge",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SharedLayer",
    "Siamese",
    "SiameseHead",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "TimeDistributedDense",
    "TimeDistributedMerge",
    "activations",
    "add_shared_layer",
    "constraints",
    "func_dump",
    "func_load",
    "get_from_module",
    "initializations",
    "np",
    "regularizers",
]

_OVER_TIME: dict[str, Callable[..., g.Node]] = {"sum": K.sum, "ave": K.mean, "mul": K.prod}


class Activation(Layer):
    """Applies an activation, by name or a function of a node, to every element.

    Output: the shape of the input.
    """

    supports_masking = True

    def __init__(self, activation: activations.GivenActivation, **kwargs: Unpack[LayerKeywords]):
        super().__init__(**kwargs)
        self.activation = option(self, "activation", activations.get, activation)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return self.activation(x)


class Dropout(Layer):
    """Sets a fraction of the input to 0 in training, and scales the rest by 1 / (1 - p).

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 2014. The mask is new at each step; its seed comes from
    NumPy's global generator at the layer's first call, and each use of the layer has masks of its
    own. Testing and predicting leave the input as it is.

    Args:
        p: the fraction that is dropped, 0 <= p < 1.
        noise_shape: the shape of the mask, with the axis of samples: 1 for an axis whose elements
            are kept or dropped together, else the size of the input, which None stands for.
        seed: of the masks; by default one of NumPy's global generator.

    Raises:
        ArgumentError: an argument out of its range.
        ShapeError: a noise_shape that does not broadcast to the input.
    """

    supports_masking = True

    def __init__(
        self,
        p: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        self.p = fraction(p, f"{self._graphc_label}: p is the fraction to drop")
        self.noise_shape = tuple(noise_shape) if isinstance(noise_shape, list) else noise_shape
        self.seed = seed
        if seed is not None:
            self._graphc.seed = whole_number(f"{self._graphc_label}: seed", seed, 0)

    def _mask_shape(self, x: g.Node) -> tuple[g.Size, ...]:
        return mask_shape(x, self.noise_shape, self._graphc_label)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        if self.p == 0.0:
            return x
        seed, stream = self._graphc_next_draw()
        kept = g.random.bernoulli(self._mask_shape(x), 1.0 - self.p, seed=seed, stream=stream)
        return K.in_train_phase(g.where(kept, x / (1.0 - self.p), 0.0), x)


class _SpatialDropout(Dropout):
    """A dropout of whole channels."""

    dims: int
    dim_ordering: str

    def _mask_shape(self, x: g.Node) -> tuple[g.Size, ...]:
        if x.ndim != self.dims + 2:
            raise ShapeError(
                f"{self._graphc_label}: expected an input of {self.dims + 2} axes, the batch "
                f"first, received {x.ndim}: {known_shape(x)}"
            )
        ones = (1,) * self.dims
        if self.dim_ordering == "th":
            return (*x.shape[:2], *ones)
        return (x.shape[0], *ones, x.shape[-1])


@since("1.1.2")
class SpatialDropout1D(_SpatialDropout):
    """`Dropout` of whole features of a sequence, at all steps alike.

    Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient object localization using convolutional
    networks", CVPR 2015. Input: (batch, steps, features). Output: the same shape.

    Args:
        p: the fraction of features that is dropped.
    """

    dims = 1
    dim_ordering = "tf"

    def __init__(self, p: float, **kwargs: Unpack[LayerKeywords]):
        super().__init__(p, **kwargs)


@since("1.0.8")
class SpatialDropout2D(_SpatialDropout):
    """`Dropout` of whole channels of an image. See `SpatialDropout1D`.

    Input: (batch, channels, rows, columns), with dim_ordering='tf' the channels last. Output: the
    same shape.

    Args:
        p: the fraction of channels that is dropped.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """

    dims = 2

    def __init__(self, p: float, dim_ordering: str = "default", **kwargs: Unpack[LayerKeywords]):
        super().__init__(p, **kwargs)
        self.dim_ordering = check_dim_ordering(dim_ordering, self._graphc_label)


@since("1.0.8")
class SpatialDropout3D(_SpatialDropout):
    """`Dropout` of whole channels of a volume. See `SpatialDropout2D`.

    Input: (batch, channels, dim1, dim2, dim3), with dim_ordering='tf' the channels last. Output:
    the same shape.
    """

    dims = 3

    def __init__(self, p: float, dim_ordering: str = "default", **kwargs: Unpack[LayerKeywords]):
        super().__init__(p, **kwargs)
        self.dim_ordering = check_dim_ordering(dim_ordering, self._graphc_label)


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


class ActivityRegularization(Layer):
    """The input itself, with a penalty on it: l1 sum(mean(|x|)) + l2 sum(mean(x^2)).

    The means are over samples; the penalty is in the training loss only. As any penalty on an
    output, it is for a layer that is used once.

    Args:
        l1, l2: factors of the two terms.
        average: see `ActivityRegularizer`: without it sums take the means' place, as in Keras 1.2.
    """

    supports_masking = True

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        average: bool | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        self.l1 = finite_number(self._graphc_label, "l1", l1)
        self.l2 = finite_number(self._graphc_label, "l2", l2)
        penalty = ActivityRegularizer(l1=self.l1, l2=self.l2, average=average)
        self.average = penalty.average
        penalty.set_layer(self)
        self.regularizers.append(penalty)


public(__name__)
