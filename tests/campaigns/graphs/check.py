"""Checking programs on a target against the evaluator."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from graphc.compiler.graph import Node
from graphc.compiler.graph.binding import bind
from tests.campaigns.children import in_child
from tests.campaigns.graphs.bounded import Bounded
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.comparison import fault
from tests.campaigns.graphs.evaluator import Evaluator
from tests.campaigns.graphs.targets import CALL_STEP, Target

SECOND = "in a second call, of other sizes: "
_SECONDS = 240  # for one compilation and its calls


def expected(program: Program, passes: bool, flushes: bool = False) -> list[Bounded]:
    """Return what the evaluator knows of a program's outputs."""
    evaluator = Evaluator(program.feeds, program.sizes, CALL_STEP, passes, flushes)
    return evaluator(program.outputs)


def faults(programs: Sequence[Program], target: Target) -> dict[int, str]:
    """Return what is wrong on a target, by the program's place; each text begins with its kind.

    All are compiled together; where that fails, halves are, down to the one that does.
    """
    found = in_child(lambda: faults_here(programs, target), _SECONDS)
    if not isinstance(found, str):
        return found
    if len(programs) == 1:
        return {0: f"{found}\n"}
    middle = len(programs) // 2
    wrong = faults(programs[:middle], target)
    wrong |= {middle + k: text for k, text in faults(programs[middle:], target).items()}
    return wrong or {0: f"{found}\n(with the {len(programs) - 1} programs behind it, not alone)"}


def faults_here(programs: Sequence[Program], target: Target) -> dict[int, str] | str:
    """Return faults by place, or the text of an exception."""
    try:
        calls = target.run(programs)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} in {Path(last.filename).name}"
        return f"{kind}: {error}\n{''.join(traceback.format_exc().splitlines(True)[-7:])}"
    wrong: dict[int, str] = {}
    fed = (programs, [program.grown or program for program in programs])
    for results, again, fed_programs in zip(calls, ("", SECOND), fed, strict=True):
        for k, (program, arrays) in enumerate(zip(fed_programs, results, strict=True)):
            text = _difference(arrays, expected(program, target.passes, target.kind == "native"))
            if text and k not in wrong:
                wrong[k] = f"wrong value: {again}{text}"
    return wrong


def _difference(arrays: Sequence[np.ndarray], values: Sequence[Bounded]) -> str:
    for k, (array, value) in enumerate(zip(arrays, values, strict=True)):
        text = fault(array, value)
        if text:
            return f"output {k}: {text}"
    return ""


def report(
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    target: Target,
    states: Sequence[Node] = (),
) -> str:
    """Return what is wrong with a graph on a target, for a reduced program to print."""
    bindings = bind(list(feeds), list(feeds.values()))
    program = Program(list(outputs), list(states), dict(feeds), bindings)
    return faults([program], target).get(0, "as it should be")
