"""An order that is kept while steps are made to wait, beside a search of all that they wait for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.schedule.order import DynamicOrder

COUNT = 9
PAIRS = st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)).filter(
    lambda pair: pair[0] != pair[1]
)


def waits(before: dict[int, set[int]], step: int, other: int) -> bool:
    """Return True if a step waits for another, through any number of steps between."""
    found, ahead = set(), {step}
    while ahead:
        found |= ahead
        ahead = {x for one in ahead for x in before[one]} - found
    return other in found


@given(st.lists(PAIRS, max_size=40), st.sets(PAIRS.filter(lambda pair: pair[0] < pair[1])))
def test_what_would_wait_for_itself_is_refused_and_nothing_else(
    added: list[tuple[int, int]], given_: set[tuple[int, int]]
) -> None:
    before: dict[int, set[int]] = {step: set() for step in range(COUNT)}
    for first, then in given_:
        before[then].add(first)
    order = DynamicOrder(range(COUNT), before)
    for first, then in added:
        fits = not waits(before, first, then)
        assert order.add(first, then) == fits
        if fits:
            before[then].add(first)


class Step:
    """A step that counts how often it is looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        Step.looked_up += 1
        return id(self)


def test_what_is_waited_for_already_is_not_searched_for() -> None:
    """Each weight's new value waits for what reads the old one, a whole model ahead."""
    counts = []
    for size in (100, 1000):
        steps = [Step() for _ in range(size)]
        before = {step: steps[k - 1 : k] for k, step in enumerate(steps)}
        order = DynamicOrder(steps, before)
        Step.looked_up = 0
        for first, then in zip(steps[: size // 2], reversed(steps), strict=False):
            assert order.add(first, then)
        counts.append(Step.looked_up)
    assert counts[1] == 10 * counts[0]
