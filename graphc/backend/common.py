"""K: the settings and the numbers in automatic names, where Keras 1 kept them."""

from __future__ import annotations

from graphc.backend import settings
from graphc.backend.settings import (
    cast_to_floatx,
    epsilon,
    floatx,
    get_uid,
    image_dim_ordering,
    legacy_weight_ordering,
    reset_uids,
    set_epsilon,
    set_floatx,
    set_image_dim_ordering,
    set_legacy_weight_ordering,
)
from graphc.backend.variables import is_keras_tensor
from graphc.public.calls import public

__all__ = [
    "cast_to_floatx",
    "epsilon",
    "floatx",
    "get_uid",
    "image_dim_ordering",
    "is_keras_tensor",
    "legacy_weight_ordering",
    "reset_uids",
    "set_epsilon",
    "set_floatx",
    "set_image_dim_ordering",
    "set_legacy_weight_ordering",
]

# Programs read these settings, too, though they are no names of the API.
_READ = {
    "_EPSILON": epsilon,
    "_FLOATX": floatx,
    "_IMAGE_DIM_ORDERING": settings._image_dim_ordering,
}

public(__name__, _READ)
