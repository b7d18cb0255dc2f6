"""From a graph to a program of a GPU: each kernel becomes launches, each loop a loop of them."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import Node, State
from graphc.compiler.lowering.context import Context, Program
from graphc.compiler.lowering.cuda.kernels import lower_mapped, lower_whole_loop
from graphc.compiler.lowering.identical import codes, functions
from graphc.compiler.lowering.loops import lower_scan
from graphc.compiler.lowering.steps import lower_all
from graphc.compiler.lowering.unit import INCLUDES, unit
from graphc.compiler.passes import PassObserver
from graphc.compiler.program.launch import DeviceProgram, DeviceStep
from graphc.compiler.schedule import Loop, Step
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.passes import cuda_passes
from graphc.compiler.targets.passes import run_target_passes


def lower(
    outputs: Sequence[Node],
    states: Sequence[State] = (),
    most_shared: int | None = None,
    observer: PassObserver | None = None,
) -> DeviceProgram:
    """The device program of a graph.

    Args:
        outputs: what is fetched, then one new value for each of `states`. Sizes that have to be
            equal are written alike (`graphc.compiler.passes.unify_sizes`), but for a reshape's.
        states: the states that the program updates, each once. All new values are computed from
            the old ones. A value is written over the old one where nothing reads that any more;
            else the last launch copies it there.
        most_shared: the bytes of shared memory that the card gives a block; None for text that
            runs on any card.
        observer: called after each pass of the target.
    """
    given = tuple(outputs)
    outputs = run_target_passes(outputs, "cuda", cuda_passes(most_shared), observer)
    context = Context(Program(target=any_card(most_shared)))
    steps, fetches = lower_all(outputs, states, most_shared, context, lower_step)
    includes = (*INCLUDES, *context.program.includes)
    source, code = (unit(texts, includes) for texts in (functions(steps), codes(steps)))
    checks = tuple(context.program.checks)
    return DeviceProgram(source, steps, fetches, checks, tuple(outputs), given, code)


def lower_step(step: Step, context: Context) -> list[DeviceStep]:
    """The launches of a step."""
    if not isinstance(step, Loop):
        return list(lower_mapped(step, context))
    if step.persistent:
        return list(lower_whole_loop(step, context))
    return lower_scan(step, context, lower_step)
