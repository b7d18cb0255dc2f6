"""Where the words of random draws are: positions in the whole draw that a draw is a part of.

A part has its elements along one axis from somewhere on. Its elements from that axis on are a *run*
of neighbours in the whole draw too, so the word of an element is a *shift* behind the element's own
position, and the shift is one for all of a run: for all elements where the axis leads.
"""

from __future__ import annotations

from functools import partial

from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import ZERO, Expression, call, listed, plus, times
from graphc.compiler.codegen.index import Index
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import is_multiple, product
from graphc.compiler.schedule.relation import split_of


def word_at(emitter: Emitter, node: Node, index: Index) -> Expression:
    """Where an element's word is, as the functions of ``kernels/random.cuh`` take it: its position;
    of a part its shift, then its position."""
    if node.attrs["axis"] is None:
        return emitter.position(index)
    return listed(shift_of(emitter, node, index), emitter.position(index))


def shift_of(emitter: Emitter, node: Node, index: Index) -> Expression:
    """The name of an element's shift; 0 of a draw that is no part."""
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
    """Which run of a part an element is in."""
    axis, size = node.attrs["axis"], emitter.signature.size
    if not axis or index not in emitter.rows:
        return emitter.position(emitter.part(index, tuple(range(axis))))
    row, within = emitter.rows[index]
    behind = emitter.part(Index(node.shape[1:], linear=within), tuple(range(axis - 1)))
    runs = times(size(row), size(product(node.shape[1:axis])))
    return emitter.integer(plus(runs, emitter.position(behind)))


def has_one_shift(node: Node, count: int | None = None) -> bool:
    """Whether all elements of a draw have one shift; or each `count` neighbours, from a multiple
    of `count` on."""
    axis = node.attrs["axis"]
    if not axis:
        return True
    return count is not None and is_multiple(product(node.shape[axis:]), count)
