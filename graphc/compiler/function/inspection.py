"""Sizes for looking into a function that is not called: numbers for the symbols of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.compiler.graph import BATCH, Node, Symbol
from graphc.compiler.graph.dim import symbols
from graphc.errors import ArgumentError, suggestion

(_BATCH,) = symbols(BATCH)


def chosen_sizes(
    inputs: Sequence[Node], batch: int | None, sizes: Mapping[str, int] | None, name: str
) -> dict[Symbol, int]:
    """The symbols of the inputs' shapes and their values.

    Args:
        batch: of the symbol `BATCH`; None where the inputs do not have it.
        sizes: of the other symbols, by name.
        name: of the function, for messages.

    Raises ArgumentError for a symbol without a size, a size without a symbol, and sizes below 1.
    """
    wanted = dict.fromkeys(
        symbol for node in inputs for size in node.shape for symbol in symbols(size)
    )
    given = dict(sizes or {})
    for what, value in [("batch", batch), *given.items()]:
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if value is not None and not whole:
            raise ArgumentError(
                f"{name}: the size {what}: expected a whole number of at least 1, received "
                f"{value!r}"
            )
    names = [symbol.name for symbol in wanted if symbol != _BATCH]
    for unknown in given:
        if unknown not in names:
            known = suggestion(unknown, names) if names else "There is none but the batch."
            raise ArgumentError(f"{name}: no input has a size {unknown!r}. {known}")
    if batch is not None and _BATCH not in wanted:
        raise ArgumentError(
            f"{name}: the batch was given as {batch}, but the inputs have no symbolic batch; leave "
            "it out"
        )
    found = {}
    for symbol in wanted:
        value = batch if symbol == _BATCH else given.get(symbol.name)
        if value is None:
            how = "batch=32" if symbol == _BATCH else f"sizes={{{symbol.name!r}: 100}}"
            raise ArgumentError(
                f"{name}: an input has the size {symbol.name!r}, which only a call knows; say for "
                f"which number of it, e.g. {how}"
            )
        found[symbol] = value
    return found
