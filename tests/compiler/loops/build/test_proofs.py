"""Accesses of plain programs are proved to be inside of their buffers, and what proving costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graphc.compiler.graph import Node
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.interned import Interned
from graphc.compiler.loops.program import (
    LoopProgram,
    facts,
    facts_otherwise,
    targets_of,
    values_of,
    walk_in_ranges,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.value import Apply, Bit, Load, Select, Value
from graphc.compiler.schedule import KINDS, Kernel, kernels, make_schedule
from graphc.reference_models import REFERENCE_MODELS
from tests.compiler.arrangements import ARRANGEMENTS
from tests.compiler.loops.build.plain_executor import scheduled_kernels
from tests.compiler.lowering import kinds
from tests.compiler.op_programs import FAMILIES, rows


def unproved(program: LoopProgram) -> Iterator[Load]:
    """Yield the elements of which it is not proved that they are inside of their buffers."""
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        pending: list[tuple[Value, Ranges]] = [
            (value, ranges) for value in (*values_of(statement), *targets_of(statement))
        ]
        while pending:
            value, at = pending.pop()
            if isinstance(value, Load):
                if not at.is_inside(value.coords, value.buffer.shape):
                    yield value
            elif isinstance(value, Select):
                pending.append((value.value, at.given(facts(value.conditions))))
                pending.append((value.otherwise, at.given(facts_otherwise(value.conditions))))
            elif isinstance(value, Apply):
                pending += [(operand, at) for operand in value.operands]
            elif isinstance(value, Bit):
                pending.append((value.byte, at))


def gathers_in_padding(kernel: Kernel) -> bool:
    """Return True if a kernel gathers at places of padded windows. That they are no places of the
    padding is known of the values alone."""
    return any(
        node.op == "gather_pool" and any(map(any, node.attrs["padding"])) for node in kernel.body
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_all_accesses_of_the_op_table(family: str) -> None:
    arrange = ARRANGEMENTS["moved"]
    parts = [arrange(case, number) for number, case in enumerate(rows(family, "moved"))]
    outputs = [node for part in parts for node in part.outputs]
    for kernel in kernels(make_schedule(outputs, most_shared=0)):
        if not gathers_in_padding(kernel):
            assert not list(unproved(plain_program(kernel, "k0", buffers_of(kernel)))), kernel.body


def test_all_accesses_of_kernels_of_each_kind() -> None:
    """With symbolic sizes."""
    met = set()
    for name in vars(kinds):
        function = getattr(kinds, name)
        if getattr(function, "__module__", "") != kinds.__name__:
            continue
        _, outputs, _ = function()
        for kernel in kernels(make_schedule(outputs, most_shared=0)):
            met.add(kernel.kind)
            assert not list(unproved(plain_program(kernel, "k0", buffers_of(kernel)))), name
    assert met == set(KINDS)


def test_a_training_step_is_built_of_few_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    """3,010 of lstm; a quadratic walk would make many times as many."""
    outputs: tuple[Node, ...] = REFERENCE_MODELS["lstm"].build().function().graph()
    found = list(scheduled_kernels(make_schedule(outputs, most_shared=0)))
    made = 0
    construct = Interned.__call__

    def counting(cls: type, *args: object, **kwargs: object) -> object:
        nonlocal made
        made += 1
        return construct(cls, *args, **kwargs)

    with monkeypatch.context() as patches:
        patches.setattr(Interned, "__call__", counting)
        programs = [
            plain_program(kernel, "k0", buffers_of(kernel, counters)) for kernel, counters in found
        ]
    assert len(programs) > 10
    assert 1_000 < made < 6_000
    for program in programs:
        assert not list(unproved(program))
