"""The table of a GPU's report, line by line, from numbers that no GPU had to measure."""

from __future__ import annotations

from dataclasses import replace

from graphc.cli.bench.report import Peaks, Report, Rival, Row, TimeStatistics, format_report
from graphc.compiler.function.comparison import Checked


def span(ms: float) -> TimeStatistics:
    return TimeStatistics(ms, ms / 10, 5, ms)


PRODUCT = Row(
    name="k0_matmul",
    layers=("dense_1", "dense_2"),
    work="a product",
    times=2,
    ms=span(0.25),
    cold=span(0.5),
    share=0.75,
    gflops=1234.5,
    gbytes=100.0,
    flops_of_peak=0.5,
    bytes_of_peak=0.125,
)
COPY = Row(
    name="k1_pointwise",
    layers=("dense_1",),
    work="a copy",
    times=1,
    ms=span(0.1),
    share=0.249,
    gflops=0.0,
    gbytes=2.0,
    bytes_of_peak=0.25,
)
SHORT = replace(COPY, name="k2_pointwise", share=0.001)
REPORT = Report(
    model="mlp",
    summary="three layers",
    batch=7,
    device="gpu",
    executor="generated CUDA",
    floatX="float32",
    facts={"card": "A card"},
    step=TimeStatistics(1.5, 0.25, 30, 1.25),
    device_step=span(0.625),
    launches=4,
    peaks=Peaks(1000.0, 64 << 20, 50000.0, 4096, 0.002, 60000.0),
    check=Checked(3, 1e-6, 1e-4, (), ("k2: in two parts",)),
    notes=("Clocks were not fixed.",),
    rows=(PRODUCT, COPY, SHORT),
)


def test_the_whole() -> None:
    assert format_report(REPORT).splitlines() == [
        "mlp: three layers; batch 7, float32",
        "One training step on A card, by generated CUDA: median of 30 steps 1.50 ms",
        "  (quartiles 0.25 ms apart)",
        "4 launches a step, 0.625 ms on the GPU",
        "Peaks: of the card 60000.0 GFLOP/s by its multiprocessors and clock; measured in",
        "  this run: a copy of 64 MiB 1000.0 GB/s, a product of 4096 x 4096 50000.0",
        "  GFLOP/s; the shortest launch takes 0.0020 ms",
        "Clocks were not fixed.",
        "",
        "share  median ms  spread  cold ms  times  GFLOP/s    GB/s  % FLOP  % copy  kernel        "
        "layers",
        "75.0%     0.2500  0.0250   0.5000      2  1234.50  100.00   50.0%   12.5%  k0_matmul     "
        "dense_1, dense_2",
        "24.9%     0.1000  0.0100        -      1        -    2.00       -   25.0%  k1_pointwise  "
        "dense_1",
        "   0.1%  1 further rows; --json has all",
        "",
        "GFLOP/s of the warm times, GB/s of the cold ones; -: it computes or moves nothing",
        "3 values agree with the interpreter's: the largest difference is 1.0e-06 of its value's "
        "largest element (the limit is 1e-04)",
        "not checked: k2: in two parts",
    ]


def test_names_go_on_below_each_other_on_a_cpu() -> None:
    layers = tuple(f"convolution2d_{k}" for k in range(1, 9))
    lines = format_report(replace(REPORT, device="cpu", rows=(replace(PRODUCT, layers=layers),)))
    (first,) = [k for k, line in enumerate(lines.splitlines()) if "k0_matmul" in line]
    shown = lines.splitlines()[first:]
    begin = shown[0].index("k0_matmul")
    assert [len(line) - len(line.lstrip()) for line in shown[1:4]] == [begin + 2] * 3
    assert max(map(len, shown)) <= 80
    names = " ".join(line[begin:].strip() for line in shown[:4])
    assert names.startswith("k0_matmul; convolution2d_1, convolution2d_2, convolution2d_3")


def test_the_columns_of_pytorch() -> None:
    rows = (replace(PRODUCT, torch=Rival("mm", span(0.125))), COPY)
    lines = format_report(replace(REPORT, rows=rows)).splitlines()
    heads, product, copy = lines[9:12]
    assert heads.split()[-4:] == ["ms", "of", "kernel", "layers"]
    assert product.split()[-5:] == ["0.1250", "mm", "k0_matmul", "dense_1,", "dense_2"]
    assert copy.split()[-4:] == ["-", "-", "k1_pointwise", "dense_1"]


def test_without_peaks_and_check() -> None:
    lines = format_report(replace(REPORT, peaks=None, check=None, device_step=None)).splitlines()
    assert len(lines) == 17 - 6
    assert not any("Peaks" in line or "agree" in line or "launches" in line for line in lines)


def test_a_check_that_failed_is_no_row_of_the_report() -> None:
    failed = replace(REPORT, check=Checked(3, 1e-6, 1e-4, ("k0: wrong",), ()))
    assert "agree" not in format_report(failed)
