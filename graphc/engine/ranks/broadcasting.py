"""Copies the values of rank 0's variables to all ranks."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.parallel.agreement import agree
from graphc.parallel.meeting import SpreadArray
from graphc.parallel.transport import Transport, as_bytes


def broadcast_variables(
    ranks: Transport[np.ndarray], variables: Sequence[g.Node], where: str
) -> None:
    """Set variables to the values of rank 0, except those of which each rank has its own piece.

    Raises:
        RankError: on all ranks, if their variables differ in number, dtype or shape.
    """
    if ranks.size == 1:
        return
    agree(where, ranks, platform.node(), {"variables": kinds_of(variables)})
    for variable in variables:
        if _is_in_pieces(variable):
            continue
        value = np.array(variable.get_value(), order="C")
        ranks.broadcast(as_bytes(value), 0).wait()
        variable.set_value(value)


def kinds_of(variables: Sequence[g.Node]) -> str:
    """Return the dtypes and shapes of variables, as ranks compare them."""
    return " ".join(
        f"{one.dtype}{list(one.shape)}{' in pieces' if _is_in_pieces(one) else ''}"
        for one in variables
    )


def _is_in_pieces(variable: g.Node) -> bool:
    return isinstance(g.state_of(variable).value, SpreadArray)
