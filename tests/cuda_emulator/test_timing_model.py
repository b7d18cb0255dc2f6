"""The demand that the reports give beside that of executed PTX, for a kernel of each kind.

The reports know no instructions, no passes over shared memory, and no tiles that reach over the
ends of a small matrix. On the steps of mlp, gru_ae, lstm and accel on an H100 the times from
reports were up to 4.8 times shorter than the times from counts, of windows and small products, and
never more than 1.3 times longer: so a factor of 6 is allowed. The bytes of device memory are the
same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.ptx_demand import demand_of as counted_demand
from graphc.compiler import graph as g
from graphc.compiler.cards import CARDS
from graphc.compiler.function import Function, function
from graphc.compiler.graph import Node
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.time_report import demand_of
from graphc.compiler.runtime.gpu import cuda
from graphc.compiler.schedule.kernel import KINDS as SCHEDULED
from graphc.compiler.timing_model import estimate
from graphc.config import config
from tests.cuda_emulator.ptx_count import Count
from tests.cuda_emulator.ptx_counters import counted

pytestmark = pytest.mark.over("ptx", reason="the executor of PTX counts")

FACTOR = 6
RANDOM = np.random.default_rng(3)


def _input(*shape: int, dtype: str = "float32") -> Node:
    return g.input(shape, dtype)


def _scan() -> Function:
    start, xs, weights = _input(8, 16), _input(20, 8, 16), _input(16, 16)

    def step(carries: tuple, slices: tuple) -> tuple:
        return (g.tanh(g.matmul(carries[0], weights) + slices[0]),), ()

    (last,), _ = g.scan(step, [start], [xs])
    return function([start, xs, weights], [last])


def _of_one(compute: Callable[[Node], Node], *shape: int) -> Function:
    x = _input(*shape)
    return function([x], [compute(x)])


def _product() -> Function:
    left, right = _input(256, 128), _input(128, 256)
    return function([left, right], [g.matmul(left, right)])


def _convolution() -> Function:
    image, weights = _input(4, 8, 32, 32), _input(16, 8, 3, 3)
    return function([image, weights], [g.conv(image, weights, padding=1)])


def _gather() -> Function:
    table, indices = _input(100, 64), _input(200, dtype="int32")
    return function([table, indices], [g.take(table, indices)])


def _scatter() -> Function:
    indices, updates = _input(200, dtype="int32"), _input(200, 64)
    return function([indices, updates], [g.scatter_add(indices, updates, 100)])


def _update() -> Function:
    weights = [g.shared(np.ones((size, 16), np.float32)) for size in (30, 40, 50)]
    return function([], [], [(one, one * 0.9) for one in weights])


KINDS = {
    "matmul": _product,
    "conv": _convolution,
    "scan": _scan,
    "pointwise": lambda: _of_one(lambda x: g.tanh(x) * x + 1.0, 512, 256),
    "rows": lambda: _of_one(lambda x: g.sum(g.exp(x), axis=1), 512, 256),
    "columns": lambda: _of_one(lambda x: g.sum(x, axis=0), 512, 256),
    "window": lambda: _of_one(lambda x: g.max_pool(x, (3, 3), 2), 4, 8, 33, 33),
    "gather": _gather,
    "scatter": _scatter,
    "update": _update,
}


def run(build: Callable[[], Function]) -> tuple[KernelList, dict[str, dict[str, Count]]]:
    """The kernels of a function, and what its launches in one call counted."""
    with config.changed(device="gpu"):
        f = build()
        arrays = [
            RANDOM.integers(0, 99, tuple(map(int, x.shape))).astype(x.dtype) for x in f.inputs
        ]
        return f.kernels(), counted(lambda: finished(f, arrays))


def finished(f: Function, arrays: list[np.ndarray]) -> None:
    """Call a function, and wait for all launches, those that only change states too."""
    f(*arrays)
    device = cuda.device()
    with device.current():
        device.wait("counting")


def test_every_kind_is_here() -> None:
    assert {*KINDS} == {*SCHEDULED, "scan"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_reports_and_the_counts_agree(kind: str) -> None:
    kernels, counts = run(KINDS[kind])
    assert kind in {kernel.kind for kernel in kernels}
    for kernel in kernels:
        executed = counted_demand(counts[kernel.name], kernel.times, kernel, None)
        reported = demand_of(kernel)
        assert executed.memory == reported.memory
        assert 0 < executed.l2 <= reported.l2
        for card in CARDS.values():
            one, other = (estimate(each, card).seconds for each in (executed, reported))
            assert 1 / FACTOR < one / other < FACTOR, (kernel.name, card.name)


def test_a_product_of_whole_tiles_has_the_multiply_adds_of_its_shape() -> None:
    (kernel,), counts = run(_product)
    forms = counts[kernel.name]
    fused = sum(one.lanes for form, one in forms.items() if form.startswith("fma.rn.f32"))
    assert fused == kernel.multiply_adds == 256 * 128 * 256
    assert counted_demand(forms, 1, kernel, None).float32 >= fused
