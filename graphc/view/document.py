"""The document behind a page: all that it shows, as data; and two of them, side by side.

Its numbers are those of ``graphc dump --json``, ``graphc dump --memory --json`` and ``graphc bench
--json``, which it holds as they are; the other tables name nodes by their position in `nodes`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

FORMAT = 4
"""The number of this form, which the page checks."""

COMPILE_FLAGS = ("floatX", "keras", "image_dim_ordering", "epsilon", "mode")
"""The flags that change what a model compiles to."""

Phase = Literal["forward", "gradient", "update"]


@dataclass(frozen=True)
class NodeView:
    """One node of the graph, at any time of the compilation.

    Attributes:
        op, type, attributes: as `graph.format_graph` prints them.
        inputs: the numbers of the nodes that it reads.
        name: its user's name for it, or None.
        layer: the layer that made it, or None.
        phase: what it is part of: the values of the layers and the loss, their gradient, or the
            updates.
        body: of a loop, the numbers of the results of its body.
        loop: of a node that a loop's kernels compute: the number of the loop. Such a node is in no
            graph of a stage, since the arguments of the body are replaced by what they stand for.
    """

    op: str
    type: str
    attributes: str
    inputs: tuple[int, ...]
    name: str | None
    layer: str | None
    phase: Phase
    body: tuple[int, ...]
    loop: int | None


@dataclass(frozen=True)
class FiringView:
    """One use of a rewrite rule: what it replaced, and by which node; None of a node that is in the
    graph neither before nor after the pass, since other rules replaced it too."""

    rule: str
    old: int | None
    new: int | None


@dataclass(frozen=True)
class StageView:
    """The graph at one time of the compilation: ahead of the passes, after one of them, or as the
    kernels compute it.

    Attributes:
        name: of the pass.
        seconds: that it took; None of what is no pass.
        nodes: how many there are then, those of loops' bodies included.
        outputs: the numbers of what is fetched, then of the new values of states.
        fetched: how many of the outputs are fetched.
        firings: the rules that fired.
    """

    name: str
    seconds: float | None
    nodes: int
    outputs: tuple[int, ...]
    fetched: int
    firings: tuple[FiringView, ...]


@dataclass(frozen=True)
class EdgeView:
    """A value that a layer reads of another one, and its type."""

    source: str
    type: str


@dataclass(frozen=True)
class LayerView:
    """One layer, or what else makes nodes: an input, the loss, a metric.

    Attributes:
        name: as nodes and kernels name it.
        kind: its class; ``input`` of an input, and None where the graph alone is known.
        parent: the container or wrapper that holds it, or None.
        type: the type of its result, or None of what holds layers alone.
        parameters: how many numbers its weights have; of a container those of all inside.
        reads: what it reads of other layers.
    """

    name: str
    kind: str | None
    parent: str | None
    type: str | None
    parameters: int
    reads: tuple[EdgeView, ...]


@dataclass(frozen=True)
class KernelLinks:
    """The share of a kernel in the graph.

    Attributes:
        nodes: their numbers; of a kernel of a loop, the loop's too.
        flops: of the kernel's FLOPs those of each layer's nodes, by layer; "" for those of none.
        lines: of lines of the source, from 0, the nodes whose value the line has.
        code: a digest of the function without its name and notes: equal for those that do the same.
    """

    nodes: tuple[int, ...]
    flops: dict[str, int]
    lines: dict[int, tuple[int, ...]]
    code: str


@dataclass(frozen=True, kw_only=True)
class CompiledView:
    """All that a page shows.

    Attributes:
        format: `FORMAT`.
        graphc: the version that made it.
        flags: the values of `COMPILE_FLAGS`.
        kernels: what ``graphc dump --json`` prints.
        memory: what ``graphc dump --memory --json`` prints, of the same target and sizes.
        measured: what ``graphc bench --json`` prints; None where nothing was measured.
        layers: in topological order.
        nodes: of all stages.
        stages: in the order of the compilation.
        kernel_links: one for each of the kernels.
        value_nodes: the node of each of the memory's buffers, or None.
    """

    format: int
    graphc: str
    flags: dict[str, str]
    kernels: dict[str, Any]
    memory: dict[str, Any]
    measured: dict[str, Any] | None
    layers: tuple[LayerView, ...]
    nodes: tuple[NodeView, ...]
    stages: tuple[StageView, ...]
    kernel_links: tuple[KernelLinks, ...]
    value_nodes: tuple[int | None, ...]

    @property
    def title(self) -> str:
        """Of which model it is."""
        return str(self.kernels["model"])

    def as_dict(self) -> dict[str, Any]:
        """The document as JSON has it."""
        found = dict(vars(self))
        for name in ("nodes", "kernel_links"):
            # Thousands, flat: `asdict` would copy each of their numbers.
            found[name] = [dict(vars(one)) for one in found[name]]
        for name in ("layers", "stages"):
            found[name] = [asdict(one) for one in found[name]]
        return found


@dataclass(frozen=True)
class BuildFact:
    """A fact of a build, such as a flag that it was made with, where another one differs; empty in
    the one that has no such fact."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class LayerPair:
    """A layer in two builds, by name; None in the one that lacks it.

    Attributes:
        changes: which of `LayerView`'s attributes differ.
    """

    before: str | None
    after: str | None
    changes: tuple[str, ...]


@dataclass(frozen=True)
class KernelPair:
    """A kernel in two builds, by position; None in the one where none computes it.

    Attributes:
        changes: what differs: ``nodes``, or their ``types`` alone, ``source``, or a name of
            ``graphc dump --json``.
        is_close: whether the measured times may differ by chance; None where one is missing.
        lost: the nodes of the first build that the second's kernel does not compute.
        gained: the nodes of the second build that the first's kernel does not compute.
        elsewhere: of a kernel without counterpart: those of the other build that compute the most
            of its nodes.
    """

    before: int | None
    after: int | None
    changes: tuple[str, ...]
    is_close: bool | None
    lost: tuple[int, ...]
    gained: tuple[int, ...]
    elsewhere: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ComparedBuilds:
    """All that a page of two builds shows.

    Attributes:
        format: `FORMAT`.
        graphc: the version that compared them.
        names: what the builds are called.
        builds: their documents, as JSON has them.
        facts: in what they differ as a whole.
        step_is_close: whether the measured times of a step may differ by chance; None where one is
            missing.
        layers, kernels: what belongs together, in the order of the second build.
    """

    format: int
    graphc: str
    names: tuple[str, str]
    builds: tuple[dict[str, Any], dict[str, Any]]
    facts: tuple[BuildFact, ...]
    step_is_close: bool | None
    layers: tuple[LayerPair, ...]
    kernels: tuple[KernelPair, ...]

    @property
    def title(self) -> str:
        """Which builds they are."""
        return " and ".join(self.names)

    def as_dict(self) -> dict[str, Any]:
        """The document as JSON has it."""
        found = dict(vars(self))
        for name in ("facts", "layers", "kernels"):
            found[name] = [dict(vars(one)) for one in found[name]]
        return found
