"""From a graph to a device program: each kernel becomes launches, each loop a loop of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.compiler.codegen.context import Context, Program, buffer_name
from graphc.compiler.codegen.identical import codes, fold_identical, functions
from graphc.compiler.codegen.lower_mapped import lower_mapped, lower_whole_loop
from graphc.compiler.codegen.place import Place
from graphc.compiler.codegen.placing import Updates
from graphc.compiler.codegen.render import INCLUDES, unit
from graphc.compiler.codegen.scan import LowerStep, lower_scan
from graphc.compiler.graph import Node, State, every_node, toposort
from graphc.compiler.passes import PassObserver
from graphc.compiler.program.launch import DeviceBuffer, DeviceProgram, DeviceStep, Launch, Pointer
from graphc.compiler.schedule import Kernel, Loop, Step, make_schedule
from graphc.compiler.schedule.inline import is_leaf
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.passes import cuda_passes
from graphc.compiler.targets.passes import run_target_passes

LOWERINGS: dict[str, Callable[[Kernel, Context], list[Launch]]] = {
    "pointwise": lower_mapped,
    "rows": lower_mapped,
    "columns": lower_mapped,
    "matmul": lower_mapped,
    "conv": lower_mapped,
    "window": lower_mapped,
    "gather": lower_mapped,
    "scatter": lower_mapped,
    "update": lower_mapped,
}
"""How each kind of kernel becomes launches."""


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


def lower_all(
    outputs: Sequence[Node],
    states: Sequence[State],
    most_shared: int | None,
    context: Context,
    lower_step: LowerStep,
) -> tuple[tuple[DeviceStep, ...], tuple[DeviceBuffer, ...]]:
    """The steps of a program for any target, and where what is fetched lies.

    Args:
        outputs, states, most_shared: as of `lower`.
        context: of the program, empty.
        lower_step: what a step of the schedule becomes.
    """
    count = len(outputs) - len(states)
    shared = {x.attrs["state"]: x for x in toposort(outputs) if x.op == "shared"}
    pairs = zip(outputs[count:], states, strict=True)
    overwritten = {value: shared[state] for value, state in pairs if state in shared}
    schedule = make_schedule(outputs, overwritten, most_shared)
    for node in every_node(outputs):  # a loop's body may have constants of its own
        if is_leaf(node):
            context.places[node] = leaf_place(node)
    updates = Updates(schedule, outputs[:count], outputs[count:], states, context, lower_step)
    steps: list[DeviceStep] = list(updates.before())
    for step in schedule:
        steps += lower_step(step, context)
    steps += updates.after()
    fetches = tuple(updates.fetch(node) for node in outputs[:count])
    return fold_identical(steps), fetches


def leaf_place(node: Node) -> Place:
    """Where an input, a shared variable or a constant array lies."""
    origin = node
    if node.op == "shared":
        origin = node.attrs["state"]
    elif node.op == "constant":
        origin = node.attrs["value"]
    return Place(
        Pointer(DeviceBuffer(buffer_name(node), node.shape, node.dtype, origin)), node.dtype
    )


def lower_step(step: Step, context: Context) -> list[DeviceStep]:
    """The launches of a step."""
    if isinstance(step, Loop):
        if step.persistent:
            return list(lower_whole_loop(step, context))
        return lower_scan(step, context, lower_step)
    return list(LOWERINGS[step.kind](step, context))
