"""From a graph to a native program: each kernel becomes a function, all of them one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphc.compiler.graph import Node, State
from graphc.compiler.lowering.context import Context
from graphc.compiler.lowering.cpu.context import NativeContext
from graphc.compiler.lowering.cpu.kernels import lower_by_mapping
from graphc.compiler.lowering.cpu.loop import lower_loop
from graphc.compiler.lowering.cpu.sections import Section
from graphc.compiler.lowering.cpu.step import STEP, StepPrinter, declaration
from graphc.compiler.lowering.identical import codes, functions
from graphc.compiler.lowering.steps import lower_all
from graphc.compiler.lowering.unit import INCLUDES, unit
from graphc.compiler.passes import PassObserver
from graphc.compiler.program.launch import (
    DeviceBuffer,
    DeviceProgram,
    DeviceStep,
    Formula,
    Word,
    launches,
)
from graphc.compiler.schedule import Loop, Step
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS, CPU_MAPPINGS_OF_ROWS
from graphc.compiler.targets.cpu.passes import CPU_PASSES
from graphc.compiler.targets.marks import (
    with_name,
    with_name_and_notes,
    without_name_and_notes,
)
from graphc.compiler.targets.passes import run_target_passes

_HEADERS = (*INCLUDES, "lanes.h", "host_random.h", "host_watch.h", "subnormals.h")
NO_SHARED = 0
"""For the schedule: there are no launches that run a whole loop."""


@dataclass(frozen=True, eq=False)
class NativeProgram:
    """A schedule as native code.

    Attributes:
        program: its source and steps, each a launch of one block of one thread.
        buffers, sizes, words: what the tables hold that the exported function is given, in order:
            whose addresses, which extents, which numbers.
        sections: the functions of the source.
    """

    program: DeviceProgram
    buffers: tuple[DeviceBuffer, ...]
    sizes: tuple[Formula, ...]
    words: tuple[Word, ...]
    sections: tuple[Section, ...]


def lower_native(
    outputs: Sequence[Node],
    states: Sequence[State] = (),
    observer: PassObserver | None = None,
) -> NativeProgram:
    """The native program of a graph; arguments as of `graphc.compiler.lowering.cuda.lower`."""
    given = tuple(outputs)
    outputs = run_target_passes(outputs, "cpu", CPU_PASSES, observer)
    context = NativeContext()
    steps, fetches = lower_all(outputs, states, NO_SHARED, context, lower_step)
    printer = StepPrinter()
    step = printer.function(steps)
    includes = tuple(dict.fromkeys((*_HEADERS, *context.program.includes)))
    texts = [*functions(steps), with_name_and_notes(step, STEP)]
    plain = [*codes(steps), with_name(without_name_and_notes(step), STEP)]
    source, code = unit(texts, includes), unit(plain, includes)
    checks = tuple(context.program.checks)
    program = DeviceProgram(source, steps, fetches, checks, tuple(outputs), given, code)
    tables = printer.tables
    return NativeProgram(
        program,
        tuple(tables.buffers),
        tuple(tables.sizes),
        tuple(map(Word, tables.words)),
        tuple(_sections(steps, texts, plain, len(includes))),
    )


def _sections(
    steps: Sequence[DeviceStep], texts: Sequence[str], codes: Sequence[str], above: int
) -> Iterator[Section]:
    """Yield the sections of a source: of these texts, below so many lines of includes. The last one
    calls the functions of the others."""
    declarations = [
        declaration(one.name, one.declared) for one in launches(steps) if one.repeats is None
    ]
    line = above + 2
    for text, code, declared in zip(texts, codes, [*declarations, ""], strict=True):
        yield Section(line, len(code), declared)
        line += text.count("\n") + 2


def lower_step(step: Step, context: Context) -> list[DeviceStep]:
    """The functions of a step."""
    assert isinstance(context, NativeContext)
    if isinstance(step, Loop):
        return lower_loop(step, context, lower_step)
    mappings = CPU_MAPPINGS if context.share is None else CPU_MAPPINGS_OF_ROWS
    mapped = lower_by_mapping(step, context, mappings[step.kind])
    assert mapped is not None, f"a kernel of kind {step.kind} that no mapping takes"
    return [mapped]
