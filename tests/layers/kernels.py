"""The layers that a model's kernels compute."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.models import Model


def layers_with_kernels(
    model: Model, batch: int = 8, sizes: Mapping[str, int] | None = None
) -> set[str]:
    """Return the names of the layers that the kernels of a training step compute nodes of."""
    return {name for kernel in model.kernels(batch, sizes) for name in kernel.layers}
