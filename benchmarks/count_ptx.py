"""Count instructions and accesses of a step's kernels, by executing their PTX; no GPU is needed.

    GRAPHC_CUDA_DRIVER=.venv-cuda/driver-plain/libcuda.so.1 GRAPHC_EMULATE=ptx \
        .venv-cuda/bin/python -m benchmarks.count_ptx mlp product-512

Each is a reference model, of which one training step at its own batch is run, or a square product.
The counts go into benchmarks/predictions/counts/, a file each, of which benchmarks/predict.py makes
predictions. The kernels are those of the emulated card, a T4; other cards run many of the same. A
step takes from seconds (mlp) to a quarter of an hour (accel). The driver is made by make test-cuda.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from tests.cuda_emulator import emulator  # noqa: F401  it puts the emulated driver in place

# Behind the emulator, which has to be first to load PyCUDA's driver.
from benchmarks.predicted import COUNTS, NAMES, digest, step_of  # isort: skip
from graphc.cli.bench.facts import commit  # isort: skip
from graphc.compiler.function import Function  # isort: skip
from graphc.compiler.runtime.gpu import cuda  # isort: skip
from graphc.config import config  # isort: skip
from tests.cuda_emulator.ptx_counters import counted  # isort: skip


def count(name: str, folder: Path) -> Path:
    """Run a step over PTX, and write what it counted."""
    np.random.seed(1337)
    step = step_of(name)
    with config.changed(device="gpu"):
        function, arrays = step.build(), step.data()
        kernels = function.kernels(step.batch)
        counts = counted(lambda: _finished(function, arrays))
    found = {
        kernel.name: {
            "text": digest(kernel.source),
            "forms": {form: astuple(one) for form, one in counts[kernel.name].items()},
        }
        for kernel in kernels
        if kernel.name in counts
    }
    path = folder / f"{name}.json"
    text = json.dumps({"name": name, "commit": commit(), "kernels": found}, separators=(",", ":"))
    path.write_text(text.replace("}},", "}},\n") + "\n", encoding="utf-8")
    return path


def _finished(function: Function, arrays: Sequence[np.ndarray]) -> None:
    function(*arrays)
    device = cuda.device()
    with device.current():
        device.wait("counting")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", choices=NAMES)
    parser.add_argument("--output", type=Path, default=COUNTS, help="the folder to write to")
    arguments = parser.parse_args(given)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        print(f"written to {count(name, arguments.output)}", flush=True)


if __name__ == "__main__":
    main()
