"""With the flag ``dump``: the graph of each function written after each pass.

``DIR/01-train/00-input.txt``, ``DIR/01-train/01-fold.txt``, ...: one folder a function, numbered in
the order in which the process makes them. The passes of a target come last, once the graph is
lowered for it: ``DIR/01-train/13-cpu-divide_concatenations.txt``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.config import config

_functions = itertools.count(1)


class Dump:
    """Where the graphs of one function go; writes nothing where the flag is not set.

    Args:
        label: the function's name, which its folder has, too.
    """

    def __init__(self, label: str):
        self.folder: Path | None = None
        self._passes = itertools.count()
        if config.dump:
            name = re.sub(r"[^\w.-]+", "_", label).strip(".") or "function"
            self.folder = Path(config.dump) / f"{next(_functions):02d}-{name}"
            self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, outputs: Sequence[Node]) -> None:
        """The graph after the pass of this name, or ``input`` before all."""
        if self.folder is not None:
            path = self.folder / f"{next(self._passes):02d}-{name}.txt"
            path.write_text(g.format_graph(outputs) + "\n", encoding="utf-8")
