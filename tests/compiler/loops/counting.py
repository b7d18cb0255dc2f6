"""A count of what a loop program does, by a walk through all turns of its loops at given sizes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from graphc.compiler.graph.dim import Symbol, evaluate
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import Body, LoopProgram, targets_of, values_of
from graphc.compiler.loops.statement import Accumulate, Check, For, If, Statement, Store
from graphc.compiler.loops.value import Apply, Condition, Load, Select, Value

Turn = tuple[str, tuple[int, ...]]
"""A loop, by its variable, and the values of the variables around it and of its own."""


@dataclass
class Counts:
    """The counts of a walk; those of buffers by name."""

    flops: int = 0
    loads: Counter[str] = field(default_factory=Counter)
    stores: Counter[str] = field(default_factory=Counter)
    loaded: defaultdict[str, set[tuple[int, ...]]] = field(default_factory=lambda: defaultdict(set))
    stored: defaultdict[str, set[tuple[int, ...]]] = field(default_factory=lambda: defaultdict(set))
    touched: defaultdict[tuple[str, str], defaultdict[tuple[int, ...], set[tuple[int, ...]]]] = (
        field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    )

    def most_touched(self, loop: str, buffer: str) -> int:
        """Return how many elements of a buffer a turn of a loop touches at most."""
        return max(map(len, self.touched[loop, buffer].values()), default=0)


def count(
    program: LoopProgram,
    sizes: Mapping[Symbol, int],
    check: Callable[[int], int] = lambda end: 0,
) -> Counts:
    """Return the counts of a program; `check` returns a loaded index, from what it is below."""
    counts = Counts()
    variables: dict[LoopVariable, int] = {variable: 0 for variable, _ in program.indices}
    _run(program.body, variables, (), sizes, counts, check)
    return counts


def _run(
    body: Body,
    variables: dict[LoopVariable, int],
    loops: tuple[LoopVariable, ...],
    sizes: Mapping[Symbol, int],
    counts: Counts,
    check: Callable[[int], int],
) -> None:
    def holds(condition: Condition) -> bool:
        value = condition.index.evaluate(variables, sizes)
        return value == 0 if condition.equal else value >= 0

    def note(element: Load, counter: Counter[str], elements: dict[str, set]) -> None:
        name = element.buffer.name
        coords = tuple(coord.evaluate(variables, sizes) for coord in element.coords)
        counter[name] += 1
        elements[name].add(coords)
        turn = tuple(variables[one] for one in loops)
        for depth, loop in enumerate(loops):
            counts.touched[loop.name, name][turn[: depth + 1]].add(coords)

    def computed(value: Value, met: set[Value]) -> Iterator[Value]:
        if value in met:
            return
        met.add(value)
        yield value
        if isinstance(value, Select):
            taken = all(map(holds, value.conditions))
            yield from computed(value.value if taken else value.otherwise, met)
        elif isinstance(value, Apply):
            for operand in value.operands:
                yield from computed(operand, met)

    def one(statement: Statement) -> None:
        if isinstance(statement, Store) and not all(map(holds, statement.conditions)):
            return
        met: set[Value] = set()
        for root in values_of(statement):
            for value in computed(root, met):
                if isinstance(value, Load):
                    note(value, counts.loads, counts.loaded)
                elif isinstance(value, Apply):
                    is_float = np.dtype(value.operands[0].dtype).kind == "f"
                    counts.flops += is_float and value.op not in ("cast", "where")
        for target in targets_of(statement):
            note(target, counts.stores, counts.stored)
            if isinstance(statement, Accumulate):
                note(target, counts.loads, counts.loaded)
        if isinstance(statement, Accumulate):
            counts.flops += np.dtype(statement.targets[0].dtype).kind == "f"

    for statement in body:
        if isinstance(statement, For):
            end = min(end.evaluate(variables, sizes) for end in statement.ends)
            for turn in range(end):
                variables[statement.variable] = turn
                _run(statement.body, variables, (*loops, statement.variable), sizes, counts, check)
        elif isinstance(statement, If):
            taken = all(map(holds, statement.conditions))
            block = statement.body if taken else statement.otherwise
            _run(block, variables, loops, sizes, counts, check)
        else:
            one(statement)
            if isinstance(statement, Check):
                variables[statement.variable] = check(evaluate(statement.end, sizes))
