"""Operations of the op table, of which kernels of some kinds run as a target maps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.compiler.graph import Node
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import Kernel
from graphc.compiler.targets.mapping import Mapping as TargetMapping
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.arrangements import ARRANGEMENTS
from tests.compiler.loops.build.plain_executor import PlainExecutor, both
from tests.compiler.op_programs import rows

Tables = Mapping[str, Sequence[TargetMapping]]


class MappedExecutor(PlainExecutor):
    """A graph as plain programs, but for kernels of the kinds that tables are for."""

    def __init__(self, outputs: Sequence[Node], target: Target, tables: Tables):
        super().__init__(outputs)
        self._target, self._tables = target, tables

    def _mapped(self, kernel: Kernel, program: LoopProgram) -> LoopProgram:
        if kernel.kind not in self._tables:
            return program
        mapped = choose(program, self._target, self._tables[kernel.kind])
        assert not mapped.is_plain, mapped.refusals
        return mapped.program


def check_mapped(family: str, arrangement: str, target: Target, tables: Tables) -> None:
    """Compare a family of the op table with the interpreter."""
    arrange = ARRANGEMENTS[arrangement]
    parts = [arrange(case, number) for number, case in enumerate(rows(family, arrangement))]
    outputs = [node for part in parts for node in part.outputs]
    feeds = {x: array for part in parts for x, array in part.feeds.items()}
    pairs = iter(both(outputs, feeds, program=MappedExecutor(outputs, target, tables)))
    wrong = []
    for part in parts:
        results = [next(pairs) for _ in part.outputs]
        ours, theirs = zip(*results, strict=True)
        wrong += part.faults(ours, theirs)
    assert not wrong, "\n".join(wrong)
