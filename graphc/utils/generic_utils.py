"""Look-ups by name, tables of text, and a progress bar for a user's own loops."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from graphc.lookup import CustomObjectScope as CustomObjectScope
from graphc.lookup import custom_object_scope as custom_object_scope
from graphc.lookup import finite_number, whole_number
from graphc.lookup import get_custom_objects as get_custom_objects
from graphc.lookup import get_from_module as get_from_module
from graphc.marshalled import func_dump as func_dump
from graphc.marshalled import func_load as func_load
from graphc.public.calls import public


def make_tuple(*args: object) -> tuple[object, ...]:
    """The arguments as a tuple."""
    return args


def display_table(rows: Sequence[Sequence[object]], positions: Sequence[int]) -> None:
    """Print rows; the k-th cell ends at column ``positions[k]``, and what is too long is cut."""
    for row in rows:
        line = ""
        for cell, position in zip(row, positions, strict=False):
            line = (line + str(cell))[:position].ljust(position)
        print(line)


class Progbar:
    """A progress bar: ``12/50 [=====>......] - ETA: 3s - loss: 0.1234``.

    Args:
        target: the number of steps.
        width: of the bar, in characters.
        verbose: 1 redraws the bar, 2 prints one line at the end, 0 prints nothing.
        interval: seconds that pass at least between two drawings; the last one is always drawn.
    """

    def __init__(
        self, target: int, width: int = 30, verbose: int = 1, interval: float = 0.05
    ) -> None:
        self.target = whole_number("Progbar: target", target, least=1)
        self.width = width
        self.verbose = verbose
        self.seen_so_far = 0
        self._sums: dict[str, tuple[float, int]] = {}
        self.interval = finite_number("Progbar", "interval", interval, least=0.0)
        self._start = time.time()
        self._last = 0.0
        self._drawn = 0

    def update(
        self,
        current: int,
        values: Sequence[tuple[str, float]] | None = None,
        force: bool = False,
    ) -> None:
        """`current` steps are done.

        Args:
            current: the number of steps.
            values: (name, value) pairs; the bar shows their means, weighted by the steps since the
                update before.
            force: draw the bar, however little time has passed.
        """
        steps = current - self.seen_so_far
        for name, value in values or ():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value * steps, count + steps)
        self.seen_so_far = current
        if self.verbose == 1:
            soon = time.time() - self._last < self.interval
            if soon and not force and current < self.target:
                return
            self._last = time.time()
            self._draw(f"{self._bar()} - {self._timing()}{self._means()}")
        elif self.verbose == 2 and current >= self.target:
            sys.stdout.write(f"{self._timing()}{self._means()}\n")
            sys.stdout.flush()

    def add(self, n: int, values: Sequence[tuple[str, float]] | None = None) -> None:
        """`n` more steps are done."""
        self.update(self.seen_so_far + n, values)

    def _bar(self) -> str:
        filled = int(self.width * min(self.seen_so_far / self.target, 1.0))
        done = self.seen_so_far >= self.target
        bar = "=" * filled if done else ("=" * max(filled - 1, 0) + ">" * (filled > 0))
        count = str(self.seen_so_far).rjust(len(str(self.target)))
        return f"{count}/{self.target} [{bar.ljust(self.width, '.')}]"

    def _timing(self) -> str:
        seconds = time.time() - self._start
        if self.seen_so_far >= self.target or not self.seen_so_far:
            return f"{seconds:.0f}s"
        return f"ETA: {seconds / self.seen_so_far * (self.target - self.seen_so_far):.0f}s"

    def _means(self) -> str:
        shown = ""
        for name, (total, count) in self._sums.items():
            mean = total / max(count, 1)
            shown += f" - {name}: {mean:.4f}" if abs(mean) > 1e-3 else f" - {name}: {mean:.4e}"
        return shown

    def _draw(self, line: str) -> None:
        sys.stdout.write("\r" + line.ljust(self._drawn))
        self._drawn = len(line)
        if self.seen_so_far >= self.target:
            sys.stdout.write("\n")
        sys.stdout.flush()


public(__name__)
