"""Dropout of single elements and of whole channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from graphc import backend as K
from graphc.backend.nn import mask_shape
from graphc.backend.settings import check_dim_ordering
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.shapes import known_shape
from graphc.errors import ShapeError
from graphc.layers.bases.arguments import fraction
from graphc.lookup import whole_number
from graphc.releases import since


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
        return K.in_train_phase(g.where(self._kept(x), x / (1.0 - self.p), 0.0), x)

    def _kept(self, x: g.Node) -> g.Node:
        """Draw which elements are kept, in the order in which x is stored where that is known: of a
        convolution with its channels last these come first, and words are drawn side by side."""
        seed, stream = self._graphc_next_draw()
        shape = self._mask_shape(x)
        orders = (one.attrs["order"] for one in g.transposes_behind(x) if one.shape == shape)
        order = next((one for one in orders if one[0] == 0), tuple(range(x.ndim)))
        stored = tuple(shape[order.index(axis)] for axis in range(x.ndim))
        kept = g.random.bernoulli(stored, 1.0 - self.p, seed=seed, stream=stream)
        return g.transpose(kept, order)


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
