"""The table of a model's layers."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from itertools import pairwise, zip_longest

from graphc.compiler.program.table import WIDTH, html_rows
from graphc.engine.topology.holding import collect_trainable_weights
from graphc.engine.topology.layer import InputLayer, Layer
from graphc.engine.topology.layer_node import LayerNode
from graphc.engine.topology.weights import count_numbers
from graphc.errors import ArgumentError
from graphc.lookup import whole_number
from graphc.releases import at_least

_HEADS = ("Layer (type)", "Output Shape", "Param #", "Connected to")
_GAP = "  "


def format_summary(
    layers: Sequence[Layer],
    relevant_nodes: Collection[LayerNode] | None = None,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
) -> str:
    """Return the table as text, a row for each layer: name and class, shape of the output, number
    of parameters. Under the flag keras=1.0 only trainable ones count; otherwise all do, and the
    last lines give both numbers.

    Where the layers are not a chain, each row also has the layers that it reads, with the numbers
    of call and output after those that have several. A layer that is shared and has outputs of
    several shapes shows them all. Fits 80 columns: longer cells have several lines.

    Args:
        relevant_nodes: the uses of layers that count; all by default.
        line_length, positions: see `Container.summary`.
    """
    table = [_HEADS, *_rows(layers, relevant_nodes)]
    if _is_chain(layers, relevant_nodes):
        table = [row[:-1] for row in table]
    width = WIDTH if line_length is None else whole_number("summary: line_length", line_length, 40)
    widths = _widths(table, width) if positions is None else _widths_at(positions, width, table)
    lines = [line for row in table for line in _lines(row, widths)]
    rule = "_" * max(map(len, lines))
    heads = len(_lines(table[0], widths))
    return "\n".join([*lines[:heads], rule, *lines[heads:], rule, _total(layers)])


def html_summary(
    name: str, layers: Sequence[Layer], relevant_nodes: Collection[LayerNode] | None = None
) -> str:
    """Return the table as HTML, under the model's name."""
    count = -1 if _is_chain(layers, relevant_nodes) else None
    rows = [row[:count] for row in _rows(layers, relevant_nodes)]
    return html_rows(f"{name}. {_total(layers)}", _HEADS[:count], rows)


def _nodes(layer: Layer, relevant: Collection[LayerNode] | None) -> list[LayerNode]:
    if relevant is None or isinstance(layer, InputLayer):
        return layer.inbound_nodes[layer._graphc_own_nodes :]
    return [node for node in layer.inbound_nodes if node in relevant]


def _rows(layers: Sequence[Layer], relevant: Collection[LayerNode] | None) -> list[tuple[str, ...]]:
    relevant = None if relevant is None else set(relevant)
    rows: list[tuple[str, ...]] = []
    for layer in layers:
        nodes = _nodes(layer, relevant)
        shapes = dict.fromkeys(str(one) for node in nodes for one in node.output_shapes)
        sources = dict.fromkeys(source for node in nodes for source in _sources(node))
        rows.append(
            (
                layer._graphc_label,
                " or ".join(shapes),
                str(layer.count_params()),
                ", ".join(sources),
            )
        )
    return rows


def _sources(node: LayerNode) -> list[str]:
    """Return the layers that a use reads: ``dense_1``, or ``dense_1[1][0]``."""
    reads = zip(node.inbound_layers, node.node_indices, node.tensor_indices, strict=True)
    return [
        layer.name
        if (call, output) == (layer._graphc_own_nodes, 0)
        else f"{layer.name}[{call}][{output}]"
        for layer, call, output in reads
        if not (isinstance(layer, InputLayer) and layer is node.outbound_layer)
    ]


def _is_chain(layers: Sequence[Layer], relevant: Collection[LayerNode] | None) -> bool:
    """Return True if each layer reads only the one before, and the first layer none that is
    shown."""
    before: Layer | None = None
    for layer in layers:
        nodes = _nodes(layer, relevant)
        read = {one for node in nodes for one in node.inbound_layers} & set(layers)
        if len(nodes) != 1 or read != ({before} if before is not None else set()):
            return False
        before = layer
    return True


def _widths(table: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the widths of the columns; the widest are narrowed until all fit."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widths[widths.index(max(widths))] -= 1
    return widths


def _widths_at(positions: Sequence[float], width: int, table: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths of columns that end at given positions, which are fractions of a line if
    they are at most 1."""
    count = len(table[0])
    ends = [int(width * one) if positions[-1] <= 1 else int(one) for one in positions[:count]]
    found = [end - start - len(_GAP) for start, end in pairwise([0, *ends])]
    if len(found) != count or min(found) < 1:
        raise ArgumentError(
            f"summary: positions: expected {count} rising positions, each of which leaves room for "
            f"a column, received {list(positions)!r}"
        )
    return found


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [textwrap.wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    return [
        _GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
        for parts in zip_longest(*cells, fillvalue="")
    ]


def _total(layers: Sequence[Layer]) -> str:
    each = list(dict.fromkeys(layers))
    total = sum(layer.count_params() for layer in each)
    if not at_least("1.2.0"):
        return f"Total params: {total}"
    trained = count_numbers([w for layer in each for w in collect_trainable_weights(layer)])
    return (
        f"Total params: {total}\nTrainable params: {trained}\n"
        f"Non-trainable params: {total - trained}"
    )
