"""Train a reference model on the GPU, each kernel of a step beside the interpreter.

python -m benchmarks.bring_up.model lstm [--cut]
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from benchmarks.bring_up.outcome import tell
from graphc.compiler import graph as g
from graphc.compiler.function.comparison import check
from graphc.compiler.graph import BATCH, CallStep
from graphc.compiler.graph.dim import symbols
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS
from tests.reference_models.cut_sizes import CUT

STEPS = 10
CUT_BATCH = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=tuple(REFERENCE_MODELS))
    parser.add_argument("--cut", action="store_true", help="small sizes")
    arguments = parser.parse_args()
    model = REFERENCE_MODELS[arguments.model]
    batch = CUT_BATCH if arguments.cut else model.batch
    np.random.seed(1337)
    step = model.build(**(CUT[model.name] if arguments.cut else {}))
    with config.changed(device="gpu"):
        train = step.function()
    arrays = step.data(batch)
    program = train.program()
    states = [g.state_of(variable) for variable, _ in step.updates]
    executor = CudaExecutor(program, program.outputs, states, train.name)
    feeds = dict(zip(step.inputs, arrays, strict=True))
    bindings = dict.fromkeys(symbols(BATCH), batch)
    _, checked = check(executor, states, feeds, bindings, CallStep(train.call_step.value))
    losses = [float(np.ravel(train(*arrays)[0])[0]) for _ in range(STEPS)]
    problems = [*checked.failures]
    if not all(map(math.isfinite, losses)):
        problems.append(f"a loss that is not finite: {losses}")
    tell(
        not problems,
        "; ".join(problems),
        batch=batch,
        values=checked.values,
        largest=checked.largest,
        limit=checked.limit,
        unchecked=checked.unchecked,
        losses=losses,
    )


if __name__ == "__main__":
    main()
