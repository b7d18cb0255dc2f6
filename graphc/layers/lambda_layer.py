"""A function as a layer. Users import it from ``graphc.layers.core``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from graphc.compiler import graph as g
from graphc.engine.shapes import KnownShape, agree, known_shape
from graphc.engine.layer import Layer
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.arguments import is_size

_NO_ARGUMENTS: Mapping[str, Any] = MappingProxyType({})


class Lambda(Layer):
    """Applies a function of a node: ``Lambda(lambda x: x ** 2)``.

    The output's shape is that of the node that the function returns.

    Args:
        function: takes the input node, or the list of them, and returns a node. A function, a bound
            method or another callable. One with a parameter `mask` gets the mask too.
        output_shape: what the output's shape has to be, checked at each call: sizes without the
            batch axis, or a function from the shape of the input to that of the output, both with
            the batch axis; None in a shape stands for any size. None checks nothing.
        arguments: further arguments of the function by name; a copy is kept.

    Raises:
        ArgumentError: a function that does not take its arguments, or does not return a node.
        ShapeError: an output of another shape than `output_shape` says.
    """

    def __init__(
        self,
        function: Callable[..., g.Node],
        output_shape: Sequence[int | None] | Callable | None = None,
        arguments: Mapping[str, Any] = _NO_ARGUMENTS,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        where = f"{self.name} (Lambda)"
        if not callable(function):
            raise ArgumentError(f"{where}: function: expected a function, received {function!r}")
        if not isinstance(arguments, Mapping) or not all(isinstance(k, str) for k in arguments):
            raise ArgumentError(
                f"{where}: arguments: expected a dict from names to values, received {arguments!r}"
            )
        self.function = function
        self.arguments = dict(arguments)
        self.takes_mask = self._check_arguments(where)
        self.expected_shape = _checked(output_shape, where)

    def _check_arguments(self, where: str) -> bool:
        """Whether the function takes a mask. ArgumentError where it does not take `arguments`."""
        try:
            signature = inspect.signature(self.function)
        except ValueError:  # a function written in C may have none; then the call will tell
            return False
        takes_mask = "mask" in signature.parameters
        if takes_mask and "mask" in self.arguments:
            raise ArgumentError(
                f"{where}: arguments: the layer gives `mask` itself; rename the function's "
                "parameter, or leave it out of arguments"
            )
        try:
            signature.bind(None, **self.arguments, **({"mask": None} if takes_mask else {}))
        except TypeError as error:
            raise ArgumentError(
                f"{where}: function{signature} is called with the input and the arguments "
                f"{sorted(self.arguments)}, and does not take them: {error}"
            ) from error
        return takes_mask

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        masks = {"mask": mask} if self.takes_mask else {}
        return self.function(x, **self.arguments, **masks)

    def _check_output(self, output: object, input_shape: KnownShape | list[KnownShape]) -> None:
        where = f"{self.name} (Lambda)"
        if not isinstance(output, g.Node):
            raise ArgumentError(
                f"{where}: the function has to return a node, made of its input by K's functions "
                f"and operators, returned {type(output).__name__}"
            )
        claimed = self.expected_shape
        if claimed is None:
            return
        if callable(claimed):
            shape = claimed(input_shape)
            if not isinstance(shape, list | tuple) or not shape:
                raise ArgumentError(
                    f"{where}: output_shape({input_shape}) has to return the sizes of the output, "
                    f"the batch first, returned {shape!r}"
                )
            claimed = _checked_sizes(shape, f"{where}: output_shape({input_shape})")
        if not agree(claimed, known_shape(output)):
            raise ShapeError(
                f"{where}: output_shape says {claimed}, the batch first, but the function made an "
                f"output of shape {known_shape(output)}; correct one of the two, or leave "
                "output_shape out"
            )


def _checked(output_shape: object, where: str) -> KnownShape | Callable | None:
    """A claim as a shape with the batch axis, a function, or None."""
    if output_shape is None or callable(output_shape):
        return output_shape
    if not isinstance(output_shape, list | tuple):
        raise ArgumentError(
            f"{where}: output_shape: expected sizes without the batch axis, e.g. (64,), or a "
            f"function of the input's shape, received {output_shape!r}"
        )
    return (None, *_checked_sizes(output_shape, f"{where}: output_shape"))


def _checked_sizes(sizes: Sequence[object], what: str) -> KnownShape:
    wrong = [size for size in sizes if size is not None and not is_size(size)]
    if wrong:
        raise ArgumentError(
            f"{what}: expected whole numbers of at least 1, or None for any, received {wrong[0]!r} "
            f"in {tuple(sizes)}"
        )
    return tuple(sizes)  # type: ignore[arg-type]
