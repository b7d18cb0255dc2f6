"""Collects the facts of a compiled training step into a `CompiledView`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.cost import cost
from graphc.compiler.passes import PassRecord
from graphc.compiler.program.kernel_list import KernelDescription
from graphc.compiler.program.launch import Bindings, DeviceLoop, DeviceStep, Launch
from graphc.compiler.schedule.kernel import Kernel, Loop, kernels
from graphc.compiler.targets.marks import with_name
from graphc.config import config
from graphc.package_version import __version__
from graphc.view.document import (
    COMPILE_FLAGS,
    FORMAT,
    CompiledView,
    FiringView,
    KernelLinks,
    StageView,
)
from graphc.view.layer_tree import layer_views
from graphc.view.node_table import NodeTable
from graphc.view.subject import Subject

_DIGITS = 16
"""Of the digest of a function: of 10,000 functions two that differ have one of 16 digits with a
probability of 3e-12."""


def compiled_view(
    subject: Subject,
    batch: int | None = None,
    sizes: Mapping[str, int] | None = None,
    target: str | None = None,
    measured: dict[str, Any] | None = None,
) -> CompiledView:
    """Return the facts of a training step.

    Args:
        batch, sizes, target: as of `Function.kernels`.
        measured: what ``graphc bench --json`` prints of the same step, or None.

    Raises:
        ArgumentError, ShapeError: a size that is missing or does not fit.
    """
    step = subject.step
    head = {"model": subject.name, "summary": subject.summary}
    described = step.kernels(batch, sizes, target=target)
    memory = step.memory_report(batch, sizes, target=target)
    program = step.program(target=target)
    given, fetched = step.given(), step.fetched()
    records = step.recorded_passes(target=target)
    table = NodeTable()
    stages = [_stage(table, "given", given, fetched)]
    before: Sequence[Node] = given
    for record in records:
        stages.append(_after(table, before, record, fetched))
        before = record.outputs
    stages.append(_stage(table, "kernels", program.outputs, fetched))
    by_name = {launch.name: (launch, loop) for launch, loop in _launches(program.steps, None)}
    bindings = step.bindings(batch, sizes)
    links = [_links(table, one, *by_name[one.name], bindings) for one in described]
    return CompiledView(
        format=FORMAT,
        graphc=__version__,
        flags={name: getattr(config, name) for name in COMPILE_FLAGS},
        kernels=head | described.as_dict(),
        memory=head | memory.as_dict(),
        measured=measured,
        layers=layer_views(given, fetched, subject.layers),
        nodes=table.views,
        stages=tuple(stages),
        kernel_links=tuple(links),
        value_nodes=tuple(table.find(use.node) for use in memory.buffers),
    )


def _stage(table: NodeTable, name: str, outputs: Sequence[Node], fetched: int) -> StageView:
    """The graph of what is no pass."""
    numbers = table.add(outputs, fetched)
    return StageView(name, None, g.count_nodes(outputs), numbers, fetched, ())


def _after(table: NodeTable, before: Sequence[Node], record: PassRecord, fetched: int) -> StageView:
    """The graph after a pass."""
    numbers = table.add(record.outputs, fetched)
    old, new = set(g.every_node(before)), set(g.every_node(record.outputs))
    firings = [
        FiringView(
            one.rule,
            table.find(one.old) if one.old in old else None,
            table.find(one.new) if one.new in new else None,
        )
        for one in record.firings
    ]
    report = record.report
    count = report.nodes_after
    return StageView(report.name, report.seconds, count, numbers, fetched, tuple(firings))


def _launches(
    steps: Iterable[DeviceStep], loop: Node | None
) -> Iterator[tuple[Launch, Node | None]]:
    """All launches, each with the loop whose steps it is a part of."""
    for step in steps:
        if isinstance(step, DeviceLoop):
            yield from _launches(step.steps, step.scan)
        else:
            yield step, loop


def _links(
    table: NodeTable,
    described: KernelDescription,
    launch: Launch,
    loop: Node | None,
    bindings: Bindings,
) -> KernelLinks:
    """Return the nodes of a launch; `loop` is the one whose steps it is a part of."""
    kernel = launch.kernel
    inside = kernel.scan if isinstance(kernel, Loop) else loop
    computed = _computed(kernel)
    table.add_computed(computed, inside)
    nodes = dict.fromkeys(computed if inside is None else (inside, *computed))
    lines: dict[int, tuple[int, ...]] = {}
    for position, variable in launch.lines.items():
        if found := _numbers(table, launch.names.get(variable, ())):
            lines[position] = found
    flops = _flops(kernel, bindings) if described.continues is None else {}
    code = with_name(launch.code, "kernel")
    digest = hashlib.sha256(code.encode()).hexdigest()[:_DIGITS]
    return KernelLinks(_numbers(table, nodes), flops, lines, digest)


def _flops(kernel: Kernel | Loop, bindings: Bindings) -> dict[str, int]:
    """The FLOPs of a kernel, as its description counts them, by layer."""
    found: dict[str, int] = {}
    for node in kernel.body if isinstance(kernel, Kernel) else (kernel.scan,):
        count, origin = cost(node, bindings).flops, g.origin_of(node)
        if count:
            layer = "" if origin is None else origin.layer
            found[layer] = found.get(layer, 0) + count
    return found


def _numbers(table: NodeTable, nodes: Iterable[Node]) -> tuple[int, ...]:
    return tuple(number for node in nodes if (number := table.find(node)) is not None)


def _computed(kernel: Kernel | Loop) -> list[Node]:
    """The nodes that a kernel computes, or the kernels of a loop."""
    if isinstance(kernel, Loop):
        return [node for one in kernels(kernel.steps) for node in _computed(one)]
    return [node for part in kernel.parts or (kernel,) for node in part.body]
