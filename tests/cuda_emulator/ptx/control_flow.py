"""Where lanes that part at a branch meet again: the branch's immediate post-dominator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def reconvergence(
    successors: Sequence[Sequence[int]],
) -> list[int]:
    """Return, for each block, the number of its immediate post-dominator.

    Args:
        successors: of each block, by number. A block without any ends the kernel, as does the block
            ``len(successors)``, which is the post-dominator of what meets only at the end.
    """
    end = len(successors)
    predecessors: list[list[int]] = [[] for _ in range(end + 1)]
    for block, following in enumerate(successors):
        for other in following or (end,):
            predecessors[other].append(block)
    order = _reverse_postorder(end, predecessors)
    rank = {block: k for k, block in enumerate(order)}
    # Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm", on the reversed graph.
    nearest: dict[int, int] = {end: end}
    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            known = [other for other in successors[block] or (end,) if other in nearest]
            meeting = known[0]
            for other in known[1:]:
                meeting = _meet(meeting, other, nearest, rank)
            if nearest.get(block) != meeting:
                nearest[block] = meeting
                changed = True
    # An endless loop has no way to the end.
    return [nearest.get(block, end) for block in range(end)]


def _reverse_postorder(start: int, following: Sequence[Sequence[int]]) -> list[int]:
    seen, order = {start}, []
    stack = [(start, iter(following[start]))]
    while stack:
        block, rest = stack[-1]
        for other in rest:
            if other not in seen:
                seen.add(other)
                stack.append((other, iter(following[other])))
                break
        else:
            order.append(block)
            stack.pop()
    return order[::-1]


def _meet(one: int, other: int, nearest: Mapping[int, int], rank: Mapping[int, int]) -> int:
    while one != other:
        while rank[one] > rank[other]:
            one = nearest[one]
        while rank[other] > rank[one]:
            other = nearest[other]
    return one
