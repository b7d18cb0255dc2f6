"""Updates that ranks share: which elements of a step's root a rank computes alone.

The root computes outputs and new values of states from sums over the shards. Where a new value is
elementwise in such sums and in the optimizer's state, a rank updates its blocks of it, and needs no
more of the sums and of the state than these. Where it mixes the elements of one parameter (a norm
of its columns), one rank updates all of it. Whatever else reads such sums or states is computed by
every rank from all of them.

Sums over all elements (a norm over all gradients, a penalty) are taken out of the root: they are
sums of the blocks' sums (`graphc.parallel.blocks`), of which each rank has its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphc.compiler.graph import (
    OPS,
    Moves,
    Node,
    State,
    broadcast_to,
    inherit,
    is_float,
    known_sizes,
    label,
    make,
    matmul,
    ops_with,
    remake,
    reshape,
    set_name,
    substitute,
    toposort,
)
from graphc.compiler.graph.dim import product
from graphc.parallel.slices import Parameter, Piece

_serials = itertools.count()

_MOVES = ops_with(lambda traits: traits.moves is Moves.PERMUTED)


@dataclass(frozen=True)
class Moved:
    """A sum over the shards with its elements where the root reads them.

    Attributes:
        source: which sum.
        moves: the nodes that move it, from the first to the last.
    """

    source: Node
    moves: tuple[Node, ...]


@dataclass(frozen=True)
class Total:
    """A sum over all elements of a node that has those of a parameter."""

    x: Node
    parameter: int


@dataclass
class Spread:
    """The root of a step whose updates ranks share.

    Attributes:
        fetched: what a call returns.
        updates: states and their new values.
        sums: inputs of the root, and the sums that they stand for.
        parameters: what is divided over the ranks: elements that are updated together.
        of: the number of the parameter of each node that has its elements; a node that has none is
            computed by every rank.
        totals: sums over all elements.
        kept: the states that every rank keeps whole although they were to be divided among
            ranks, each with the reason.
    """

    fetched: list[Node]
    updates: list[tuple[State, Node]]
    sums: dict[Node, Moved]
    parameters: list[Parameter] = field(default_factory=list)
    of: dict[Node, int] = field(default_factory=dict)
    totals: dict[Node, Total] = field(default_factory=dict)
    kept: dict[State, str] = field(default_factory=dict)


def analyse_root(
    fetched: Sequence[Node],
    updates: Sequence[tuple[State, Node]],
    sums: Collection[Node],
    states: Collection[State],
) -> Spread:
    """Analyse the root of a step.

    Args:
        fetched: its outputs.
        updates: states and their new values.
        sums: its inputs that are sums over the shards.
        states: those that a rank may keep its slice of.
    """
    values = [value for _, value in updates]
    sunk, leaves = _sunk([*fetched, *values], sums)
    targets = [state for state, _ in updates]
    pairs = list(zip(targets, sunk[len(fetched) :], strict=True))
    found = Spread(sunk[: len(fetched)], pairs, leaves)
    whole: dict[Node, str] = {}
    while True:
        attempt = _Attempt(found, states, whole)
        if not attempt.refused:
            break
        whole.update(attempt.refused)
    attempt.put(found)
    named = {node.attrs["state"]: node for node in toposort(sunk) if node.op == "shared"}
    for state in states:
        if state not in named:
            found.kept[state] = "no step reads it"
        elif named[state] not in found.of:
            found.kept[state] = whole[named[state]]
    return found


class _Attempt:
    """A division in which the leaves of `whole` are those of every rank.

    Attributes:
        refused: further leaves that have to be, and why; empty where the division holds.
    """

    def __init__(self, root: Spread, states: Collection[State], whole: Mapping[Node, str]) -> None:
        self._states, self._whole = set(states), whole
        self._root, self._sums = root, root.sums
        self._group: dict[Node, Node] = {}
        self._mixed: dict[Node, str] = {}  # of groups
        self._level: dict[Node, int] = {}
        self._totals: dict[Node, Node] = {}
        self.refused: dict[Node, str] = {}
        values = [value for _, value in root.updates]
        self._order = toposort([*root.fetched, *values])
        self._variables = {node.attrs["state"]: node for node in self._order if node.op == "shared"}
        for node in self._order:
            self._look_at(node)
        for state, value in root.updates:
            variable = self._variables.get(state)
            if value in self._group and variable in self._group:
                self._join([value, variable])
        self._seeds: dict[Node, list[Node]] = {}
        for node in self._group:
            if self._is_seed(node):
                self._seeds.setdefault(self._find(node), []).append(node)
        self._check()

    # ---- groups of nodes that have the elements of one parameter ---------------------------------

    def _find(self, node: Node) -> Node:
        while (above := self._group[node]) is not node:
            self._group[node] = self._group[above]
            node = above
        return node

    def _join(self, nodes: Iterable[Node]) -> Node:
        first, *others = [self._find(node) for node in nodes]
        for other in others:
            self._group[other] = first
            if other in self._mixed:
                self._mixed.setdefault(first, self._mixed[other])
        return first

    def _is_seed(self, node: Node) -> bool:
        if node in self._whole or not _is_array(node):
            return False
        return node in self._sums or (node.op == "shared" and node.attrs["state"] in self._states)

    def _look_at(self, node: Node) -> None:
        self._level[node] = max((self._level[x] for x in node.inputs), default=0)
        if self._is_seed(node):
            self._group[node] = node
            return
        parts = [x for x in node.inputs if x in self._group]
        if not parts:
            return
        if _is_total(node) and not self._level[node]:
            self._level[node] = 1
            self._totals[node] = node.inputs[0]
            return
        self._group[node] = node
        group = self._join([*parts, node])
        if not _is_elementwise(node):
            self._mixed.setdefault(group, f"{label(node)} mixes its elements")

    def _check(self) -> None:
        root = self._root
        for group, why in self._mixed.items():
            if len(self._sizes_of(group)) > 1:
                self._refuse(group, f"{why} with those of others")
        for state, value in root.updates:
            variable = self._variables.get(state)
            if value in self._group:
                if self._sizes_of(value) != {product(value.shape)}:
                    self._refuse(value, "it is updated together with variables of another size")
            elif variable in self._group:
                self._refuse(variable, "its new value needs none of the sums")
        for node in root.fetched:
            if node in self._group:
                self._refuse(node, "an output of the step has its elements")

    def _sizes_of(self, node: Node) -> set[int]:
        return {_elements(seed) for seed in self._seeds[self._find(node)]}

    def _refuse(self, node: Node, why: str) -> None:
        for seed in self._seeds[self._find(node)]:
            self.refused.setdefault(seed, why)

    # ---- the result -----------------------------------------------------------------------------

    def put(self, root: Spread) -> None:
        """Number the groups in the order of their first update."""
        numbers: dict[Node, int] = {}
        for node in [*(value for _, value in root.updates), *self._order]:
            if node in self._group:
                numbers.setdefault(self._find(node), len(numbers))
        sizes = {group: _elements(seeds[0]) for group, seeds in self._seeds.items()}
        root.parameters = [Parameter(sizes[one], one in self._mixed) for one in numbers]
        root.of = {node: numbers[self._find(node)] for node in self._group}
        root.totals = {node: Total(x, root.of[x]) for node, x in self._totals.items()}
        self._put_penalties(root)

    def _put_penalties(self, root: Spread) -> None:
        """Add the sums over all elements of values of one parameter alone."""
        of: dict[Node, int] = {}
        for state, value in root.updates:
            variable = self._variables.get(state)
            if variable is not None and variable not in root.of and value in root.of:
                of[variable] = root.of[value]
        read = set(toposort([total.x for total in root.totals.values()]))
        behind: set[Node] = set()  # what reads such a sum
        for node in self._order:
            if any(x in behind for x in node.inputs):
                behind.add(node)
            if node in root.of or node in behind or self._level[node] or not node.inputs:
                continue
            if _is_total(node) and node.inputs[0] in of and node not in read:
                root.totals[node] = Total(node.inputs[0], of[node.inputs[0]])
                behind.add(node)
            elif _is_elementwise(node):
                several = {of[x] for x in node.inputs if x in of}
                if len(several) == 1:
                    of[node] = several.pop()


def _is_array(node: Node) -> bool:
    sizes = node.shape
    return bool(sizes) and all(isinstance(size, int) and size > 0 for size in sizes)


def _elements(node: Node) -> int:
    return math.prod(known_sizes(node.shape, label(node)))


def _is_total(node: Node) -> bool:
    return node.op == "sum" and node.shape == () and is_float(node.dtype)


def _is_elementwise(node: Node) -> bool:
    return OPS[node.op].family == "pointwise" and node.op != "print_tensor"


# ---- moves --------------------------------------------------------------------------------------


def _sunk(outputs: Sequence[Node], sums: Collection[Node]) -> tuple[list[Node], dict[Node, Moved]]:
    """Return the outputs with moves of sums at the sums themselves, below what is elementwise, and
    the inputs that stand for the moved sums."""
    order = toposort(outputs)
    moved: set[Node] = set()
    for node in order:
        if (node in sums and _is_array(node)) or any(x in moved for x in node.inputs):
            moved.add(node)
    wanted: dict[Node, dict[tuple[Node, ...], None]] = {node: {} for node in order}
    for node in outputs:
        wanted[node][()] = None
    for node in reversed(order):
        for moves in wanted[node]:
            for x in node.inputs:
                wanted[x][_moves_below(node, moves, x in moved)] = None
    leaves: dict[Node, Moved] = {}
    built: dict[tuple[Node, tuple[Node, ...]], Node] = {}
    for node in order:
        for moves in wanted[node]:
            if node in sums:
                made = _leaf(node, moves)
                leaves[made] = Moved(node, moves)
            elif node.op in _MOVES and node in moved:
                made = built[node.inputs[0], (node, *moves)]
            elif node in moved and _is_elementwise(node):
                below = [
                    built[x, moves] if x in moved else applied(moves, built[x, ()])
                    for x in node.inputs
                ]
                made = inherit(remake(node, tuple(below)), node)
            else:
                same = inherit(remake(node, tuple([built[x, ()] for x in node.inputs])), node)
                made = applied(moves, same)
            built[node, moves] = made
    return [built[node, ()] for node in outputs], leaves


def _moves_below(node: Node, moves: tuple[Node, ...], is_moved: bool) -> tuple[Node, ...]:
    """The moves of an operand, so that those of the node are none but these."""
    if not is_moved:
        return ()
    if node.op in _MOVES:
        return (node, *moves)
    return moves if _is_elementwise(node) else ()


def _leaf(node: Node, moves: tuple[Node, ...]) -> Node:
    if not moves:
        return node
    shape = moves[-1].shape
    made = make("input", serial=("moved", next(_serials)), shape=shape, dtype=node.dtype)
    return set_name(made, label(node))


def applied(moves: Iterable[Node], node: Node) -> Node:
    """Return a node with its elements moved."""
    for move in moves:
        if node.op == "broadcast" and node.inputs[0].ndim == 0:
            node = broadcast_to(node.inputs[0], move.shape)
        else:
            node = remake(move, (node,))
    return node


# ---- the root of a rank -------------------------------------------------------------------------


@dataclass
class RankRoot:
    """The part of a root that one rank computes.

    Attributes:
        fetched: as of the step.
        updates: states that this rank changes, pieces of states among them, and new values.
        pieces: states whose new values all ranks gather, and this rank's piece.
        inputs: the inputs of `Spread.sums`, and what stands for them here: this rank's piece, or
            the whole. Those of which it has no elements are left out.
        of_totals: what is added up for each of `Spread.totals` of which this rank has elements.
        totals: the inputs that stand for `Spread.totals`.
    """

    fetched: list[Node]
    updates: list[tuple[State, Node]]
    pieces: dict[State, Node]
    inputs: dict[Node, Node]
    of_totals: dict[Node, Node]
    totals: dict[Node, Node]

    def substituted(self, values: Mapping[Node, Node]) -> RankRoot:
        """Return the part with other nodes in place of inputs."""
        states = [state for state, _ in self.updates]
        new = iter(
            substitute(
                [
                    *self.fetched,
                    *(value for _, value in self.updates),
                    *self.pieces.values(),
                    *self.of_totals.values(),
                ],
                values,
            )
        )
        return RankRoot(
            [next(new) for _ in self.fetched],
            [(state, next(new)) for state in states],
            {state: next(new) for state in self.pieces},
            self.inputs,
            {node: next(new) for node in self.of_totals},
            self.totals,
        )


def piece_of(x: Node, piece: Piece) -> Node:
    """Return some elements of a node, in a line; of a product no more rows than have some."""
    start, stop = piece.start, piece.stop
    if x.op == "matmul" and x.ndim == 2:
        (left, right), (_, n) = x.inputs, x.shape
        assert isinstance(n, int)
        first = start // n
        x = matmul(left[first : -(-stop // n)], right)
        start, stop = start - first * n, stop - first * n
    return reshape(x, (_elements(x),))[start:stop]


def root_of_rank(
    root: Spread, owned: Mapping[int, Piece], states: Mapping[State, Node]
) -> RankRoot:
    """Return what a rank computes.

    Args:
        root: of the step.
        owned: the numbers of parameters of which the rank has elements, and which these are.
        states: of the states that are spread, the shared variables of the rank's pieces.
    """
    builder = _Builder(root, owned, states)
    updates, pieces = [], {}
    for state, value in root.updates:
        number = root.of.get(value)
        if number is None:
            updates.append((state, builder.whole[value]))
        elif state in states:
            updates.append((states[state].attrs["state"], builder.part(value, number)))
        elif number in owned:
            pieces[state] = builder.part(value, number)
    fetched = [builder.whole[node] for node in root.fetched]
    of_totals = {
        node: builder.part(total.x, total.parameter)
        for node, total in root.totals.items()
        if total.parameter in owned
    }
    return RankRoot(fetched, updates, pieces, builder.inputs, of_totals, builder.totals)


def root_alone(root: Spread) -> RankRoot:
    """Return what the only rank computes: all elements, and new values of all states."""
    every = {k: Piece(k, 0, one.elements) for k, one in enumerate(root.parameters)}
    variables = {node.attrs["state"]: node for node in root.of if node.op == "shared"}
    made = root_of_rank(root, every, variables)
    return replace(made, updates=[*made.updates, *made.pieces.items()], pieces={})


class _Builder:
    """Builds the nodes of a rank's root.

    Attributes:
        whole: what is computed for each node that every rank computes.
        inputs, totals: as of `RankRoot`.
    """

    def __init__(
        self, root: Spread, owned: Mapping[int, Piece], states: Mapping[State, Node]
    ) -> None:
        self._root, self._owned, self._states = root, owned, states
        self.inputs: dict[Node, Node] = {}
        self.totals = {node: set_name(_input((), node), label(node)) for node in root.totals}
        self.whole: dict[Node, Node] = dict(self.totals)
        self._parts: dict[tuple[Node, int], Node] = {}
        values = [value for _, value in root.updates]
        of_totals = [total.x for total in root.totals.values()]
        for node in toposort([*root.fetched, *values, *of_totals]):
            if node in self.whole:
                continue
            number = root.of.get(node)
            if number is not None:
                if number in owned:
                    self.part(node, number)
            else:
                below = tuple([self.whole[x] for x in node.inputs])
                self.whole[node] = inherit(remake(node, below), node)
                if node in root.sums:
                    self.inputs[node] = node

    def part(self, node: Node, number: int) -> Node:
        """Return the rank's elements of a node that has those of a parameter."""
        found = self._parts.get((node, number))
        if found is None:
            found = inherit(self._part(node, number), node)
            self._parts[node, number] = found
        return found

    def _part(self, node: Node, number: int) -> Node:
        root, piece = self._root, self._owned[number]
        is_all = len(piece) == root.parameters[number].elements
        if node in root.sums and node in root.of:
            self.inputs[node] = node if is_all else _input((len(piece),), node)
            return self.inputs[node]
        if node.op == "shared" and node in root.of:
            return self._states[node.attrs["state"]]
        if is_all:
            if node not in root.of:
                return self.whole[node]
            below = [self.part(x, number) if x in root.of else self.whole[x] for x in node.inputs]
            return remake(node, tuple(below))
        if node.op == "broadcast" and node.inputs[0].ndim == 0:
            return broadcast_to(self.whole[node.inputs[0]], (len(piece),))
        if _is_elementwise(node):
            return remake(node, tuple([self.part(x, number) for x in node.inputs]))
        line = reshape(self.whole[node], (_elements(node),))
        return line[piece.start : piece.stop]


def _input(shape: tuple[int, ...], like: Node) -> Node:
    made = make("input", serial=("piece", next(_serials)), shape=shape, dtype=like.dtype)
    return set_name(made, label(like))
