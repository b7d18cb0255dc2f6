"""Random layer models of which a training step is lowered for both targets, and not run.

Their batch size is known in every second case: products, rows and loops of known sizes have other
mappings than those that a call decides.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graphc.compiler.graph import Node
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cuda import lower
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.random_models import BATCH, drawn

TARGETS: Mapping[str, Callable[[Sequence[Node]], Any]] = {"cpu": lower_native, "cuda": lower}


def fault_of(outputs: Sequence[Node], target: str) -> str:
    """Return what ends the lowering of a graph, with where; empty where nothing does."""
    try:
        TARGETS[target](outputs)
    except Exception:
        return f"{target}:\n{traceback.format_exc()}"
    return ""


def run(cases: Cases) -> Iterator[Result]:
    """Yield the result of each case."""
    for index in cases:
        batch = BATCH if index % 2 else None
        model = drawn(cases.random(index), batch).model
        outputs = model._graphc_trainer.need_compiled("kernels").train().graph(training=True)
        faults = [fault_of(outputs, target) for target in TARGETS]
        yield Result(index, "\n".join(filter(None, faults)), {"known batch": index % 2})


CAMPAIGN = Campaign(
    "lowering",
    "random layer models that become kernels for a CPU and for a GPU, and are not run",
    run,
)
