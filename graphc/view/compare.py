"""The comparison of two builds of a model.

Layers and kernels of the two are paired by what they are and what they compute; names count on in
a process, and positions shift where one kernel more or less comes before. Of the times only those
that differ by more than they spread count as different, as `is_close` says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from graphc.package_version import __version__
from graphc.view.document import (
    FORMAT,
    BuildFact,
    ComparedBuilds,
    KernelPair,
    LayerPair,
)

_LEAST_ALIKE = 0.5
"""Of the nodes of two kernels together those that both compute, for the two to be one kernel that
changed. Below it most of what a reader would see is different."""

_MOST_ELSEWHERE = 3
"""Kernels of the other build that a kernel without counterpart names."""

_MOST_HOLDERS = 64
"""Kernels that compute nodes of one label, for the label to lead to them: an update's are the same
for each weight."""

_SILENT = ("constant", "dim")
"""Ops that each reader computes for itself."""

Document = dict[str, Any]
TimeStatistics = Mapping[str, float]
Label = tuple[str | None, str, str]
"""Of a node: its layer, by the name in the first build, its phase and its op."""


def compare(before: Document, after: Document, names: tuple[str, str]) -> ComparedBuilds:
    """Return two documents side by side, as JSON has them, and which of their parts belong
    together.

    Args:
        names: what the builds are called.
    """
    layers = _layer_pairs(before["layers"], after["layers"])
    known = {pair.after: pair.before for pair in layers if pair.before is not None}
    # A layer that the first build lacks has no name there, even if one of its layers has this one.
    renamed = {
        layer["name"]: known.get(layer["name"], f"\0{layer['name']}") for layer in after["layers"]
    }
    first, second = _Kernels(before, {}), _Kernels(after, renamed)
    return ComparedBuilds(
        format=FORMAT,
        graphc=__version__,
        names=names,
        builds=(before, after),
        facts=tuple(_facts(before, after)),
        step_is_close=_is_close(
            *(None if one is None else one["step"] for one in (first.measured, second.measured))
        ),
        layers=tuple(layers),
        kernels=tuple(_kernel_pairs(first, second)),
    )


def is_close(before: TimeStatistics, after: TimeStatistics) -> bool:
    """Return True if two times may differ by chance: their quartiles overlap."""
    distance = abs(after["median"] - before["median"])
    return distance <= (before["spread"] + after["spread"]) / 2


def _is_close(before: TimeStatistics | None, after: TimeStatistics | None) -> bool | None:
    return None if before is None or after is None else is_close(before, after)


def _facts(before: Document, after: Document) -> Iterator[BuildFact]:
    """Facts of the builds, and of how they were made and measured, that differ."""
    first, second = _made_of(before), _made_of(after)
    if before["measured"] is not None and after["measured"] is not None:
        first |= _measured_with(before["measured"])
        second |= _measured_with(after["measured"])
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name, ""), second.get(name, "")
        if one != other:
            yield BuildFact(name, one, other)


def _made_of(document: Document) -> dict[str, str]:
    kernels = document["kernels"]
    found = {name: str(kernels[name]) for name in ("model", "summary", "target")}
    found |= {name: str(size) for name, size in kernels["sizes"].items()}
    return {**found, "graphc": document["graphc"], **document["flags"]}


def _measured_with(measured: Document) -> dict[str, str]:
    facts = {"executor": measured["executor"]} | measured["facts"]
    facts |= facts.pop("flags", {})
    return {f"measured: {name}": str(fact) for name, fact in facts.items() if name != "date"}


def _layer_pairs(before: Sequence[Document], after: Sequence[Document]) -> list[LayerPair]:
    """The layers of both builds, in the order of the second; one that it lacks stands where it was
    among the others."""
    found = _aligned_layers(before, after)
    names = {after[k]["name"]: before[j]["name"] for j, k in found.items()}
    pairs = []
    for j, k in _in_order(len(before), len(after), found):
        one, other = (None if j is None else before[j]), (None if k is None else after[k])
        pairs.append(
            LayerPair(
                None if one is None else one["name"],
                None if other is None else other["name"],
                () if one is None or other is None else tuple(_layer_changes(one, other, names)),
            )
        )
    return pairs


def _layer_changes(before: Document, after: Document, names: Mapping[str, str]) -> Iterator[str]:
    for what in ("kind", "type", "parameters"):
        if before[what] != after[what]:
            yield what
    now = {names.get(edge["source"]) for edge in after["reads"]}
    if {edge["source"] for edge in before["reads"]} != now:
        yield "reads"


def _aligned_layers(before: Sequence[Document], after: Sequence[Document]) -> dict[int, int]:
    """The positions in `after` by those in `before` of layers that are one.

    Where all are alike in class, type and parameters, one after the other, they are the same,
    whatever their names. Else those of one name and class are, then those that are alike, in order,
    then those of one name.
    """

    def alike(layer: Document) -> Hashable:
        return layer["kind"], layer["type"], layer["parameters"]

    if [*map(alike, before)] == [*map(alike, after)]:
        return {k: k for k in range(len(before))}
    found: dict[int, int] = {}
    keys: tuple[Callable[[Document], Hashable], ...] = (
        lambda layer: (layer["name"], layer["kind"]),
        alike,
        lambda layer: layer["name"],
    )
    for key in keys:
        taken = set(found.values())
        first = [k for k in range(len(before)) if k not in found]
        second = [k for k in range(len(after)) if k not in taken]
        matcher = SequenceMatcher(
            None, [key(before[k]) for k in first], [key(after[k]) for k in second], autojunk=False
        )
        for j, k, size in matcher.get_matching_blocks():
            found.update(zip(first[j : j + size], second[k : k + size], strict=True))
    return found


def _in_order(
    before: int, after: int, found: Mapping[int, int]
) -> list[tuple[int | None, int | None]]:
    """All positions of two lists, those of one pair together, in the order of the second; one that
    is in the first alone stands ahead of what followed it there."""
    places: list[tuple[int, int, int | None, int | None]] = []
    following = after
    for j in reversed(range(before)):
        if j in found:
            following = found[j]
        else:
            places.append((following, j - before, j, None))
    back = {k: j for j, k in found.items()}
    places += [(k, 0, back.get(k), k) for k in range(after)]
    return [(j, k) for *_, j, k in sorted(places, key=lambda place: place[:2])]


class _Kernels:
    """The kernels of one build, and what each computes.

    Attributes:
        rows: as `KernelDescription.as_dict` describes them.
        nodes: of each, those that it computes, with their labels.
        work: of each, how many nodes it computes of each label.
        sized: of each, how many nodes it computes of each label and type.
        measured: as `Report.as_dict` has it, or None.
        codes: of each, the digest of its function.
    """

    def __init__(self, document: Document, renamed: Mapping[str, str]):
        self.rows: Sequence[Document] = document["kernels"]["kernels"]
        nodes = document["nodes"]

        def label(node: Document) -> Label:
            layer = node["layer"]
            return renamed.get(layer, layer), node["phase"], node["op"]

        self.nodes: list[list[tuple[Label, int]]] = [
            [(label(nodes[k]), k) for k in links["nodes"] if nodes[k]["op"] not in _SILENT]
            for links in document["kernel_links"]
        ]
        self.work = [Counter(one for one, _ in computed) for computed in self.nodes]
        self.sized = [
            Counter((one, nodes[k]["type"]) for one, k in computed) for computed in self.nodes
        ]
        self.measured: Document | None = document["measured"]
        rows = [] if self.measured is None else self.measured["rows"]
        self._times: dict[str, TimeStatistics] = {row["name"]: row["ms"] for row in rows}
        self.codes: list[str] = [links["code"] for links in document["kernel_links"]]

    def time(self, kernel: int) -> TimeStatistics | None:
        """The time of one launch, where it was measured."""
        return self._times.get(self.rows[kernel]["name"])


def _kernel_pairs(before: _Kernels, after: _Kernels) -> Iterator[KernelPair]:
    found = _same_work(before, after)
    found |= _similar_work(before, after, found)
    to_after, to_before = _holders(after), _holders(before)
    for j, k in _in_order(len(before.rows), len(after.rows), found):
        if j is None:
            assert k is not None
            yield KernelPair(None, k, (), None, (), (), _elsewhere(after.work[k], to_before))
        elif k is None:
            yield KernelPair(j, None, (), None, (), (), _elsewhere(before.work[j], to_after))
        else:
            yield KernelPair(
                j,
                k,
                tuple(_kernel_changes(before, j, after, k)),
                _is_close(before.time(j), after.time(k)),
                _surplus(before.nodes[j], after.work[k]),
                _surplus(after.nodes[k], before.work[j]),
                (),
            )


def _kernel_changes(before: _Kernels, j: int, after: _Kernels, k: int) -> Iterator[str]:
    one, other = before.rows[j], after.rows[k]
    if before.work[j] != after.work[k]:
        yield "nodes"
    elif before.sized[j] != after.sized[k]:
        yield "types"
    for what in ("kind", "launch", "flops", "fewest", "moved"):
        if one[what] != other[what]:
            yield what
    if before.codes[j] != after.codes[k]:
        yield "source"


def _same_work(before: _Kernels, after: _Kernels) -> dict[int, int]:
    """Pair the kernels that compute the same: first those that write values of one name, then the
    others in order."""
    found: dict[int, int] = {}
    for with_values in (True, False):
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for k in _left(len(after.rows), found.values()):
            waiting[_key(after, k, with_values)].append(k)
        for lined in waiting.values():
            lined.reverse()
        for j in _left(len(before.rows), found):
            if lined := waiting.get(_key(before, j, with_values), []):
                found[j] = lined.pop()
    return found


def _key(kernels: _Kernels, kernel: int, with_values: bool) -> Hashable:
    row = kernels.rows[kernel]
    writes = tuple(row["writes"]) if with_values else ()
    return frozenset(kernels.sized[kernel].items()), row["continues"] is None, writes


def _similar_work(before: _Kernels, after: _Kernels, found: Mapping[int, int]) -> dict[int, int]:
    """Pair those kernels, of which no other computes the same, that share most of their nodes;
    their sizes may differ."""
    first = _by_work(before, _left(len(before.rows), found))
    second = _by_work(after, _left(len(after.rows), found.values()))
    holders: dict[Hashable, list[frozenset[tuple[Hashable, int]]]] = defaultdict(list)
    for work in second:
        for label, _ in work:
            holders[label].append(work)
    alike = []
    for place, work in enumerate(first):
        shared = {other for label, _ in work for other in holders[label]}
        scored = ((_likeness(dict(work), dict(other)), other) for other in shared)
        alike += [(-score, place, min(second[other]), work, other) for score, other in scored]
    pairs: dict[int, int] = {}
    for score, _, _, work, other in sorted(alike, key=lambda one: one[:3]):
        if -score < _LEAST_ALIKE:
            break
        count = min(len(first[work]), len(second[other]))
        pairs |= dict(zip(first[work][:count], second[other][:count], strict=True))
        del first[work][:count], second[other][:count]
    return pairs


def _by_work(
    kernels: _Kernels, left: Iterable[int]
) -> dict[frozenset[tuple[Hashable, int]], list[int]]:
    """Kernels by what they compute for layers, whatever its types; an optimizer's nodes, which are
    alike for all weights, count in kernels that compute nothing else."""
    found: dict[frozenset[tuple[Hashable, int]], list[int]] = defaultdict(list)
    for k in left:
        of_layers = any(layer is not None for layer, *_ in kernels.work[k])
        work: Counter[Hashable] = Counter()
        for label, count in kernels.work[k].items():
            if label[0] is not None or not of_layers:
                work[label] += count
        found[frozenset(work.items())].append(k)
    return dict(found)


def _likeness(one: Mapping[Hashable, int], other: Mapping[Hashable, int]) -> float:
    """Of the nodes of both together the part that both have."""
    both = sum(min(count, other.get(label, 0)) for label, count in one.items())
    return both / (sum(one.values()) + sum(other.values()) - both)


def _surplus(nodes: Sequence[tuple[Label, int]], others: Mapping[Label, int]) -> tuple[int, ...]:
    """The nodes of a kernel that its counterpart does not compute."""
    left = Counter(others)
    found = []
    for label, node in nodes:
        left[label] -= 1
        if left[label] < 0:
            found.append(node)
    return tuple(found)


def _holders(kernels: _Kernels) -> dict[Label, list[int]]:
    """The kernels that compute a node of a label."""
    found: dict[Label, list[int]] = defaultdict(list)
    for k, work in enumerate(kernels.work):
        for label in work:
            found[label].append(k)
    return {label: some for label, some in found.items() if len(some) <= _MOST_HOLDERS}


def _elsewhere(work: Iterable[Label], holders: Mapping[Label, list[int]]) -> tuple[int, ...]:
    """The kernels of the other build that compute the most of the same nodes."""
    counts = Counter(k for label in work for k in holders.get(label, ()))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(k for k, _ in ranked[:_MOST_ELSEWHERE])


def _left(count: int, taken: Iterable[int]) -> list[int]:
    found = set(taken)
    return [k for k in range(count) if k not in found]
