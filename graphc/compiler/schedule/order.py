"""An order of steps that is kept while further ones are made to wait (D. J. Pearce, P. H. J. Kelly:
A dynamic topological sort algorithm for directed acyclic graphs, 2006)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class DynamicOrder(Generic[T]):
    """Steps, each after those that it waits for.

    Adding an edge that the order satisfies already costs one comparison of two positions; another
    one visits only the steps between the two positions.
    """

    def __init__(self, order: Iterable[T], before: Mapping[T, Iterable[T]]):
        """Take the steps in an order that satisfies `before`: for each, the steps that it waits
        for."""
        self._position = {step: k for k, step in enumerate(order)}
        self._before: dict[T, list[T]] = {step: list(before[step]) for step in self._position}
        self._behind: dict[T, list[T]] = {step: [] for step in self._position}
        for step, waited in self._before.items():
            for x in waited:
                self._behind[x].append(step)

    def add(self, first: T, then: T) -> bool:
        """Let `then` wait for `first`. Return False, with nothing changed, if `first` waits for
        `then`."""
        low, high = self._position[then], self._position[first]
        if low < high:
            later = self._reached(then, self._behind, lambda position: position <= high)
            if first in later:
                return False
            earlier = self._reached(first, self._before, lambda position: position >= low)
            position = self._position.__getitem__
            order = [*sorted(earlier, key=position), *sorted(later, key=position)]
            positions = sorted(map(position, order))
            self._position.update(zip(order, positions, strict=True))
        self._before[then].append(first)
        self._behind[first].append(then)
        return True

    def _reached(
        self, start: T, edges: Mapping[T, Iterable[T]], holds: Callable[[int], bool]
    ) -> set[T]:
        """Return the steps that edges lead to from `start`, itself included, at positions that
        hold."""
        found, waiting = {start}, [start]
        while waiting:
            for x in edges[waiting.pop()]:
                if x not in found and holds(self._position[x]):
                    found.add(x)
                    waiting.append(x)
        return found
