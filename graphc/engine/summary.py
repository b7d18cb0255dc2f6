"""The table of a model's layers."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.engine.shapes import known_shape
from graphc.engine.topology import Layer


def format_summary(layers: Sequence[Layer]) -> str:
    """One row a layer: name and class, shape of the output, number of trainable parameters.

    A layer that is shared and has outputs of several shapes shows them all.
    """
    rows = [("Layer (type)", "Output Shape", "Param #")]
    for layer in layers:
        label = f"{layer.name} ({type(layer).__name__})"
        shapes = dict.fromkeys(
            str(known_shape(one)) for call in layer.calls for one in call.outputs
        )
        rows.append((label, " or ".join(shapes), str(layer.count_params())))
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(2)]
    lines = [f"{row[0]:<{widths[0]}}{row[1]:<{widths[1]}}{row[2]}" for row in rows]
    rule = "_" * max(map(len, lines))
    total = sum(layer.count_params() for layer in dict.fromkeys(layers))
    return "\n".join([lines[0], rule, *lines[1:], rule, f"Total params: {total}"])
