"""No step takes less: its operations at the rate of a product, its bytes at the rate of a copy.

    python -m benchmarks.peers.floor THREADS

prints the two rates of this machine, now.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

from benchmarks.peers.worker import use_processors
from benchmarks.peers.workloads import Workload
from graphc.cli.bench.rates import Rates, measure
from graphc.reference_models import REFERENCE_MODELS


@dataclass(frozen=True)
class Work:
    """The work that a step cannot do without.

    Attributes:
        flops: of the kernels that graphc makes of it.
        bytes: of its feeds, once, and of weights and optimizer's state, read and written once.
    """

    flops: int
    bytes: int

    def seconds(self, rates: Rates) -> tuple[float, float]:
        """For the operations, and for the bytes; the floor is their sum."""
        return self.flops / rates.flops, self.bytes / rates.bytes


def work(workload: Workload) -> Work:
    """Of one step."""
    step = REFERENCE_MODELS[workload.name].build()
    kernels = step.function().kernels(workload.batch, target="cuda")
    flops = sum(kernel.flops * kernel.times for kernel in kernels)
    state = sum(variable.get_value().nbytes for variable, _ in step.updates)
    fed = sum(array.nbytes for array in step.data(workload.batch))
    return Work(flops, fed + 2 * state)


def best(rates: list[Rates]) -> Rates:
    """The highest of each: what the machine can do when nothing is in the way."""
    return Rates(max(r.flops for r in rates), max(r.bytes for r in rates))


if __name__ == "__main__":
    use_processors(int(sys.argv[1]))
    print(json.dumps(asdict(measure(int(sys.argv[1])))))
