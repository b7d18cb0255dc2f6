"""Timing a training step on the CPU: node by node, as the interpreter runs it."""

from __future__ import annotations

import time
from collections import defaultdict
from itertools import groupby
from typing import Any

from graphc.cli.bench.facts import machine
from graphc.cli.bench.report import Report, Row, by_time, time_statistics
from graphc.compiler import graph as g
from graphc.compiler.function import Function
from graphc.compiler.graph.cost import Bindings, cost
from graphc.compiler.graph.dim import evaluate, symbols
from graphc.compiler.interpret import SUPPLIED
from graphc.config import config
from graphc.reference_models import ReferenceModel, TrainingStep

_WARM_UP = 3
_STEPS = 20


def profile(
    model: ReferenceModel,
    batch: int,
    step: TrainingStep,
    train: Function,
    notes: tuple[str, ...],
) -> Report:
    """Train a model for a few steps and time each node of each.

    Args:
        step, train: of the model, and its function, which the interpreter runs.
    """
    arrays = step.data(batch)
    whole, seconds = [], defaultdict(list)
    for k in range(_WARM_UP + _STEPS):
        started = time.perf_counter()
        train(*arrays)
        taken = time.perf_counter() - started
        if k >= _WARM_UP:
            whole.append(taken)
            train.profile(lambda node, _, spent: seconds[node].append(spent), *arrays)
    rows = _rows(seconds, dict.fromkeys(symbols(g.BATCH), batch))
    return Report(
        model=model.name,
        summary=model.summary,
        batch=batch,
        device="cpu",
        executor="NumPy interpreter",
        floatX=config.floatX,
        facts=machine(),
        step=time_statistics(whole),
        launches=0,
        notes=notes,
        rows=by_time(rows),
    )


def _rows(seconds: dict[g.Node, list[float]], bindings: Bindings) -> list[Row]:
    timings = {
        node: time_statistics(times) for node, times in seconds.items() if node.op not in SUPPLIED
    }
    total = sum(one.median for one in timings.values())
    rows = []
    for node, taken in timings.items():
        spent = cost(node, bindings)
        origin = g.origin_of(node)
        rows.append(
            Row(
                name=f"{node.op} {_type(node.dtype, node.shape, bindings)}",
                layers=() if origin is None else (str(origin),),
                work=node.op,
                times=1,
                ms=taken,
                share=taken.median / total,
                gflops=taken.rate(spent.flops),
                gbytes=taken.rate(spent.bytes),
            )
        )
    return rows


def _type(dtype: object, shape: tuple[Any, ...], bindings: Bindings) -> str:
    if isinstance(dtype, tuple):
        parts = (_type(d, s, bindings) for d, s in zip(dtype, shape, strict=True))
        runs = ((part, len(list(same))) for part, same in groupby(parts))
        return ", ".join(part if count == 1 else f"{count} x {part}" for part, count in runs)
    return f"{dtype}[{', '.join(str(evaluate(size, bindings)) for size in shape)}]"
