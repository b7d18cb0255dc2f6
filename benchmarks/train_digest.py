"""Train a reference model on the GPU and print what came of it, as JSON: for gpu_check.py.

    python benchmarks/train_digest.py mlp --steps 10 [--batch 8] [--cut]

Two runs of one version on one card print the same digest: it is of the bytes of every shared
variable that the training sets, after the last step.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for what tests have

import numpy as np

from graphc.cli.bench import facts
from graphc.compiler import graph as g
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS
from tests.reference_models.cut_sizes import CUT


def train(name: str, steps: int, batch: int | None, cut: bool) -> dict:
    """The losses and the digest of a model's state after some steps."""
    np.random.seed(1337)
    model = REFERENCE_MODELS[name]
    step = model.build(**(CUT[name] if cut else {}))
    run = step.function()
    arrays = step.data(model.batch if batch is None else batch)
    losses = [float(np.ravel(run(*arrays)[0])[0]) for _ in range(steps)]
    digest = hashlib.sha256()
    for variable, _ in step.updates:
        digest.update(g.get_value(variable).tobytes())
    return {
        "model": name,
        "steps": steps,
        "losses": losses,
        "digest": digest.hexdigest(),
        "facts": {**facts.machine(), **facts.card()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=tuple(REFERENCE_MODELS))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int)
    parser.add_argument(
        "--cut",
        action="store_true",
        help="small sizes, for the emulated driver",
    )
    arguments = parser.parse_args()
    config.device = "gpu"
    trained = train(arguments.model, arguments.steps, arguments.batch, arguments.cut)
    print(json.dumps(trained))


if __name__ == "__main__":
    main()
