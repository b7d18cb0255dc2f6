"""Immediate post-dominators, by hand and by their definition on random graphs."""

from __future__ import annotations

import random

from tests.cuda_emulator.ptx.control_flow import reconvergence


def test_if_and_else() -> None:
    assert reconvergence([(1, 2), (3,), (3,), ()]) == [3, 3, 3, 4]


def test_loop_with_a_way_out() -> None:
    # 0 enters 1, which goes round by 2 or leaves to 3.
    assert reconvergence([(1,), (2, 3), (1,), ()]) == [1, 3, 1, 4]


def test_paths_that_both_end_meet_at_the_end() -> None:
    assert reconvergence([(1, 2), (), ()]) == [3, 3, 3]


def test_an_endless_loop_meets_nobody() -> None:
    assert reconvergence([(1, 2), (1,), ()]) == [2, 3, 3]


def on_all_paths(successors: list[tuple[int, ...]], block: int, other: int) -> bool:
    """By definition: without `other`, the end cannot be reached from the block."""
    end, seen, stack = len(successors), {block}, [block]
    while stack:
        at = stack.pop()
        for following in successors[at] or (end,):
            if following == end:
                return False
            if following not in seen and following != other:
                seen.add(following)
                stack.append(following)
    return True


def test_random_graphs() -> None:
    draw = random.Random(7)
    for _ in range(200):
        count = draw.randint(1, 8)
        # Each block has a way to the end: by the next one, or out at the last.
        successors = [
            tuple({k + 1, *(draw.randrange(count) for _ in range(draw.randint(0, 1)))})
            for k in range(count - 1)
        ] + [()]
        for block, nearest in enumerate(reconvergence(successors)):
            others = [x for x in range(count) if x != block and on_all_paths(successors, block, x)]
            # The nearest of the post-dominators is the one that all others post-dominate.
            first = [
                x for x in others if all(y == x or on_all_paths(successors, x, y) for y in others)
            ]
            assert [nearest] == (first or [count])
