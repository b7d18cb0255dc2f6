"""Positions of random words in the whole draw that a draw is a part of.

A part has some of the indices along one axis of the whole, from one on. The axes from that one on
are a contiguous *run* in both, so the position of a word in the whole draw is that of its element
in the part plus a *shift*, the same for all elements of a run: one for all where the axis leads.
"""

from __future__ import annotations

from functools import partial

from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import ZERO, Expression, call, plus, times
from graphc.compiler.codegen.index import Index
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import is_multiple, product
from graphc.compiler.schedule.relation import split_of


def word_at(emitter: Emitter, node: Node, index: Index) -> tuple[Expression, ...]:
    """Return the arguments that tell the functions of ``kernels/random.cuh`` which word it is: the
    element's position; of a part its shift, then its position."""
    if node.attrs["axis"] is None:
        return (emitter.position(index),)
    return shift_of(emitter, node, index), emitter.position(index)


def shift_of(emitter: Emitter, node: Node, index: Index) -> Expression:
    """Return the name of an element's shift; 0 for a draw that is no part."""
    axis, size = node.attrs["axis"], emitter.signature.size
    if axis is None:
        return ZERO
    run = _number_of_run(emitter, node, index)
    everywhere, scalars = Index((), coords=()), node.inputs[1:]
    for scalar in scalars:
        emitter.spread(scalar, everywhere, split_of(node.shape, ()))
    whole, first = (emitter.value(scalar, everywhere) for scalar in scalars)
    sizes = size(node.shape[axis]), size(product(node.shape[axis + 1 :]))
    shift = call("gc_part_shift", run, whole, first, *sizes)
    return emitter.once(("shift", shift), partial(emitter.define, "gc_int64", shift, "shift"))


def _number_of_run(emitter: Emitter, node: Node, index: Index) -> Expression:
    """Return the number of the run that an element of a part is in."""
    axis, size = node.attrs["axis"], emitter.signature.size
    if not axis or index not in emitter.rows:
        return emitter.position(emitter.part(index, tuple(range(axis))))
    row, within = emitter.rows[index]
    behind = emitter.part(Index(node.shape[1:], linear=within), tuple(range(axis - 1)))
    runs = times(size(row), size(product(node.shape[1:axis])))
    return emitter.integer(plus(runs, emitter.position(behind)))


def has_one_shift(node: Node, count: int | None = None) -> bool:
    """Return True where all elements of a draw have one shift; given `count`, where each aligned
    group of so many neighbours has one."""
    axis = node.attrs["axis"]
    if not axis:
        return True
    return count is not None and is_multiple(product(node.shape[axis:]), count)
