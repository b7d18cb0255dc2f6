"""The network of 16 layers with weights of K. Simonyan and A. Zisserman."""

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
    imagenet_addresses("vgg16", "v0.1")
)


@since("1.1.0")
def VGG16(
    include_top: bool = True,
    weights: GivenPath | None = "imagenet",
    input_tensor: Node | None = None,
    input_shape: Sequence[int | None] | None = None,
    classes: int = 1000,
) -> Model:
    """Return VGG16, for images of 224 x 224 as `preprocess_input` makes them.

    Args:
        include_top: the three dense layers too.
        weights: 'imagenet' for those that Keras had, in its file in ~/.graphc/models or
            ~/.keras/models, which else is fetched; None for new ones; or the path of a file.
        input_tensor: images that the model reads, such as an Input.
        input_shape: of one image, without include_top: at least 48 x 48.
        classes: of the last layer, without weights.

    Raises:
        ShapeError, ArgumentError: an argument that does not fit.
        DownloadError: the file of weights could not be fetched; the message says where to put it.
    """
    depths = (2, 2, 3, 3, 3)
    return vgg("vgg16", __name__, depths, include_top, weights, input_tensor, input_shape, classes)


public(__name__)
