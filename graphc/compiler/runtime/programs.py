"""The programs that a graph is lowered to, each at its first use."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from graphc.compiler.graph import Node, State
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import PassObserver, PassReport
from graphc.compiler.program.launch import DeviceProgram
from graphc.compiler.runtime.cache.programs import lowered_once
from graphc.compiler.targets.cpu.facts import this_machine
from graphc.config import config

Program = TypeVar("Program")


class Programs:
    """The programs of a graph after the passes, for any target.

    Attributes:
        outputs: what is fetched, then one new value for each of `states`.
        states: the shared variables that a run sets.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        states: Sequence[State] = (),
        observer: PassObserver | None = None,
    ):
        """`observer` is called after each pass of a target."""
        self.outputs, self.states = tuple(outputs), tuple(states)
        self._observer = observer
        self._native: NativeProgram | None = None
        self._cuda: dict[int | None, DeviceProgram] = {}
        self._reports: dict[DeviceProgram, tuple[PassReport, ...]] = {}

    def native(self, begins: Callable[[], None] | None = None) -> NativeProgram:
        """The program for a CPU: where nobody observes the passes, that of an earlier process whose
        graph was like this one. Where the graph is lowered, `begins` is called ahead of it."""
        if self._native is None:
            facts = ["cpu", repr(this_machine())]

            def lowered(*graph: Any, **named: Any) -> NativeProgram:
                if begins is not None:
                    begins()
                return lower_native(*graph, **named)

            native, reports = self._lowered(facts, lowered)
            self._native = native
            self._reports[native.program] = reports
        return self._native

    def cuda(self, most_shared: int | None) -> DeviceProgram:
        """The program for GPUs whose blocks may have so many bytes of shared memory; None for all
        GPUs. It may be that of an earlier process, as of a CPU."""
        if most_shared not in self._cuda:
            facts = ["cuda", str(most_shared)]
            program, reports = self._lowered(facts, partial(lower, most_shared=most_shared))
            self._cuda[most_shared] = program
            self._reports[program] = reports
        return self._cuda[most_shared]

    def _lowered(
        self, facts: Sequence[str], lowering: Callable[..., Program]
    ) -> tuple[Program, tuple[PassReport, ...]]:
        # Without a reference to this object, which has the program, which has what lowers it again.
        made = partial(_observed, lowering, self.outputs, self.states, self._observer)
        if config.lowering == "once" and self._observer is None:
            return lowered_once(self.outputs, self.states, [*facts, config.floatX], made)
        return made()

    def passes(self, program: DeviceProgram) -> tuple[PassReport, ...]:
        """The reports of the passes of the target, for one of these programs."""
        return self._reports[program]


def _observed(
    lowering: Callable[..., Program],
    outputs: Sequence[Node],
    states: Sequence[State],
    observer: PassObserver | None,
) -> tuple[Program, tuple[PassReport, ...]]:
    """Return what a graph is lowered to, and the reports of the target's passes."""
    observed = _Observed(observer)
    with _without_collections():
        return lowering(outputs, states, observer=observed), tuple(observed.reports)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Let Python look for no cycles meanwhile: most of what lowering makes lives to its end, and is
    looked at again each time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Observed:
    """Keeps the reports of passes, and calls another observer."""

    def __init__(self, observer: PassObserver | None):
        self.reports: list[PassReport] = []
        self._observer = observer

    def __call__(self, report: PassReport, before: list[Node], after: list[Node]) -> None:
        self.reports.append(report)
        if self._observer is not None:
            self._observer(report, before, after)
