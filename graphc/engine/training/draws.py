"""The random draws of a model: their count, and the keys that a file or another rank gave them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function import CallStep

_log = logging.getLogger("graphc")


@dataclass
class Draws:
    """The random draws of a model's functions.

    Attributes:
        call_step: the count of calls that drew, which all functions of the model share.
        replaced: the draws of a model from a file -> those that it was saved with.
    """

    call_step: CallStep = field(default_factory=CallStep)
    replaced: Mapping[g.Node, g.Node] = field(default_factory=dict)

    def keys(self, draws: Sequence[g.Node]) -> np.ndarray:
        """Return the seed and the stream of each draw, (n, 2) uint32."""
        return np.array([self._key(node) for node in draws], "u4").reshape(-1, 2)

    def replace(self, draws: Sequence[g.Node], keys: np.ndarray) -> bool:
        """Set the keys of the draws; return True if any changed."""
        before = self.keys(draws)
        self.replaced = {
            node: g.random.with_key(node, int(seed), int(stream))
            for node, (seed, stream) in zip(draws, keys, strict=True)
        }
        return not np.array_equal(before, self.keys(draws))

    def _key(self, node: g.Node) -> tuple[int, int]:
        attrs = self.replaced.get(node, node).attrs
        return attrs["seed"], attrs["stream"]


def draws_in(roots: Sequence[g.Node], owner: str) -> list[g.Node]:
    """Return the random draws of a graph, in topological order. Draws in loops have no keys in
    files; a line in the log, which begins with `owner`, says so."""
    found = [node for node in g.toposort(roots) if node.op == "random"]
    if sum(node.op == "random" for node in g.every_node(roots)) > len(found):
        _log.warning(
            "%s: a loop draws random numbers at each of its steps, whose keys files do not have; "
            "give these draws a seed for the same numbers in another process",
            owner,
        )
    return found
