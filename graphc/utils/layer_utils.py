"""Layers from their configs, and tables of layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import graphc.models  # noqa: F401  (makes the models known to descriptions)
from graphc.engine.configs.registry import layer_from_config
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.node import Node
from graphc.engine.topology.summary import format_summary
from graphc.public.answers import names_of

__all__ = ["layer_from_config", "print_summary"]


def print_summary(layers: Sequence[Layer], relevant_nodes: Collection[Node] | None = None) -> None:
    """Print a table of layers: name, class, shape of the output, number of trainable parameters,
    and what each reads, unless that is the layer before.

    Args:
        relevant_nodes: the uses of layers (of their `inbound_nodes`) that count; all by default.
    """
    print(format_summary(layers, relevant_nodes))


__getattr__ = names_of(__name__)
