"""K: a function over the elements of axis 0, each alone or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.compiler import graph as g
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.releases import since

Fold = Callable[[g.Node, g.Node], object]


@since("1.1.2")
def map_fn(fn: Callable[..., object], elems: object, name: str | None = None) -> g.Node:
    """Apply a function to each element of axis 0, and stack what it returns.

    Args:
        fn: takes an element, and returns a tensor. It is called once, on symbols.
        elems: a tensor, or a list of tensors of equally long axes 0, whose elements `fn` takes as
            one argument each.
        name: of the result, in errors.

    Raises:
        ShapeError: a scalar, or axes 0 of different sizes.
    """
    series = list(elems) if isinstance(elems, list | tuple) else [elems]
    nodes = [_with_elements(one, "map_fn") for one in series]
    _, (stacked,) = g.scan(lambda _, slices: ((), (fn(*slices),)), (), nodes)
    return stacked if name is None else g.set_name(stacked, name)


@since("1.1.2")
def foldl(fn: Fold, elems: object, initializer: object = None, name: str | None = None) -> g.Node:
    """Return ``fn(... fn(fn(initializer, elems[0]), elems[1]) ..., elems[-1])``.

    Args:
        fn: takes what was accumulated and an element, and returns the new one, of the same shape
            and dtype. It is called once, on symbols.
        elems: a tensor.
        initializer: what is there before the first element; by default the first element itself.
        name: of the result, in errors.

    Raises:
        ShapeError, DTypeError: what is accumulated changes its shape or dtype.
    """
    return _fold("foldl", fn, elems, initializer, name, reverse=False)


@since("1.1.2")
def foldr(fn: Fold, elems: object, initializer: object = None, name: str | None = None) -> g.Node:
    """Fold from the last element to the first; see `foldl`."""
    return _fold("foldr", fn, elems, initializer, name, reverse=True)


def _fold(
    where: str, fn: Fold, elems: object, initializer: object, name: str | None, reverse: bool
) -> g.Node:
    series = _with_elements(elems, where)
    count = series.shape[0]
    if initializer is None:
        start = series[count - 1] if reverse else series[0]
        if count == 1:
            return start
    else:
        start = g.as_node(initializer, series.dtype)
    # Without an initializer the first element is the start; a slice without it may be empty.
    position = g.iota(count)
    first = count - 1 if reverse else 0

    def step(
        carries: Sequence[g.Node], slices: Sequence[g.Node]
    ) -> tuple[Sequence[object], Sequence[object]]:
        (accumulated,), (element, at) = carries, slices
        new = _like(accumulated, fn(accumulated, element), where)
        if initializer is None:
            new = g.where(g.equal(at, g.as_node(first)), accumulated, new)
        return (new,), ()

    (result,), _ = g.scan(step, [start], [series, position], reverse=reverse)
    return result if name is None else g.set_name(result, name)


def _with_elements(elems: object, where: str) -> g.Node:
    node = g.as_node(elems)
    if node.ndim == 0:
        raise ShapeError(f"{where}: elems: expected an axis of elements, received a scalar")
    return node


def _like(before: g.Node, returned: object, where: str) -> g.Node:
    if isinstance(returned, list | tuple):
        raise ArgumentError(
            f"{where}: fn: expected one tensor, received {len(returned)}; K.rnn carries several"
        )
    after = g.as_node(returned)
    sizes = zip(before.shape, after.shape, strict=False)
    if before.ndim != after.ndim or any(
        isinstance(one, int) and isinstance(other, int) and one != other for one, other in sizes
    ):
        raise ShapeError(
            f"{where}: fn has to return the shape that it accumulates, expected {before.shape}, "
            f"received {after.shape}; give an initializer of the shape that it returns"
        )
    if before.dtype != after.dtype:
        raise DTypeError(
            f"{where}: fn has to return the dtype that it accumulates, expected {before.dtype}, "
            f"received {after.dtype}; K.cast one of them"
        )
    return after
