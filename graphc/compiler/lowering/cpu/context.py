"""The scopes of a native program."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.compiler.graph.dim import Size
from graphc.compiler.lowering.context import Context
from graphc.compiler.program.launch import Launch


@dataclass
class Share:
    """A loop whose threads each take all steps for rows of their own.

    Attributes:
        rows: how many rows all threads together have: the axis 0 of what a step computes.
        ahead: what runs ahead of the loop for its kernels, as it is the same at each step.
    """

    rows: Size
    ahead: list[Launch] = field(default_factory=list)


@dataclass
class NativeContext(Context):
    """A scope of a native program; see `Context`.

    Attributes:
        share: of the body of a loop that is divided over threads.
        notes: what reports should say of each of its functions.
    """

    share: Share | None = None
    notes: tuple[str, ...] = ()
