"""The origin of a file of weights, by its attributes and by the caller's arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable

import h5py

from graphc.errors import ArgumentError, DataError
from graphc.files.conversions import STD, TENSORFLOW, THEANO, VARIANCE, FileOrigin
from graphc.files.hdf5 import texts
from graphc.releases import release_in

OURS = FileOrigin(STD, THEANO)
"""Of the files that graphc writes."""

# The release in between had the one on Theano and the other on TensorFlow.
_LAST_WITH_STD = (1, 0, 5)
_FIRST_WITH_VARIANCE = (1, 0, 7)


def file_origin(root: h5py.Group, given: FileOrigin) -> FileOrigin:
    """Return the origin of the weights in a group, where Keras 1 put `layer_names`.

    Args:
        given: what the caller states; where the file states it too, both have to agree.

    Raises:
        DataError: another version of Keras than 0 and 1, or another backend than Theano and
            TensorFlow.
        ArgumentError: the caller states something else than the file.
    """
    if "ranks" in root.attrs:
        stated = OURS
    else:
        stated = FileOrigin(
            _running_std(stated_version(root)), _backend(_text_attribute(root, "backend"))
        )
    return agreed(stated, given)


def agreed(stated: FileOrigin, given: FileOrigin) -> FileOrigin:
    """Return the origin that a file and the caller state together. ArgumentError if they
    disagree."""
    return FileOrigin(
        _agreed("running_std", stated.running_std, given.running_std),
        _agreed("backend", stated.backend, given.backend),
    )


def with_backend_of(origin: FileOrigin, weight_names: Iterable[str]) -> FileOrigin:
    """Return the origin of a layer. Its backend, where it is not stated, is TensorFlow if the
    weights have names as it gave them (``dense_1_W:0``), else Theano."""
    if origin.backend is not None:
        return origin
    named = any(re.search(r":\d+$", name) for name in weight_names)
    return FileOrigin(origin.running_std, TENSORFLOW if named else THEANO)


def stated_version(root: h5py.Group) -> str | None:
    """Return the attribute keras_version of the group, or of the whole file."""
    return _text_attribute(root, "keras_version")


def _text_attribute(root: h5py.Group, attribute: str) -> str | None:
    """Return an attribute of the group, or of the whole file."""
    for place in (root, root.file):
        if attribute in place.attrs:
            found = texts(place, attribute)
            if len(found) != 1:
                raise DataError(
                    f"{place.name}: the attribute {attribute}: expected one text, received "
                    f"{found!r:.60}"
                )
            return found[0]
    return None


def _running_std(version: str | None) -> str | None:
    if version is None:
        return None
    release = release_in(version)
    if release is None or release[0] > 1:
        raise DataError(
            "the attribute keras_version: expected a release of Keras 1, received "
            f"{version!r:.60}, whose layers have other weights; load it there and set the weights "
            "by set_weights"
        )
    if release <= _LAST_WITH_STD:
        return STD
    return VARIANCE if release >= _FIRST_WITH_VARIANCE else None


def _backend(name: str | None) -> str | None:
    if name not in (None, THEANO, TENSORFLOW):
        raise DataError(
            f"the attribute backend: expected theano or tensorflow, received {name!r:.60}"
        )
    return name


def _agreed(name: str, stated: str | None, given: str | None) -> str | None:
    if None not in (stated, given) and stated != given:
        raise ArgumentError(f"{name} is {stated!r} in this file, received {given!r}; leave it out")
    return stated or given
