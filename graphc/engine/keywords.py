"""Keywords of every layer, and those of Keras 0.3 that layers and models still take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from graphc.public.callers import warn


class LayerKeywords(TypedDict, total=False):
    """The keyword arguments of every layer.

    Keys:
        input_shape: of one sample, without the batch axis; None for an open size.
        batch_input_shape: instead, the shape with the batch axis.
        input_dtype: floatX by default.
        name: by default the class's name in lower case and a number, ``dense_1``.
        trainable: whether training changes the weights.
    """

    input_shape: Sequence[int | None] | None
    batch_input_shape: Sequence[int | None] | None
    input_dtype: str | None
    name: str | None
    trainable: bool


class MergeKeywords(TypedDict, total=False):
    """The keyword arguments of a `Merge` beside those that it names."""

    trainable: bool


class CompileKeywords(TypedDict, total=False):
    """The further keyword argument of `compile`; see `Model.compile`."""

    mode: str | None


class LegacyCompileKeywords(CompileKeywords, total=False):
    """Those of `compile` with that of Keras 0.3, which has no effect."""

    class_mode: object


class DivisionKeywords(TypedDict, total=False):
    """The keyword arguments for the division of a batch into parts; see `Model.fit`."""

    shards: int | None
    memory: int | str | None


class TrainingKeywords(DivisionKeywords, total=False):
    """The further keyword arguments of `fit`, `evaluate` and those of generators."""

    show_accuracy: bool


class BatchKeywords(DivisionKeywords, total=False):
    """The further keyword arguments of `train_on_batch` and `test_on_batch`."""

    accuracy: bool


def drop_legacy(
    where: str, received: Mapping[str, Any], legacy: Mapping[str, str]
) -> dict[str, Any]:
    """The keywords without those of Keras 0.3 that have no effect any more; each one warns.

    `legacy` tells for each why.
    """
    for name in received:
        if name in legacy:
            warn(f"{where}: {name!r} has no effect; {legacy[name]}")
    return {name: value for name, value in received.items() if name not in legacy}
