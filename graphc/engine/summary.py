"""The table of a model's layers."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.codegen.table import html_rows
from graphc.engine.layer import Layer

_HEADS = ("Layer (type)", "Output Shape", "Param #")


def format_summary(layers: Sequence[Layer]) -> str:
    """One row a layer: name and class, shape of the output, number of trainable parameters.

    A layer that is shared and has outputs of several shapes shows them all.
    """
    rows = [_HEADS, *map(_row, layers)]
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(2)]
    lines = [f"{row[0]:<{widths[0]}}{row[1]:<{widths[1]}}{row[2]}" for row in rows]
    rule = "_" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:], rule, _total(layers)])


def html_summary(name: str, layers: Sequence[Layer]) -> str:
    """The same as an HTML table, under the model's name."""
    return html_rows(f"{name}. {_total(layers)}", _HEADS, map(_row, layers))


def _row(layer: Layer) -> tuple[str, str, str]:
    shapes = dict.fromkeys(str(one) for node in layer.inbound_nodes for one in node.output_shapes)
    label = f"{layer.name} ({type(layer).__name__})"
    return label, " or ".join(shapes), str(layer.count_params())


def _total(layers: Sequence[Layer]) -> str:
    return f"Total params: {sum(layer.count_params() for layer in dict.fromkeys(layers))}"
