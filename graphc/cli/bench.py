"""``graphc bench``: where a training step's time goes, node by node."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import groupby

import numpy as np

from graphc.cli.command import Command
from graphc.compiler import graph as g
from graphc.compiler.graph.cost import Bindings, cost
from graphc.compiler.graph.dim import evaluate, symbols
from graphc.compiler.interpret import PLACED
from graphc.config import config
from graphc.errors import ArgumentError, unknown_name
from graphc.reference_models import REFERENCE_MODELS

_WARM_UP = 3
_STEPS = 20
_SHOWN_SHARE = 0.005


@dataclass(frozen=True)
class NodeTime:
    """One node of the step: what it is, how long it took, and at which rate it worked.

    `share` is of all nodes' medians together; the rates count the costs of
    `graphc.compiler.graph.cost`, and are 0 where a node computes or moves nothing.
    """

    op: str
    result: str
    layer: str
    calls: int
    median_ms: float
    share: float
    gflops: float
    gbytes: float


@dataclass(frozen=True)
class Profile:
    """A training step taken apart; `nodes` begins with the slowest."""

    model: str
    summary: str
    batch: int
    device: str
    executor: str
    floatX: str
    steps: int
    step_ms: float
    nodes: list[NodeTime]


def profile(name: str, batch: int | None = None) -> Profile:
    """Train a reference model for a few steps and time each node of each.

    Args:
        name: a key of `REFERENCE_MODELS`.
        batch: samples a step; the model's own by default.

    Raises:
        ArgumentError: an unknown model (an UnknownNameError), or a batch below 1.
    """
    if name not in REFERENCE_MODELS:
        raise unknown_name("model", name, REFERENCE_MODELS)
    if batch is not None and batch < 1:
        raise ArgumentError(f"bench: the batch has at least 1 sample, received {batch}")
    model = REFERENCE_MODELS[name]
    batch = model.batch if batch is None else batch
    np.random.seed(1337)
    step = model.build()
    train, arrays = step.function(), step.data(batch)
    whole, seconds = [], defaultdict(list)
    for k in range(_WARM_UP + _STEPS):
        started = time.perf_counter()
        train(*arrays)
        taken = time.perf_counter() - started
        if k >= _WARM_UP:
            whole.append(taken)
            train.profile(lambda node, _, spent: seconds[node].append(spent), *arrays)
    bindings = dict.fromkeys(symbols(g.BATCH), batch)
    return Profile(
        name,
        model.summary,
        batch,
        "cpu",
        "NumPy interpreter",
        config.floatX,
        _STEPS,
        1e3 * statistics.median(whole),
        _node_times(seconds, bindings),
    )


def _node_times(seconds: dict[g.Node, list[float]], bindings: Bindings) -> list[NodeTime]:
    medians = {
        node: statistics.median(times) for node, times in seconds.items() if node.op not in PLACED
    }
    total = sum(medians.values())
    rows = []
    for node, median in sorted(medians.items(), key=lambda item: -item[1]):
        spent = cost(node, bindings)
        rate = 1e-9 / median if median else 0.0
        layer = str(g.origin_of(node) or "")
        rows.append(
            NodeTime(
                node.op,
                _type(node.dtype, node.shape, bindings),
                layer,
                len(seconds[node]),
                1e3 * median,
                median / total,
                spent.flops * rate,
                spent.bytes * rate,
            )
        )
    return rows


def _type(dtype: object, shape: tuple, bindings: Bindings) -> str:
    if isinstance(dtype, tuple):
        parts = (_type(d, s, bindings) for d, s in zip(dtype, shape, strict=True))
        runs = ((part, len(list(same))) for part, same in groupby(parts))
        return ", ".join(part if count == 1 else f"{count} x {part}" for part, count in runs)
    return f"{dtype}[{', '.join(str(evaluate(size, bindings)) for size in shape)}]"


def format_profile(profile: Profile) -> str:
    """The table that is printed; nodes below half a percent are summed up in one line."""
    shown = [row for row in profile.nodes if row.share >= _SHOWN_SHARE]
    hidden = profile.nodes[len(shown) :]
    width = max(len(f"{row.op} {row.result}") for row in shown)
    lines = [
        f"{profile.model}: {profile.summary}; batch {profile.batch}, {profile.floatX}",
        f"One training step on the {profile.device.upper()}, by the {profile.executor} (no "
        f"generated code): median of {profile.steps} steps {profile.step_ms:.2f} ms",
        "",
        f"{'share':>7} {'median ms':>10} {'calls':>6} {'GFLOP/s':>8} {'GB/s':>7}  "
        f"{'node':<{width}}  layer",
    ]
    for row in shown:
        node = f"{row.op} {row.result}"
        lines.append(
            f"{row.share:>7.1%} {row.median_ms:>10.4f} {row.calls:>6} {_rate(row.gflops):>8} "
            f"{_rate(row.gbytes):>7}  {node:<{width}}  {row.layer}".rstrip()
        )
    share, milliseconds = sum(r.share for r in hidden), sum(r.median_ms for r in hidden)
    lines.append(f"{share:>7.1%} {milliseconds:>10.4f} {'':>23}  {len(hidden)} further nodes")
    return "\n".join(lines)


def _rate(value: float) -> str:
    return f"{value:.2f}" if value else "-"


def _run(arguments: argparse.Namespace) -> None:
    measured = profile(arguments.model, arguments.batch)
    if arguments.json:
        print(json.dumps(asdict(measured), indent=1))
    else:
        print(format_profile(measured))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    models = "; ".join(f"{name}: {one.summary}" for name, one in REFERENCE_MODELS.items())
    parser.add_argument("model", nargs="?", default="mlp", metavar="MODEL", help=models)
    parser.add_argument(
        "--batch", type=int, metavar="N", help="samples a step (default: the model's own)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every node")


COMMAND = Command(
    name="bench",
    summary="time each node of a model's training step",
    description="""\
Trains a model on random data and shows where a step's time goes: for each node of its graph the
share, the median, the number of calls, the rates of computing and of moving data (from the shapes:
each input read once, the result written once), and the layer that the node comes from. This version
executes on the CPU with the NumPy interpreter, and that is what the table measures.

examples:
  graphc bench
  graphc bench lstm --batch 8
  graphc bench --json > step.json
  GRAPHC_FLAGS=floatX=float64 graphc bench     in double precision
""",
    run=_run,
    add_arguments=_add_arguments,
)
