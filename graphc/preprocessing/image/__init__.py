"""Images: reading and writing them, changing them at random, batches of changed images."""

from graphc.preprocessing.image.affine import apply_transform, transform_matrix_offset_center
from graphc.preprocessing.image.generator import GraphImageDataGenerator, ImageDataGenerator
from graphc.preprocessing.image.iterators import DirectoryIterator, Iterator, NumpyArrayIterator
from graphc.preprocessing.image.pictures import (
    array_to_img,
    img_to_array,
    list_pictures,
    load_img,
)
from graphc.preprocessing.image.transforms import (
    flip_axis,
    horizontal_flip,
    random_barrel_transform,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
    vertical_flip,
)
from graphc.public.calls import public

__all__ = [
    "DirectoryIterator",
    "GraphImageDataGenerator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_transform",
    "array_to_img",
    "flip_axis",
    "horizontal_flip",
    "img_to_array",
    "list_pictures",
    "load_img",
    "random_barrel_transform",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "transform_matrix_offset_center",
    "vertical_flip",
]

public(__name__)
