"""Fusion: stored nodes are divided into groups, one kernel each, without a cycle between groups.

The algorithm is greedy: in topological order, each node begins a group of its own, which absorbs
the groups that it reads from (its producers) while they fit. Whether two groups fit depends on
their kinds and on the elements at which the one reads the other
(`graphc.compiler.schedule.relation`):

- elementwise nodes absorb any producer of the same shape that they read at their own element;
- a reduction absorbs elementwise producers, and reductions of the same shape along the same axes,
  so that softmax with its loss and gradient, or layer normalisation, is one group;
- a pooling whose windows do not overlap absorbs elementwise producers that nothing else reads. If
  its windows cover each element, it also absorbs producers with other readers, and stores them;
- the argmax of a pooling and the gathers at it are computed in one pass (`window_passes`);
- a pooling of 2 x 2, or 2 x 2 x 2, absorbs a convolution whose tiles it divides (`pooling`), with
  its epilogue. That saves reading the convolution's result, and writing it if it has no other
  readers. On a CPU, any pooling whose windows do not overlap absorbs its convolution;
- products of one size that an elementwise node adds are fused (the gates of an LSTM);
- on a CPU, what only a reduction reads is left to it, not computed with a product that is stored;
- readers of a reduction with few results (the statistics of a batch) are not fused with it: its
  kernel has few blocks, which would do all their work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.group import (
    ELEMENT,
    INLINED,
    ROW,
    WINDOWED,
    Group,
    alone,
    pass_group,
    title,
)
from graphc.compiler.schedule.inline import MOST_POINTERS, Scope, nbytes, reads_once
from graphc.compiler.schedule.pooling import covers_each_element, fusion_blocker, is_pooling
from graphc.compiler.schedule.relation import SAME, Relation, Split, readings
from graphc.compiler.schedule.window_passes import window_passes

# Limits of one kernel: with more nodes, or accumulators of more products or sums, registers spill.
MOST_NODES = 96
MOST_PRODUCTS = 4
MOST_SUMS = 8  # reductions of groups that do not depend on each other

# The number of latest groups among which a sibling is searched: in a large model most older ones
# are full, or depend on the group.
MOST_CANDIDATES = 32

# A reduction to at most so many results, or a product of at most so many bytes, leaves most
# multiprocessors of a GPU idle.
FEW_RESULTS = 1024
SMALL_PRODUCT_BYTES = 1 << 20

Tags: TypeAlias = dict[Node, str]
"""The tag of each node: `ELEMENT`, `ROW`, `INLINED` or `WINDOWED`."""


def groups(scope: Scope, outputs: Sequence[Node], cpu: bool = False) -> list[Group]:
    """Return the stored nodes of a scope, divided into a group for each kernel; `cpu` is True if a
    CPU runs them."""
    return _Fusion(scope, outputs, cpu).run()


class _Fusion:
    """The groups of a scope while they are made."""

    def __init__(self, scope: Scope, outputs: Sequence[Node], cpu: bool):
        self._scope = scope
        self._cpu = cpu
        self._outputs = set(outputs)
        self._group_of: dict[Node, Group] = {}
        self._alive: dict[int, Group] = {}
        self._holders: dict[int, Group] = {}  # the group that a bit stands for now
        self._readings = {
            node: tuple(readings(node, scope)) for node in scope.order if node not in scope.inline
        }
        self._readers: dict[Node, list[Node]] = {}
        for node, found in self._readings.items():
            for x, _ in found:
                self._readers.setdefault(x, []).append(node)

    def run(self) -> list[Group]:
        stored = set(self._scope.stored())
        pass_of = {node: one for one in window_passes(self._scope.order) for node in one}
        for node in self._scope.order:
            if node in pass_of:
                if node is not pass_of[node][-1]:
                    continue
                group = pass_group(pass_of[node])
            elif node in stored:
                group = alone(node)
            elif node.op == "scan":
                group = Group("scan", (), {node: ELEMENT})
            else:
                if node.op == "item":
                    self._group_of[node] = self._group_of[node.inputs[0]]
                continue
            self._begin(group)
            if node.op != "scan":
                self._absorb_producers(group)
        self._join_siblings()
        found = [group for group in self._alive.values() if group.kind != "scan"]
        for group in found:
            group.reasons = self._reasons(group)
        return found

    def _reasons(self, group: Group) -> tuple[str, ...]:
        """Return a sentence for each producer that was not absorbed, neither directly nor with
        another group."""
        sentences: dict[int, str] = {}
        for node, refusal in group.refusals.items():
            other = self._group_of[node]
            if other is not group:
                sentences.setdefault(other.number, f"not fused with {title(other)}: {refusal}")
        return tuple(sentences.values())

    def _begin(self, group: Group) -> None:
        group.number = len(self._group_of)  # grows with every group, so it is new
        group.bits = 1 << group.number
        self._holders[group.number] = group
        for node in group.nodes:
            self._group_of[node] = group
            group.reads.update(x for x, _ in self._readings[node])
        for producer in self._producers(group):
            group.ancestors |= producer.ancestors | 1 << producer.number
            producer.readers.add(group.number)
        self._alive[group.number] = group

    def _producers(self, group: Group) -> list[Group]:
        """Return the groups that a group reads from, the latest first."""
        found = {
            read.number: read
            for x in group.reads
            if (read := self._group_of.get(x)) is not None and read is not group
        }
        return [found[number] for number in sorted(found, reverse=True)]

    def _absorb_producers(self, group: Group) -> None:
        refused: set[int] = set()
        while True:
            waiting = [x for x in self._producers(group) if x.number not in refused]
            if not waiting:
                return
            producer = waiting[0]
            fit = self._fit(group, producer)
            if isinstance(fit, str):
                refused.add(producer.number)
                group.refusals.setdefault(next(iter(producer.nodes)), fit)
            else:
                self._merge(group, producer, fit)

    def _join_siblings(self) -> None:
        """Merge small groups of the same shape that do not depend on each other: launches of one
        stream do not overlap, so each would leave most of a GPU idle."""
        alike: dict[tuple[Any, ...], deque[Group]] = {}
        for group in list(self._alive.values()):
            key = _sibling_key(group)
            if key is None or not self._may_be_of_several(group):
                continue
            candidates = alike.setdefault(key, deque(maxlen=MOST_CANDIDATES))
            for other in candidates:
                if self._are_siblings(group, other):
                    self._merge(group, other, {})
                    candidates.remove(other)
                    break
            if len(group.anchors) < _most_anchors(group):
                candidates.append(group)

    def _are_equal(self, group: Group, producer: Group) -> bool:
        """Return True if both hold products that one kernel may have."""
        may_be = self._may_be_of_several(group) and self._may_be_of_several(producer)
        return may_be and _are_equal_products(group, producer)

    def _may_be_of_several(self, group: Group) -> bool:
        """Return True if a kernel may have a group's products and others. On a CPU those of many
        matrices are mapped one by one."""
        products = group.anchors if self._cpu and group.kind == "matmul" else ()
        return all(node.inputs[1].ndim == 2 for node in products)

    def _are_siblings(self, group: Group, other: Group) -> bool:
        """Return True if merging two groups of one `_sibling_key` is possible and pays."""
        if group.ancestors & other.bits or other.ancestors & group.bits:
            return False
        if group.anchors:
            fits = len(group.anchors) + len(other.anchors) <= _most_anchors(group)
        else:
            # It pays if an operand is then read once, or in a loop, where launches recur.
            shared = (group.reads - group.nodes.keys()) & (other.reads - other.nodes.keys())
            fits = bool(shared) or bool(self._scope.counters)
        return fits and self._fit_in_one_kernel(group, other)

    # ---- conditions of fusion -------------------------------------------------------------------

    def _fit(self, group: Group, producer: Group) -> str | Tags:
        """Return the reason why a group cannot absorb a producer; else the tags that change."""
        if producer.kind == "scan":
            return "it is a loop"
        if not self._fit_in_one_kernel(group, producer):
            return "one kernel would have too many nodes or buffers"
        fit: str | Tags
        if self._inlines_producer(group, producer):
            fit = dict.fromkeys(producer.nodes, INLINED)
        elif producer.kind == "conv" and is_pooling(group):
            merged = {**producer.nodes, **group.nodes}
            is_stored = any(self._is_stored(x, merged) for x in producer.nodes)
            blocker = fusion_blocker(group, producer, self._scope, is_stored=is_stored)
            fit = blocker or dict.fromkeys(group.nodes, WINDOWED)
        elif self._reads_windows(group, producer):
            fit = dict.fromkeys(group.nodes, WINDOWED)
        elif self._cpu and self._is_left_for_reductions(group, producer):
            fit = "a reduction behind computes it, and the product is stored in any case"
        elif group.reduces or producer.reduces:
            fit = self._fit_reduction(group, producer)
        elif group.elementwise or producer.elementwise or self._are_equal(group, producer):
            fit = self._fit_tagged(group, producer, (), {})
        else:
            fit = f"{_article(group.kind)} and {_article(producer.kind)} are kernels of their own"
        return fit if isinstance(fit, str) else self._cycle(group, producer) or fit

    def _inlines_producer(self, group: Group, producer: Group) -> bool:
        """Return True if a group is a pooling that reads each of the producer's elements once, so
        that it may compute them on the fly. If others read them too, its windows have to cover
        every element, and it stores them."""
        if not is_pooling(group) or not producer.elementwise:
            return False
        if not all(reads_once(node) for node, tag in group.nodes.items() if tag != INLINED):
            return False
        if self._is_private(producer, group):
            return True
        stored = [
            x for x in producer.nodes if self._is_stored(x, {**producer.nodes, **group.nodes})
        ]
        return covers_each_element(group, producer, stored, self._scope) and not any(
            (x, SAME) in self._readings[reader]
            for x in stored
            for reader in self._readers.get(x, ())
            if reader not in producer.nodes and reader not in group.nodes
        )

    def _is_left_for_reductions(self, group: Group, producer: Group) -> bool:
        """Return True if an elementwise group computes nothing but what reductions behind it read,
        each value once, from a product that is stored in any case: with the product it would be
        stored beside it, as the terms of the gradient of each weight of a depthwise convolution."""
        if not group.elementwise or producer.kind not in ("conv", "matmul"):
            return False
        read = [x for x in group.reads if x in producer.nodes]
        merged = {**producer.nodes, **group.nodes}
        return all(self._is_stored(x, merged) for x in read) and all(
            self._is_only_reduced(node) for node in group.nodes
        )

    def _is_only_reduced(self, node: Node) -> bool:
        """Return True if all that is made of a node is one reduction, behind elementwise nodes."""
        while node not in self._outputs:
            readers = self._readers.get(node, ())
            if len(readers) != 1 or (node, SAME) not in self._readings[readers[0]]:
                return False
            (node,) = readers
            if OPS[node.op].family == "reduce":
                return True
            if OPS[node.op].family != "pointwise":
                return False
        return False

    def _reads_windows(self, group: Group, producer: Group) -> bool:
        """Return True if an elementwise group has one value for each window of a pooling in the
        producer."""
        if producer.windows is None or not group.elementwise:
            return False
        return all(product(node.shape) == producer.windows for node in group.nodes) and all(
            relation == SAME and producer.nodes[x] == WINDOWED
            for node in group.nodes
            for x, relation in self._readings[node]
            if x in producer.nodes
        )

    def _cycle(self, group: Group, producer: Group) -> str:
        """Name a group that reads the producer and that the group reads: fusing the two would close
        a cycle. Empty if there is none."""
        for other in self._producers(group):
            if other is not producer and other.ancestors & producer.bits:
                return f"{title(other)} reads the one and is read by the other"
        return ""

    def _fit_reduction(self, group: Group, producer: Group) -> str | Tags:
        """As `_fit`, if at least one of the two groups reduces."""
        for other in (group, producer):
            if not other.reduces and not other.elementwise:
                what = "product" if other.kind in ("matmul", "conv") else other.kind
                return f"a row of the {what} is spread over tiles"
        if group.reduces and producer.reduces and group.split != producer.split:
            return "it reduces other elements, or along other axes"
        if (
            producer.reduces
            and producer.has_few_rows
            and self._delays_other_readers(group, producer)
        ):
            return "its other readers would wait for more"
        if group.reduces and producer.reduces:
            return self._fit_tagged(group, producer, group.split, {})
        reduction, plain = (producer, group) if producer.reduces else (group, producer)
        # The elementwise group has one value an element, or one a row.
        by_element = dict.fromkeys(plain.nodes, ELEMENT)
        fit = self._fit_tagged(group, producer, reduction.split, by_element)
        if isinstance(fit, str):
            by_row = dict.fromkeys(plain.nodes, ROW)
            return self._fit_tagged(group, producer, reduction.split, by_row)
        if reduction.has_few_rows and not self._is_private(plain, reduction):
            return "it has few results, so that few blocks would do the work"
        return fit

    def _delays_other_readers(self, group: Group, producer: Group) -> bool:
        """Return True if the producer has other readers, which after fusion would wait for the
        group's own inputs, too (the gradient of a mean, which reads the count of its terms, would
        wait for the mean)."""
        known = producer.ancestors | producer.bits
        waits = group.ancestors & ~known
        while waits:
            ancestor = self._holders[waits.bit_length() - 1]
            if not ancestor.bits & known:
                return not self._is_private(producer, group)
            waits &= ~ancestor.bits  # the producer knows it by another of its bits
        return False

    def _fit_tagged(self, group: Group, producer: Group, split: Split, tags: Tags) -> str | Tags:
        """Return `tags` if, with these tags, a group reads the producer only at the elements that
        its own threads compute; else the reason why not. `split` divides the elements into rows."""
        for node, own in group.nodes.items():
            reader = tags.get(node, own)
            if OPS[node.op].family == "reduce":
                reader = ELEMENT
            for x, relation in self._readings[node]:
                if x not in producer.nodes:
                    continue
                if not _fits(reader, relation, tags.get(x, producer.nodes[x]), split):
                    return f"{node.op} reads {x.op} at other elements than its own"
        return tags if self._same_extents(group, producer, split, tags) else "its extents differ"

    def _same_extents(self, group: Group, producer: Group, split: Split, tags: Tags) -> bool:
        """Return True if each node of both groups has one value for each element, or each row, as
        its tag says."""
        elements = product(size for size, _ in split) if split else product(producer.extents)
        rows = product(size for size, stays in split if stays)
        for part in (group, producer):
            for node, own in part.nodes.items():
                tag = tags.get(node, own)
                if tag in (INLINED, WINDOWED):
                    continue
                if product(node.shape) != (rows if tag == ROW else elements):
                    return False
        return True

    def _is_private(self, plain: Group, reader: Group) -> bool:
        """Return True if only the group `reader` reads the results of the group `plain`."""
        members = {**plain.nodes, **reader.nodes}
        return not any(self._is_stored(node, members) for node in plain.nodes)

    def _is_stored(self, node: Node, members: dict[Node, str]) -> bool:
        """Return True if a kernel of these members has to store the node, because it is an output
        or has a reader outside."""
        return node in self._outputs or any(x not in members for x in self._readers.get(node, ()))

    def _fit_in_one_kernel(self, group: Group, other: Group) -> bool:
        """Return True if two groups have few enough nodes and buffers for one kernel."""
        nodes = {**other.nodes, **group.nodes}
        if len(nodes) > MOST_NODES:
            return False
        read = len((group.reads | other.reads) - nodes.keys())
        written = sum(self._is_stored(node, nodes) for node in nodes)
        return read + written <= MOST_POINTERS

    # ---- merging --------------------------------------------------------------------------------

    def _merge(self, group: Group, producer: Group, tags: Tags) -> None:
        """Move the producer's nodes into the group; `tags` replaces the tags of some."""
        if group.elementwise and producer.elementwise:
            kinds = (group.kind, producer.kind)
            group.kind = "gather" if "gather" in kinds else "pointwise"
        elif group.elementwise or WINDOWED in tags.values():
            group.kind, group.extents = producer.kind, producer.extents
            group.reduced, group.split = producer.reduced, producer.split
        pooling = WINDOWED in tags.values()  # it does not settle the kind
        group.anchors = producer.anchors if pooling else (*producer.anchors, *group.anchors)
        group.nodes = {
            node: tags.get(node, own) for node, own in {**producer.nodes, **group.nodes}.items()
        }
        group.reads |= producer.reads
        group.refusals = {**producer.refusals, **group.refusals}
        self._group_of.update(dict.fromkeys(producer.nodes, group))
        del self._alive[producer.number]
        for number in _numbers(producer.bits):
            self._holders[number] = group
        group.bits |= producer.bits
        group.ancestors = (group.ancestors | producer.ancestors) & ~group.bits
        group.readers = (group.readers | producer.readers) - {group.number, producer.number}
        for read in self._producers(group):
            read.readers.add(group.number)
        self._extend_ancestors(group)

    def _extend_ancestors(self, group: Group) -> None:
        """Add a group's ancestors to the groups that depend on it, which have one of its own bits
        already. The search ends at a group that gets no new ancestor, since its readers get none
        either."""
        waiting = [group]
        while waiting:
            needed = waiting.pop()
            for number in needed.readers:
                reader = self._alive.get(number)
                if reader is not None and needed.ancestors & ~reader.ancestors:
                    reader.ancestors |= needed.ancestors
                    waiting.append(reader)


def _numbers(bits: int) -> Iterator[int]:
    """Yield the positions of the bits that are set."""
    while bits:
        number = bits.bit_length() - 1
        yield number
        bits ^= 1 << number


def _most_anchors(group: Group) -> int:
    return MOST_PRODUCTS if group.kind == "matmul" else MOST_SUMS


def _sibling_key(group: Group) -> tuple[Any, ...] | None:
    """Return a key that is equal for two groups worth joining as siblings; None where joining a
    group with a sibling does not pay."""
    if group.kind == "pointwise":
        return ("pointwise", product(group.extents))
    if group.reduces:
        kept = product(size for size, stays in group.split if stays)
        few = not isinstance(kept, Dim) and kept <= FEW_RESULTS
        return (group.kind, group.split) if few else None
    if group.kind == "matmul":  # one tile of the left operand serves both
        node = group.anchors[0]
        left = node.inputs[0]
        return ("matmul", node.shape, left) if nbytes(node) <= SMALL_PRODUCT_BYTES else None
    return None


def _fits(reader: str, relation: Relation, read: str, split: Split) -> bool:
    """Return True if a node tagged `reader` may read one tagged `read` at `relation`."""
    if relation == SAME:
        return reader == read
    return reader == ELEMENT and read == ROW and relation == split


def _are_equal_products(group: Group, producer: Group) -> bool:
    """Return True if both hold products of one size, few enough to keep all their sums in
    registers."""
    anchors = (*group.anchors, *producer.anchors)
    if group.kind != "matmul" or producer.kind != "matmul" or len(anchors) > MOST_PRODUCTS:
        return False
    sizes = {(node.shape, node.inputs[0].shape[-1]) for node in anchors}
    return len(sizes) == 1


def _article(kind: str) -> str:
    """Return a kind with its article, for a reason."""
    return {"conv": "a convolution", "window": "pooling", "scatter": "a scatter"}.get(
        kind, "a product"
    )
