"""The process of one side: python -m benchmarks.architectures.worker graphc|torch THREADS

It answers as `benchmarks.forms.worker` does, except that

- ``{"prepare": NAME, "work": WORK}`` builds a network and calls it; the answer has the shape of its
  output of one sample, and the number of its trainable parameters.
"""

from __future__ import annotations

from typing import Any

from benchmarks.architectures.workloads import BY_NAME
from benchmarks.forms import worker


class NetworkWorker(worker.Worker):
    """Prepares networks of one side, one after the other, and times the last one."""

    def __init__(self, side: str):
        super().__init__(side, "architectures")

    def _prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        network = self._side.prepared(BY_NAME[request["prepare"]], request["work"])
        self._call = network.call
        self._seconds(0.0)
        return {"output_shape": network.output_shape, "parameters": network.parameters}


if __name__ == "__main__":
    worker.serve(NetworkWorker)
