"""K: the float type, epsilon, the ordering of images, and unique numbers for names."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from graphc.compiler.graph import refuse_foreign_array
from graphc.config import config
from graphc.errors import ArgumentError, DTypeError
from graphc.lookup import finite_number, true_or_false
from graphc.releases import Release, at_least, is_read, since

_BACKEND = "theano"
_legacy_weight_ordering = False

DIM_ORDERINGS = ("th", "tf")

_log = logging.getLogger("graphc")

_WIDER = {
    **dict.fromkeys(("int8", "uint8", "int16", "uint16"), "int32"),
    "float16": "float32",
}
_logged: set[str] = set()
_uids: Counter[str] = Counter()


def floatx() -> str:
    """The dtype of weights, and of data whose dtype is not given: the flag ``floatX``."""
    return config.floatX


def set_floatx(floatx: str) -> None:
    """Set the flag ``floatX``: 'float32' or 'float64'. FlagError for any other."""
    config.floatX = floatx


def epsilon() -> float:
    """The small number that keeps divisors and logarithms of losses and constraints away from zero:
    the flag ``epsilon``."""
    return float(config.epsilon)


def set_epsilon(e: float) -> None:
    """Set `epsilon`; losses that are built later use it. ArgumentError unless 0 < e < 0.5."""
    value = finite_number("set_epsilon", "e", e)
    if not 0.0 < value < 0.5:
        raise ArgumentError(f"set_epsilon: e: expected 0 < e < 0.5, received {e}")
    config.epsilon = value


@since("1.0.4")
def image_dim_ordering() -> str:
    """The ordering of images where none is given, 'th' (channels first) or 'tf' (channels last):
    the flag ``image_dim_ordering``, else that of the release of Keras that the flag ``keras`` says.
    """
    return _image_dim_ordering()


def _image_dim_ordering() -> str:
    if config.image_dim_ordering != "default":
        return config.image_dim_ordering
    return "tf" if at_least("1.1.0") else "th"


@since("1.0.4")
def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set `image_dim_ordering`: 'th' or 'tf'. Layers that are made later have it, unless they are
    given another. ArgumentError for any other value."""
    if dim_ordering not in DIM_ORDERINGS:
        raise ArgumentError(
            "set_image_dim_ordering: dim_ordering: expected 'th' (channels first) or 'tf' "
            f"(channels last), received {dim_ordering!r}"
        )
    config.image_dim_ordering = dim_ordering


def check_dim_ordering(dim_ordering: object, where: str) -> str:
    """The ordering, 'th' or 'tf'; of 'default' `image_dim_ordering`. ArgumentError for any other
    value."""
    if dim_ordering == "default":
        # Before 1.0.4 the layers knew no other, whatever the setting.
        return "th" if is_read() and not at_least("1.0.4") else _image_dim_ordering()
    if dim_ordering not in DIM_ORDERINGS:
        raise ArgumentError(
            f"{where}: dim_ordering: expected 'th' (channels first) or 'tf' (channels last), "
            f"received {dim_ordering!r}"
        )
    return str(dim_ordering)


@since("1.0.8")
def legacy_weight_ordering() -> bool:
    """Tell whether models made from now on have layers side by side in the order of their names,
    under any value of the flag ``keras``."""
    return _legacy_weight_ordering


@since("1.0.8")
def set_legacy_weight_ordering(value: bool) -> None:
    """Set `legacy_weight_ordering`. ArgumentError for what is neither True nor False."""
    global _legacy_weight_ordering
    _legacy_weight_ordering = true_or_false("set_legacy_weight_ordering", "value", value)


def layers_by_name(release: Release) -> bool:
    """Tell whether a model of a release has layers side by side in the order of their names."""
    return _legacy_weight_ordering or not at_least("1.0.8", of=release)


def cast_to_floatx(x: object) -> np.ndarray:
    """An array (not a node) in the type `floatx`. DTypeError for what is not numbers."""
    return as_numbers(x, "cast_to_floatx").astype(floatx(), copy=False)


def held_dtype(dtype: str) -> str:
    """The dtype that stands for one of Keras: that itself, or a wider one for the narrow ones that
    graphc does not compute with, which is one line in the log."""
    wider = _WIDER.get(dtype)
    if wider is None:
        return dtype
    if dtype not in _logged:
        _logged.add(dtype)
        _log.warning(
            "%s is stored as %s here: larger numbers fit too, and none wraps around or is rounded "
            "to %s",
            *(dtype, wider, dtype),
        )
    return wider


def as_numbers(value: object, what: str) -> np.ndarray:
    """A value as an array of numbers, in its own dtype.

    DTypeError, which starts with `what`, for text, None, objects, complex numbers, nested lists of
    different lengths, and arrays in a GPU's memory.
    """
    refuse_foreign_array(value, what)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DTypeError(f"{what}: expected numbers, received {value!r} ({error})") from error
    if array.dtype.kind not in "biuf":
        raise DTypeError(
            f"{what}: expected numbers, received {type(value).__name__}: {value!r:.100}"
        )
    return array


def keep_uid(name: str) -> None:
    """Let no automatic name be this one, where it looks like one: ``dense_12``."""
    prefix, _, number = name.rpartition("_")
    if prefix and number.isdecimal() and len(number) < 10:
        _uids[prefix] = max(_uids[prefix], int(number))


def get_uid(prefix: str = "") -> int:
    """1, 2, 3, ... for each prefix: the numbers in automatic layer names."""
    _uids[prefix] += 1
    return _uids[prefix]


@since("1.0.7")
def reset_uids() -> None:
    """Let automatic names count from 1 again."""
    _uids.clear()


@contextmanager
def own_uids() -> Iterator[None]:
    """Let automatic names count from 1 within a ``with`` block, and go on after it."""
    kept = dict(_uids)
    _uids.clear()
    try:
        yield
    finally:
        for prefix, number in kept.items():
            _uids[prefix] = max(_uids[prefix], number)


def backend() -> str:
    """Return 'theano', whose meanings K's functions have."""
    return _BACKEND
