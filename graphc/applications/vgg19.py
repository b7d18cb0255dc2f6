"""The network of 19 layers with weights of K. Simonyan and A. Zisserman."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.applications.building import imagenet_addresses
from graphc.applications.imagenet_utils import decode_predictions as decode_predictions
from graphc.applications.imagenet_utils import preprocess_input as preprocess_input
from graphc.applications.vgg import vgg
from graphc.compiler.graph import Node
from graphc.models import Model
from graphc.paths import GivenPath
from graphc.public.calls import public
from graphc.releases import since

TH_WEIGHTS_PATH, TF_WEIGHTS_PATH, TH_WEIGHTS_PATH_NO_TOP, TF_WEIGHTS_PATH_NO_TOP = (
    imagenet_addresses("vgg19", "v0.1")
)


@since("1.1.0")
def VGG19(
    include_top: bool = True,
    weights: GivenPath | None = "imagenet",
    input_tensor: Node | None = None,
    input_shape: Sequence[int | None] | None = None,
    classes: int = 1000,
) -> Model:
    """Return VGG19, for images of 224 x 224 as `preprocess_input` makes them.

    Args:
        include_top, weights, input_tensor, input_shape, classes: as of `VGG16`.
    """
    depths = (2, 2, 4, 4, 4)
    return vgg("vgg19", __name__, depths, include_top, weights, input_tensor, input_shape, classes)


public(__name__)
