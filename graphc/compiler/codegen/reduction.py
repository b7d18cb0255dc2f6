"""What kernels of kind rows and columns do, before it is spread over threads.

The elements of the domain are divided by the kept element that they are reduced into: those of one
kept element are a *row*, wherever they lie in memory. A row is walked once for each reduction that
needs the result of another one, and once more for results that need all of them. Softmax is three
walks: the maximum, the sum of ``exp(x - maximum)``, the quotient. Where a row's values cannot be
held from walk to walk it is two, since that sum can be made along with the maximum (Milakov and
Gimelshein, "Online normalizer calculation for softmax", 2018); so can a sum of squared differences
from the mean, along with the mean (Chan, Golub and LeVeque, "Updating formulae and a pairwise
algorithm for computing sample variances", 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphc.compiler.graph import Node, is_float
from graphc.compiler.graph.dim import Dim, Size, evaluate_at, product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.schedule.relation import Split, split_of

# What a symbol counts as where a choice has to be made before sizes are known: the text is the
# same for all sizes, so the choice is too.
_TYPICAL = 64

# Nodes that are no work: they are printed again in each walk.
_NO_WORK = ("constant", "dim", "iota", "reshape")


def typical(size: Size) -> int:
    """A size with each of its symbols at a typical value."""
    return evaluate_at(size, _TYPICAL)


@dataclass(frozen=True)
class Domain:
    """The elements of a kernel: runs of axes that are kept or reduced, the outermost first."""

    runs: Split

    @property
    def kept(self) -> Size:
        """How many results each reduction has."""
        return product(self.kept_runs)

    @property
    def reduced(self) -> Size:
        """How many elements each result is made of."""
        return product(self.reduced_runs)

    @property
    def kept_runs(self) -> tuple[Size, ...]:
        return tuple(size for size, kept in self.runs if kept)

    @property
    def reduced_runs(self) -> tuple[Size, ...]:
        return tuple(size for size, kept in self.runs if not kept)


def domain_of(kernel: Kernel) -> Domain:
    """The domain of a kernel of kind rows or columns."""
    axes = range(len(kernel.extents))
    return Domain(split_of(kernel.extents, tuple(x for x in axes if x not in kernel.reduced)))


@dataclass(frozen=True)
class Walk:
    """One pass over a row.

    Attributes:
        anchors: the reductions that it computes.
        outputs: the results that it stores, an element each.
        spreads: the broadcasts of values of the row, or of scalars, that its elements read.
        computed: the nodes that it computes at the walked element, before no other walk did.
        reused: the nodes that an earlier walk has computed at the walked element.
        along: those of the anchors that are sums of ``exp(x - maximum)`` or ``(x - mean)^2`` whose
            maximum, or sum of x, is an anchor of the same walk.
    """

    anchors: tuple[Node, ...]
    outputs: tuple[Node, ...]
    spreads: tuple[Node, ...]
    computed: tuple[Node, ...]
    reused: tuple[Node, ...]
    along: tuple[Node, ...] = ()


def row_outputs(kernel: Kernel, domain: Domain) -> tuple[Node, ...]:
    """The results of which a row has one."""
    return tuple(node for node in kernel.outputs if product(node.shape) == domain.kept)


def walks_before(kernel: Kernel) -> dict[Node, int]:
    """How many walks have to end before each node of a kernel's body can be computed."""
    level: dict[Node, int] = {}
    for node in kernel.body:
        before = max((level.get(x, 0) for x in node.inputs), default=0)
        level[node] = before + (node in kernel.anchors)
    return level


def walks_of(kernel: Kernel, domain: Domain) -> tuple[Walk, ...]:
    """The passes over a row that compute a kernel, in order."""
    level = walks_before(kernel)
    whole = set(row_outputs(kernel, domain))
    stored = [node for node in kernel.outputs if node not in whole]
    count = 1 + max([level[x] - 1 for x in kernel.anchors] + [level[x] for x in stored])
    walks: list[Walk] = []
    computed: dict[Node, None] = {}
    for number in range(count):
        anchors = tuple(node for node in kernel.anchors if level[node] == number + 1)
        outputs = tuple(node for node in stored if level[node] == number)
        roots = [node.inputs[0] for node in anchors] + list(outputs)
        walk = _walk(anchors, outputs, roots, kernel, domain, computed)
        computed.update(dict.fromkeys(walk.computed))
        walks.append(walk)
    return tuple(walks)


def _walk(
    anchors: tuple[Node, ...],
    outputs: tuple[Node, ...],
    roots: Sequence[Node],
    kernel: Kernel,
    domain: Domain,
    earlier: dict[Node, None],
) -> Walk:
    """The walk that needs these roots at its element, seen from what was computed before."""
    stop = {*kernel.inputs, *kernel.anchors}
    spreads: dict[Node, None] = {}
    computed: dict[Node, None] = {}
    reused: dict[Node, None] = {}
    pending = list(roots)[::-1]
    seen: set[Node] = set()
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in kernel.anchors:
            continue  # rows of one element: the result is there
        if node in earlier:
            reused[node] = None
            continue
        if node not in stop and node.op == "broadcast":
            split = split_of(node.shape, node.attrs["axes"])
            if split == domain.runs or product(node.inputs[0].shape) == 1:
                spreads[node] = None
                continue
            if all(kept for _, kept in split):  # only axes of size 1 are new
                pending.append(node.inputs[0])
                continue
        if node in stop or node.op not in _NO_WORK:
            computed[node] = None
        if node not in stop and (OPS[node.op].family == "pointwise" or node.op == "reshape"):
            pending += reversed(node.inputs)
    return Walk(anchors, outputs, tuple(spreads), tuple(computed), tuple(reused))


def joined(walks: Sequence[Walk], domain: Domain) -> tuple[Walk, ...]:
    """The walks where no values are held: sums of what is seen from the row's maximum or mean go
    along with these."""
    done: list[Walk] = []
    left: tuple[Node, ...] = ()  # what the elements of a walk that is no more have read of the row
    for walk in walks:
        last = done[-1] if done else None
        if last and not walk.outputs and all(_goes_along(x, last, domain) for x in walk.anchors):
            done[-1] = replace(last, anchors=last.anchors + walk.anchors, along=walk.anchors)
            left = walk.spreads
            continue
        done.append(replace(walk, spreads=tuple(dict.fromkeys((*left, *walk.spreads)))))
        left = ()
    return tuple(done)


def _goes_along(anchor: Node, walk: Walk, domain: Domain) -> bool:
    """Whether a sum is of ``exp(x - maximum)`` or ``(x - mean)^2``, and the walk computes the
    maximum, or the sum of x."""
    if anchor.op != "sum" or walk.along:
        return False
    (term,) = anchor.inputs
    if term.op not in ("exp", "mul") or any(x is not term.inputs[0] for x in term.inputs):
        return False
    difference = term.inputs[0]
    if difference.op != "sub" or not is_float(difference.dtype):
        return False
    x, center = difference.inputs
    center = _behind(center, "broadcast", "reshape")
    if term.op == "mul":
        if center.op != "div" or not _counts(center.inputs[1], domain.reduced):
            return False
        center = _behind(center.inputs[0], "broadcast", "reshape")
    wanted = "max" if term.op == "exp" else "sum"
    return center.op == wanted and center in walk.anchors and center.inputs[0] is x


def _behind(node: Node, *ops: str) -> Node:
    """What these operations of one input were applied to."""
    while node.op in ops:
        (node,) = node.inputs
    return node


def _counts(node: Node, size: Size) -> bool:
    """Whether a node is this size as a number."""
    node = _behind(node, "broadcast", "reshape", "cast")
    if node.op == "dim":
        return bool(node.attrs["size"] == size)
    return node.op == "constant" and node.shape == () and float(node.attrs["value"]) == size


def walked_for(anchor: Node) -> Node:
    """The x of a sum of ``exp(x - maximum)`` or ``(x - mean)^2``."""
    (term,) = anchor.inputs
    return term.inputs[0].inputs[0]


def held_of(walks: Sequence[Walk]) -> tuple[Node, ...]:
    """The element values that more than one walk needs."""
    return tuple(dict.fromkeys(node for walk in walks for node in walk.reused))


def held_words(walks: Sequence[Walk]) -> int:
    """How many registers the held values of one element take where they are most."""
    most = 0
    for end in range(1, len(walks)):
        known = {node for walk in walks[:end] for node in walk.computed}
        alive = {node for walk in walks[end:] for node in walk.reused if node in known}
        words = sum(max(1, np.dtype(node.dtype).itemsize // 4) for node in alive)
        most = max(most, words)
    return most


def passes(walks: Sequence[Walk], kernel: Kernel) -> int:
    """How many times a row is read from memory if nothing is held."""
    fresh = {node for walk in walks for node in walk.computed if node in kernel.inputs}
    again = sum(bool(walk.reused or fresh.intersection(walk.computed)) for walk in walks)
    return max(1, again)


def notes_of(
    kernel: Kernel, domain: Domain, walks: Sequence[Walk], held: bool, row: str, above: int = 0
) -> list[str]:
    """What a report should say of a launch: how often a row is read, if more than once.

    Args:
        held: whether the values that several walks need stay in registers.
        row: what the text calls a kept element.
        above: the launch is for rows of more elements than this; 0 where there is no other one.
    """
    times = passes(walks, kernel)
    if held or not held_of(walks) or times == 1:
        return []
    why = f"its {domain.reduced} elements do not fit the registers of a block"
    if above:
        why = f"more than {above} elements do not fit the registers of a block"
    elif isinstance(domain.reduced, Dim):
        why = "its length is symbolic"
    return [f"a {row} is read {times} times: {why}"]
