"""The process of one side: python -m benchmarks.architectures.worker graphc|torch THREADS

It answers as `benchmarks.forms.worker` does, except that

- ``{"prepare": NAME}`` builds a network and makes its first steps; the answer has the shape of its
  output of one sample, and the number of its trainable parameters.
"""

from __future__ import annotations

from typing import Any

from benchmarks.architectures.workloads import BY_NAME
from benchmarks.forms import worker


class TrainingWorker(worker.Worker):
    """Prepares networks of one side, one after the other, and times steps of the last one."""

    def __init__(self, side: str):
        super().__init__(side, "architectures")

    def _prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        training = self._side.prepared(BY_NAME[request["prepare"]])
        self._call = training.step
        self._seconds(0.0)
        return {"output_shape": training.output_shape, "parameters": training.parameters}


if __name__ == "__main__":
    worker.serve(TrainingWorker)
