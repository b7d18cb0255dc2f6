"""What lines of text read from memory, noted while they are printed."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.codegen.signature import Place
from graphc.compiler.graph import Node
from graphc.compiler.program.launch import Count
from graphc.compiler.schedule.relation import Split


@dataclass(frozen=True)
class Asked:
    """An element of a value that lines of a kernel read.

    Attributes:
        node: the value.
        place: where it lies.
        times: how many elements for each time that the lines are run.
        split: of a value that is spread, the runs of the walked elements, and which it has.
    """

    node: Node
    place: Place
    times: Count
    split: Split | None = None
