"""Movement: the same elements at other positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.dim import Dim, Shape, ceil_divide, product
from graphc.compiler.graph.ops.table import Attrs, Inputs, define, refuse_dtype
from graphc.compiler.graph.ops.traits import FIRST, Moves, Traits, Work


def _same(inputs: Inputs, attrs: Attrs) -> str:
    return inputs[0].dtype


def _concat_dtype(inputs: Inputs, attrs: Attrs) -> str:
    if not inputs or any(node.dtype != inputs[0].dtype for node in inputs):
        refuse_dtype("concat", "one or more inputs of one dtype", inputs)
    return inputs[0].dtype


def _reshape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    old: Shape = inputs[0].shape
    new: Shape = attrs["shape"]
    for axis, size in enumerate(new):
        checks.at_least(size, 0, "reshape of {} to {}: axis {}", old, new, axis)
    elements = product(old), product(new)
    if elements[0] == elements[1]:
        return new
    lone = _lone_change(old, new)
    if lone is not None and any(isinstance(size, Dim) for size in (old[lone], new[lone])):
        # No other shape, but a size that has to be another.
        what = "axis {} of {}, taken as the {} of {}"
        checks.equal(old[lone], new[lone], what, lone, old, new[lone], new)
    else:
        checks.equal(*elements, "reshape of {} to {}: number of elements", old, new)
    return new


def _lone_change(old: Shape, new: Shape) -> int | None:
    """The one axis whose sizes differ, or None."""
    if len(old) != len(new):
        return None
    changed = [axis for axis, size in enumerate(old) if size != new[axis]]
    return changed[0] if len(changed) == 1 else None


def _transpose(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    shape, order = inputs[0].shape, attrs["order"]
    if sorted(order) != list(range(len(shape))):
        fail(f"transpose: order {order} is no permutation of the axes of {shape}")
    return tuple(shape[axis] for axis in order)


def _broadcast(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """`axes[i]` is the axis of the result that input axis i becomes; no axis is stretched."""
    old, axes = inputs[0].shape, attrs["axes"]
    new: Shape = attrs["shape"]
    for axis, size in enumerate(new):
        checks.at_least(size, 0, "broadcast of {} to {}: axis {}", old, new, axis)
    if len(axes) != len(old) or list(axes) != sorted(set(axes)):
        fail(f"broadcast: axes {axes} do not place the axes of {old} in order")
    if any(not 0 <= axis < len(new) for axis in axes):
        fail(f"broadcast: axes {axes} are not all axes of {new}")
    for size, axis in zip(old, axes, strict=True):
        checks.equal(size, new[axis], "broadcast of {} to {}: axis {}", old, new, axis)
    return new


def _slice(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """Elements start, start + step, ... below stop, along every axis; steps are ints >= 1."""
    shape = inputs[0].shape
    sizes = []
    for axis, (size, start, stop, step) in enumerate(
        zip(shape, attrs["start"], attrs["stop"], attrs["step"], strict=True)
    ):
        what = "slice {}:{}:{} along axis {} of {}", start, stop, step, axis, shape
        checks.at_least(start, 0, *what)
        checks.at_least(stop, start, *what)
        checks.at_least(size, stop, *what)
        sizes.append(ceil_divide(stop - start, step))
    return tuple(sizes)


def _pad(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    """`interior` elements between neighbours, `low` before and `high` after, along every axis."""
    sizes = []
    for axis, (size, low, high, interior) in enumerate(
        zip(inputs[0].shape, attrs["low"], attrs["high"], attrs["interior"], strict=True)
    ):
        what = "pad along axis {} of {}", axis, inputs[0].shape
        checks.at_least(low, 0, *what)
        checks.at_least(high, 0, *what)
        # Of an empty axis `interior` takes away what `high` gives back, so that the gradient of a
        # slice with a step that found nothing is all zeros.
        padded = low + size + (size - 1) * interior + high
        checks.at_least(padded, 0, *what)
        sizes.append(padded)
    return tuple(sizes)


def _concat(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    axis, first = attrs["axis"], inputs[0].shape
    if not 0 <= axis < len(first):
        fail(f"concat: axis {axis} does not exist in the shape {first}")
    sizes = list(first)
    for node in inputs[1:]:
        if len(node.shape) != len(first):
            fail(f"concat: ranks differ, shapes {first} and {node.shape}")
        for other, size in enumerate(node.shape):
            if other == axis:
                sizes[axis] = sizes[axis] + size
            else:
                what = "concat along axis {}: axis {} of {} and {}", axis, other, first, node.shape
                sizes[other] = checks.equal(sizes[other], size, *what)
    return tuple(sizes)


def _flip(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    if any(not 0 <= axis < inputs[0].ndim for axis in attrs["axes"]):
        fail(f"flip: axes {attrs['axes']} do not fit the shape {inputs[0].shape}")
    return inputs[0].shape


def _moves(how: Moves, keeps_zero: bool = True) -> Traits:
    return Traits(moves=how, work=Work.NONE, keeps_zero=keeps_zero, linear=FIRST)


_PERMUTED = _moves(Moves.PERMUTED)

define("reshape", "movement", 1, _same, _reshape, ("shape",), _PERMUTED)
define("transpose", "movement", 1, _same, _transpose, ("order",), _PERMUTED)
define("flip", "movement", 1, _same, _flip, ("axes",), _PERMUTED)
define("broadcast", "movement", 1, _same, _broadcast, ("shape", "axes"), _moves(Moves.REPEATED))
define("slice", "movement", 1, _same, _slice, ("start", "stop", "step"), _moves(Moves.SELECTED))
# The padding may be another number than zero.
_PADDED = _moves(Moves.PADDED, keeps_zero=False)
define("pad", "movement", 1, _same, _pad, ("low", "high", "interior", "value"), _PADDED)
_JOINED = replace(_moves(Moves.JOINED), linear=None)
define("concat", "movement", None, _concat_dtype, _concat, ("axis",), _JOINED)
