"""The root of a step that takes its batch in shards: what is computed once, from sums over all of
them. Ranks share its updates."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from graphc.compiler.function.api import Function
from graphc.compiler.function.prepared import Prepared
from graphc.compiler.graph import (
    Node,
    State,
    Symbol,
    assign_together,
    known_sizes,
    label,
    shared_without_copy,
    substitute,
    toposort,
)
from graphc.compiler.graph.state import DeviceValue
from graphc.compiler.shards import Divided
from graphc.compiler.shards.spread import (
    Moved,
    RankRoot,
    analyse_root,
    applied,
    piece_of,
    root_alone,
    root_of_rank,
)
from graphc.errors import RankError
from graphc.parallel.blocks import block_count, sum_of_all, sums_of_blocks
from graphc.parallel.meeting import SpreadArray
from graphc.parallel.slices import Piece
from graphc.parallel.summing import Arrays, Gathering, Layout, owned_pieces
from graphc.parallel.transport import Transport, as_bytes

_log = logging.getLogger("graphc")

_NOTHING = Piece(0, 0, 0)

Made = Callable[[Sequence[Node], Sequence[State], str], Function | None]
"""Makes the function of a graph: outputs, states that they are new values of, what it is of."""

Specialised = dict[Function, tuple[Prepared, dict[Symbol, int], list[tuple[Node, Node]]]]
"""Of functions at one set of sizes: the specialisation that runs, the values of symbols, and the
inputs of the function with those of the specialisation."""


class Root:
    """The root of a step, on one of several ranks or alone.

    Args:
        fetched: what a call returns.
        updates: states and their new values.
        divided: the graph in three, whose root has inputs that are sums over all shards.
        states: those that a rank may keep its piece of alone.
        ranks: that share the updates.
        name: of the function, for messages.

    Attributes:
        inputs: what any rank reads.
        sums: the inputs that are fed sums, moved as the root reads them.
        of_totals, outputs, updated: the outputs of its two functions, which `made_of` takes: what
            is added up, and what it computes from the sums of that; the states whose new values are
            the last of these.
    """

    def __init__(
        self,
        fetched: Sequence[Node],
        updates: Sequence[tuple[State, Node]],
        divided: Divided,
        states: Collection[State],
        ranks: Transport[np.ndarray],
        name: str,
    ) -> None:
        self._ranks, self._name = ranks, name
        sums, from_rows = [*divided.sums, *divided.from_rows], divided.from_rows
        self._spread = root = analyse_root(fetched, updates, sums, states)
        self._owned = owned_pieces(tuple(root.parameters), ranks.size)
        roots = [*fetched, *(value for _, value in updates)]
        graph = toposort(substitute(roots, from_rows))
        self.inputs = [node for node in graph if node.op == "input"]
        self._states: dict[State, _SpreadState] = {}
        self._of_rank = self._divided()
        if ranks.size == 1 and not root.totals:
            self.sums = {node: Moved(node, ()) for node in sums}
            self._of_rank = RankRoot(list(fetched), list(updates), {}, {}, {}, {})
        else:
            self.sums = root.sums
        made = self._of_rank = self._computing(from_rows)
        self.of_totals = list(made.of_totals.values())
        self.updated = [state for state, _ in made.updates]
        self.outputs = [*made.fetched, *made.pieces.values(), *(value for _, value in made.updates)]
        self._gathered = self._gathering()
        self._placed: dict[int, dict[int, np.ndarray]] = {}
        self._is_torn = False
        self._function: Function | None = None
        self._norms: Function | None = None

    def _divided(self) -> RankRoot:
        root, ranks = self._spread, self._ranks
        if ranks.size == 1:
            return root_alone(root)
        variables = {node.attrs["state"]: node for node in root.of if node.op == "shared"}
        for state, variable in variables.items():
            pieces = [one.get(root.of[variable], _NOTHING) for one in self._owned]
            self._states[state] = _SpreadState.of(state, label(variable), pieces, ranks)
        if ranks.rank == 0:
            for state, why in root.kept.items():
                _log.warning(
                    "%s: every rank keeps and updates all of %s: %s",
                    *(self._name, state.name or "a state without a name", why),
                )
        own = {
            state: one.variable for state, one in self._states.items() if one.variable is not None
        }
        return root_of_rank(root, self._owned[ranks.rank], own)

    def _computing(self, from_rows: Mapping[Node, Node]) -> RankRoot:
        """Return what this rank computes, with sums that are computed from rows in place of the
        inputs for them."""
        made, values = self._of_rank, dict[Node, Node]()
        for leaf, moved in self.sums.items():
            here = made.inputs.get(leaf) if made.inputs else leaf
            if moved.source not in from_rows or here is None:
                continue
            whole = applied(moved.moves, from_rows[moved.source])
            if here is not leaf:  # of a rank's piece
                whole = piece_of(whole, self._owned[self._ranks.rank][self._spread.of[leaf]])
            values[here] = whole
        self.sums = {
            leaf: moved for leaf, moved in self.sums.items() if moved.source not in from_rows
        }
        return made.substituted(values)

    def _gathering(self) -> Gathering | None:
        """Return the function that completes new values of states that every rank needs whole, if
        any."""
        root = self._spread
        gathered = {
            state: root.of[value]
            for state, value in root.updates
            if value in root.of and state not in self._states
        }
        if self._ranks.size == 1 or not gathered:
            return None
        # In the order of the parameters, so that neighbours are neighbours in memory.
        self._whole_on_all = sorted(gathered, key=lambda state: gathered[state])
        first = len(root.fetched)
        numbers = {state: number for number, state in enumerate(self._of_rank.pieces, first)}
        self._piece_numbers = [numbers[one] for one in self._whole_on_all if one in numbers]
        layout = Layout(
            tuple([state.shape for state in self._whole_on_all]),
            tuple([np.dtype(state.dtype) for state in self._whole_on_all]),
            tuple([gathered[state] for state in self._whole_on_all]),
            tuple(root.parameters),
        )
        return Gathering(self._ranks, layout)

    def made_of(self, norms: Function | None, function: Function | None) -> None:
        """Take the functions of `of_totals` and of `outputs`."""
        self._norms, self._function = norms, function

    def layout(self, sums: Layout) -> Layout:
        """Return the layout of sums, with the pieces that ranks have of them."""
        of = self._spread.of
        numbers = tuple([of.get(node) for node in self.sums])
        return Layout(sums.shapes, sums.dtypes, numbers, tuple(self._spread.parameters))

    def fed(self, summed: Sequence[np.ndarray]) -> dict[Node, np.ndarray]:
        """Return what stands for the sums here, of which a rank has pieces."""
        if not self._of_rank.inputs:
            return dict(zip(self.sums, summed, strict=True))
        here = self._of_rank.inputs
        pairs = zip(self.sums, summed, strict=True)
        return {here[node]: value for node, value in pairs if node in here}

    # ---- calls ----------------------------------------------------------------------------------

    def __call__(self, feeds: Mapping[Node, Any], specialised: Specialised) -> list[np.ndarray]:
        """Run once, and return what is fetched.

        Args:
            feeds: arrays of the inputs' dtypes.
            specialised: of the sizes of `feeds`; completed at the first call.
        """
        if self._ranks.size == 1:
            return self._run(feeds, specialised)
        if self._is_torn:
            raise _torn(self._name)
        self._take_pieces()
        self._tear(bool(self._spread.updates))
        found = self._run(feeds, specialised)
        self._tear(False)
        return found

    def _tear(self, is_torn: bool) -> None:
        """Say whether the states that this rank has are those of its weights."""
        self._is_torn = is_torn
        for one in self._states.values():
            one.is_torn = is_torn

    def _run(self, feeds: Mapping[Node, np.ndarray], specialised: Specialised) -> list[np.ndarray]:
        made, root = self._of_rank, self._spread
        if made.totals:
            arrays = _ran(self._norms, feeds, specialised, {})
            totals = self._totals(dict(zip(made.of_totals, arrays, strict=True)))
            feeds = {**feeds, **{made.totals[node]: value for node, value in totals.items()}}
        places = self._places()
        found = _ran(self._function, feeds, specialised, places)
        if self._gathered is not None:
            own = [None if k in places else found[k] for k in self._piece_numbers]
            whole = self._gathered.gather(own)
            assign_together(zip(self._whole_on_all, whole, strict=True))
        return found[: len(root.fetched)]

    def _places(self) -> dict[int, np.ndarray]:
        """Return the memory of outputs that all ranks gather, by their numbers."""
        if self._gathered is None or self._function is None:
            return {}
        turn = self._gathered.turn
        if turn not in self._placed:
            self._placed[turn] = {
                number: piece.reshape(known_sizes(self.outputs[number].shape, "a piece"))
                for number, piece in zip(self._piece_numbers, self._gathered.own, strict=True)
                if piece.flags.aligned
            }
        return self._placed[turn]

    def _totals(self, arrays: Mapping[Node, np.ndarray]) -> dict[Node, np.ndarray]:
        """Return the sums over all elements, from what each rank has of them."""
        sums = {node: sums_of_blocks(array) for node, array in arrays.items()}
        if self._ranks.size == 1:
            return {node: np.asarray(sum_of_all(one)) for node, one in sums.items()}
        of_ranks = [self._blocks_of(owned) for owned in self._owned]
        sizes = [np.dtype(node.dtype).itemsize for node in self._spread.totals]
        lengths = [int(np.dot(counts, sizes)) for counts in of_ranks]
        whole = np.empty(sum(lengths), "uint8")
        ends = list(accumulate(lengths, initial=0))
        rank = self._ranks.rank
        own = [as_bytes(sums[node]) for node in self._spread.totals if node in sums]
        np.concatenate([whole[:0], *own], out=whole[ends[rank] : ends[rank + 1]])
        self._ranks.all_gather(whole, lengths).wait()
        parts: dict[Node, list[np.ndarray]] = {node: [] for node in self._spread.totals}
        start = 0
        for counts in of_ranks:
            for node, count, size in zip(parts, counts, sizes, strict=True):
                parts[node].append(whole[start : start + count * size])
                start += count * size
        return {
            node: np.asarray(sum_of_all(np.concatenate(several).view(node.dtype)))
            for node, several in parts.items()
        }

    def _blocks_of(self, owned: Mapping[int, Piece]) -> list[int]:
        """Return how many blocks a rank has of each of the sums over all elements."""
        parameters, counts = self._spread.parameters, []
        for total in self._spread.totals.values():
            piece = owned.get(total.parameter, _NOTHING)
            size = len(piece)
            if size and parameters[total.parameter].is_whole:
                size = math.prod(known_sizes(total.x.shape, "a parameter"))
            counts.append(block_count(size))
        return counts

    # ---- states ---------------------------------------------------------------------------------

    def _take_pieces(self) -> None:
        """Keep this rank's pieces alone of states that lie elsewhere, or were set."""
        placed: list[tuple[State, np.ndarray | DeviceValue]] = []
        for state, one in self._states.items():
            if state.value is one:
                continue
            one.register()
            if isinstance(state.value, SpreadArray):  # in other pieces, on all ranks
                state.assign(state.value.to_host())
            if one.variable is not None:
                placed.append((one.variable.attrs["state"], one.cut(state.get())))
            placed.append((state, one))
        if placed:
            assign_together(placed)


_of_states: WeakKeyDictionary[State, _SpreadState] = WeakKeyDictionary()


class _SpreadState(SpreadArray):
    """The value of a state of which each rank has a piece.

    Attributes:
        variable: the shared variable of this rank's piece; None where it has none.
        is_torn: a step ended between the update of the state and that of the weights.
    """

    def __init__(
        self, state: State, name: str, pieces: Sequence[Piece], ranks: Transport[np.ndarray]
    ) -> None:
        shape, dtype = state.shape, np.dtype(state.dtype)
        super().__init__(ranks, shape, dtype, pieces, self._elements)
        self._state, self._name, self.is_torn = ref(state), name, False
        self._piece = pieces[ranks.rank]
        size = len(self._piece)
        self.variable: Node | None = None
        if size:
            is_all = size == math.prod(shape)
            self.variable = shared_without_copy(np.zeros(shape if is_all else (size,), dtype), name)

    @classmethod
    def of(
        cls, state: State, name: str, pieces: Sequence[Piece], ranks: Transport[np.ndarray]
    ) -> _SpreadState:
        """Return the one that the state has in these pieces, whichever functions update it."""
        found = _of_states.get(state)
        if found is None or found.pieces != list(pieces):
            found = _of_states[state] = cls(state, name, pieces, ranks)
        return found

    def to_host(self) -> np.ndarray:
        """Return the whole, with all other ranks."""
        if self.is_torn:
            raise _torn(self._name)
        return super().to_host()

    def cut(self, whole: np.ndarray) -> np.ndarray:
        """Return a copy of this rank's elements."""
        assert self.variable is not None
        piece = whole.reshape(-1)[self._piece.start : self._piece.stop]
        return piece.reshape(self.variable.shape).copy()

    def _elements(self) -> np.ndarray:
        if self.is_torn:
            raise _torn(self._name)
        state = self._state()
        if self.variable is None or state is None:
            return np.empty(0, self._dtype)
        return self.variable.get_value() if state.value is self else self.cut(state.get())


def _torn(name: str) -> RankError:
    return RankError(
        f"{name}: a step of training ended halfway, so that the optimizer's state is not that of "
        "the weights: start the program again, from its last checkpoint"
    )


def moved(arrays: Mapping[Node, np.ndarray], sums: Mapping[Node, Moved]) -> Arrays:
    """Return sums with their elements where the root reads them."""
    found = []
    for one in sums.values():
        array = arrays[one.source]
        for move in one.moves:
            if move.op == "transpose":
                array = array.transpose(move.attrs["order"])
            elif move.op == "flip":
                array = np.flip(array, move.attrs["axes"])
            else:
                array = array.reshape(move.attrs["shape"])
        found.append(np.ascontiguousarray(array) if array.ndim else array)
    return found


def _ran(
    function: Function | None,
    feeds: Mapping[Node, Any],
    specialised: Specialised,
    into: Mapping[int, np.ndarray],
) -> list[np.ndarray]:
    """Run a function, if there is one, and return what is fetched; see `Prepared.run`."""
    if function is None:
        return []
    known = specialised.get(function)
    if known is None:
        prepared, bindings = function.bound([feeds[node] for node in function.inputs])
        pairs = list(zip(function.inputs, prepared.inputs, strict=True))
        known = specialised[function] = prepared, bindings, pairs
    prepared, bindings, pairs = known
    return prepared.run({inner: feeds[node] for node, inner in pairs}, bindings, into=into)
