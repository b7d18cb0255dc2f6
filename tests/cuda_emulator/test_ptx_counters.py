"""The executor's counts of kernels whose counts are known."""

from __future__ import annotations

import numpy as np
import pytest
from pycuda import gpuarray

from tests.cuda_emulator.ptx_counters import Count, counted
from tests.cuda_emulator.ptx_modules import module_of_ptx

pytestmark = pytest.mark.over("ptx", reason="the executor of PTX counts")

ENTRY = """
.visible .entry k(.param .u64 p) {
  .reg .pred %p<4>; .reg .f32 %f<9>; .reg .b32 %r<9>; .reg .b64 %rd<9>;
  .shared .align 16 .b8 row[8192];
  ld.param.u64 %rd1, [p];
  mov.u32 %r1, %tid.x;
"""


def counts_of(body: str, threads: int = 32) -> dict[str, Count]:
    """The counts of two launches of one block with this body, by form."""
    function = module_of_ptx(ENTRY + body + "\nret;\n}").get_function("k")
    values = gpuarray.to_gpu(np.zeros(4096, np.float32))

    def run() -> None:
        for _ in range(2):
            function(values, block=(threads, 1, 1))

    return counted(run)["k"]


def load(stride: int, form: str, values: str = "%f1") -> str:
    """Each thread loads at its number times the stride in bytes."""
    text = f"mad.wide.u32 %rd2, %r1, {stride}, %rd1; ld.global.{form} {values}, [%rd2];"
    return text


def test_how_often_and_for_how_many_lanes() -> None:
    counts = counts_of("add.s32 %r2, %r1, 1; add.s32 %r2, %r2, 1; bar.sync 0;", threads=40)
    assert counts["add.s32"] == Count(8, 160, 0, 0, 0, 0, 0)  # 2 launches of 2 warps: 32 and 8
    assert (counts["bar.sync"].warps, counts["ret"].lanes) == (4, 80)


@pytest.mark.parametrize(
    ("stride", "form", "values", "sectors", "least"),
    [
        (4, "f32", "%f1", 4, 4),
        (0, "f32", "%f1", 1, 1),
        (32, "f32", "%f1", 32, 4),
        (16, "v4.f32", "{%f1, %f2, %f3, %f4}", 16, 16),
        (8, "v2.f32", "{%f1, %f2}", 8, 8),
        (12, "f32", "%f1", 12, 4),
    ],
)
def test_sectors_of_device_memory(
    stride: int, form: str, values: str, sectors: int, least: int
) -> None:
    count = counts_of(load(stride, form, values))[f"ld.global.{form}"]
    assert (count.sectors, count.least_sectors) == (2 * sectors, 2 * least)
    assert (count.passes, count.least_passes) == (0, 0)


@pytest.mark.parametrize(
    ("stride", "form", "values", "passes", "least"),
    [
        (4, "f32", "%f1", 1, 1),
        (8, "f32", "%f1", 2, 1),
        (128, "f32", "%f1", 32, 1),
        (132, "f32", "%f1", 1, 1),
        (16, "v4.f32", "{%f1, %f2, %f3, %f4}", 4, 4),
        (128, "v4.f32", "{%f1, %f2, %f3, %f4}", 32, 4),
    ],
)
def test_passes_over_the_banks_of_shared_memory(
    stride: int, form: str, values: str, passes: int, least: int
) -> None:
    body = f"mul.lo.s32 %r2, %r1, {stride}; mov.u32 %r3, row; add.s32 %r2, %r2, %r3;"
    count = counts_of(f"{body} st.shared.{form} [%r2], {values};")[f"st.shared.{form}"]
    assert (count.passes, count.least_passes) == (2 * passes, 2 * least)
    assert (count.sectors, count.least_sectors) == (0, 0)


def test_branches_that_part_lanes() -> None:
    body = "setp.lt.u32 %p1, %r1, {}; @%p1 bra there; add.s32 %r1, %r1, 1; there:"
    assert counts_of(body.format(7))["bra"] == Count(2, 14, 2, 0, 0, 0, 0)
    assert counts_of(body.format(7))["add.s32"].lanes == 50
    assert counts_of(body.format(64))["bra"].parted == 0


def test_nothing_is_counted_outside() -> None:
    counts_of("add.s32 %r2, %r1, 1;")
    function = module_of_ptx(ENTRY + "ret;\n}").get_function("k")
    values = gpuarray.zeros(1, np.float32)
    function(values, block=(32, 1, 1))
    assert counted(lambda: None) == {}
