"""Functions that users give to layers: their signatures, and claims about the shape of their
output."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.compiler import graph as g
from graphc.engine.topology.shapes import KnownShape, known_shape, may_be_equal
from graphc.errors import ArgumentError
from graphc.lookup import is_whole, quotient

_log = logging.getLogger("graphc")


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return the parameters of a function; None for a C function without a signature."""
    try:
        return inspect.signature(function)
    except ValueError:
        return None


def takes_mask(function: Callable[..., Any]) -> bool:
    """Return True if a function has a parameter `mask`."""
    signature = signature_of(function)
    return signature is not None and "mask" in signature.parameters


def check_takes(function: Callable[..., Any], where: str, *arguments: str, **keywords: str) -> None:
    """Raise ArgumentError unless a function can be called with arguments of these names."""
    signature = signature_of(function)
    if signature is None:  # the call will tell
        return
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        wanted = ", ".join([*arguments, *(f"{name}={name}" for name in keywords)])
        raise ArgumentError(
            f"{where}: expected a function that is called with ({wanted}), received one of "
            f"{signature}: {error}"
        ) from error


def checked_extra_arguments(arguments: object, where: str) -> dict[str, Any]:
    """Return a copy of the extra arguments of a user's function, {} for None. ArgumentError unless
    it is a dict by name."""
    if arguments is None:
        return {}
    if not isinstance(arguments, Mapping) or not all(isinstance(k, str) for k in arguments):
        raise ArgumentError(
            f"{where}: arguments: expected a dict from names to values, received {arguments!r}"
        )
    return dict(arguments)


class OutputClaim:
    """A user's claim about the shape of a function's output. Each call compares it with the
    output's own shape, which applies; one line in the log reports a difference.

    Args:
        output_shape: sizes, None for any; a function from the shape of the input (a list of shapes,
            where there are several inputs) to that of the output, both with the batch axis; None
            claims nothing.
        where: the layer, for errors.
        has_batch: whether the sizes start with the batch axis.

    Attributes:
        given: the `output_shape`.
        claimed: the shape that it gave for the last output that was checked, if any.
    """

    def __init__(self, output_shape: object, where: str, has_batch: bool):
        self._where = where
        self._logged = False
        self.given = output_shape
        self.claimed: KnownShape | None = None
        self.shape: KnownShape | Callable[..., Any] | None = None
        if output_shape is None or callable(output_shape):
            self.shape = output_shape
        elif isinstance(output_shape, list | tuple):
            sizes = _checked_sizes(output_shape, f"{where}: output_shape")
            self.shape = sizes if has_batch else (None, *sizes)
        else:
            example = (
                "with the batch axis, e.g. (None, 64)"
                if has_batch
                else ("without the batch axis, e.g. (64,)")
            )
            raise ArgumentError(
                f"{where}: output_shape: expected sizes {example}, or a function of the input's "
                f"shape, received {output_shape!r}"
            )

    def check(self, output: g.Node, input_shape: KnownShape | list[KnownShape]) -> None:
        """Log a line, once, where an output has another shape."""
        claimed = self.shape
        if claimed is None:
            return
        if callable(claimed):
            shape = claimed(input_shape)
            call = f"{self._where}: output_shape({input_shape})"
            if not isinstance(shape, list | tuple) or not shape:
                raise ArgumentError(
                    f"{call} has to return the sizes of the output, the batch first, returned "
                    f"{shape!r}"
                )
            claimed = _checked_sizes(shape, call)
        self.claimed = claimed
        found = known_shape(output)
        if may_be_equal(claimed, found) or self._logged:
            return
        self._logged = True
        without_batch = (
            " and seems to lack the batch axis" if may_be_equal(claimed, found[1:]) else ""
        )
        _log.warning(
            "%s: output_shape says %s, the batch first,%s but the function made an output of shape "
            "%s, which counts; correct output_shape, or leave it out",
            *(self._where, claimed, without_batch, found),
        )


def checked_output(output: object, where: str) -> g.Node:
    """Return the output of a user's function. ArgumentError unless it is a node."""
    if not isinstance(output, g.Node):
        raise ArgumentError(
            f"{where}: the function has to return a node, made of its input by K's functions and "
            f"operators, returned {type(output).__name__}"
        )
    return output


def _checked_sizes(sizes: Sequence[object], what: str) -> KnownShape:
    checked: list[int | None] = []
    for one in map(quotient, sizes):
        if one is not None and not is_whole(one, 1):
            raise ArgumentError(
                f"{what}: expected whole numbers of at least 1, or None for any, received {one!r} "
                f"in {tuple(sizes)}"
            )
        checked.append(None if one is None else int(one))
    return tuple(checked)
