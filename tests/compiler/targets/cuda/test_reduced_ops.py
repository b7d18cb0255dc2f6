"""Reductions of the op table as a GPU's threads run them, against the interpreter."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import Kernel
from graphc.compiler.targets.cuda.columns import COLUMNS
from graphc.compiler.targets.cuda.reductions import ROWS
from graphc.compiler.targets.mapping import choose
from tests.compiler.arrangements import ARRANGEMENTS
from tests.compiler.loops.build.plain_executor import PlainExecutor, both
from tests.compiler.op_programs import rows
from tests.compiler.targets.cuda.reduced import GPU

TABLES = {"rows": ROWS, "columns": COLUMNS}


class MappedExecutor(PlainExecutor):
    """A graph as plain programs, but for reductions."""

    def _mapped(self, kernel: Kernel, program: LoopProgram) -> LoopProgram:
        if kernel.kind not in TABLES:
            return program
        mapped = choose(program, GPU, TABLES[kernel.kind])
        assert not mapped.is_plain, mapped.refusals
        return mapped.program


@pytest.mark.parametrize("arrangement", ["symbolic", "fused"])
def test_rows_of_the_table(arrangement: str) -> None:
    arrange = ARRANGEMENTS[arrangement]
    parts = [arrange(case, number) for number, case in enumerate(rows("reduce", arrangement))]
    outputs = [node for part in parts for node in part.outputs]
    feeds = {x: array for part in parts for x, array in part.feeds.items()}
    pairs = iter(both(outputs, feeds, program=MappedExecutor(outputs)))
    wrong = []
    for part in parts:
        results = [next(pairs) for _ in part.outputs]
        ours, theirs = zip(*results, strict=True)
        wrong += part.faults(ours, theirs)
    assert not wrong, "\n".join(wrong)
