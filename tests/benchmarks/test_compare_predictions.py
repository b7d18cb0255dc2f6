"""benchmarks/compare_predictions.py on a report that no card had to make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.compare_predictions import card_of, compare, main
from graphc.errors import ArgumentError

PREDICTIONS = {
    "cards": {
        "h100": {
            "product-4096": {"device_ms": 2.0},
            "mlp": {
                "batch": 128,
                "device_ms": 0.06,
                "host_ms": 0.05,
                "step_ms": 0.06,
                "kernels": [
                    {"name": "k0_matmul", "warm_ms": 0.01, "cold_ms": 0.02},
                    {"name": "k1_rows", "warm_ms": 0.004, "cold_ms": 0.005},
                    {"name": "k2_gone", "warm_ms": 0.004, "cold_ms": 0.005},
                ],
            },
        }
    }
}
MEASURED = {
    "facts": {"card": "NVIDIA H100 80GB HBM3"},
    "model": "mlp",
    "batch": 128,
    "step": {"median": 0.12},
    "device_step": {"median": 0.09},
    "peaks": {"matmul_size": 4096, "matmul_gflops": 34359.738368},
    "rows": [
        {"name": "k0_matmul", "ms": {"median": 0.04}, "cold": {"median": 0.03}},
        {"name": "k1_rows", "ms": {"median": 0.004}, "cold": None},
        {"name": "k3_new", "ms": {"median": 1.0}, "cold": None},
    ],
}


def test_launches_are_paired_by_name() -> None:
    found = compare(PREDICTIONS, MEASURED)
    assert [(pair.what, pair.ratio) for pair in found.warm] == [
        ("k0_matmul", pytest.approx(4)),
        ("k1_rows", pytest.approx(1)),
    ]
    assert [(pair.what, pair.ratio) for pair in found.cold] == [("k0_matmul", pytest.approx(1.5))]
    assert found.unmatched == ("k2_gone", "k3_new")
    assert found.device is not None
    assert found.product is not None
    assert found.product.ratio == pytest.approx(2)  # 2 * 4096^3 FLOP in 4 ms
    assert (found.device.ratio, found.step.ratio) == (pytest.approx(1.5), pytest.approx(2))


def test_the_summary() -> None:
    found = compare(PREDICTIONS, MEASURED)
    assert found.typical == pytest.approx(2)  # of 4 and 1
    assert found.held == 1
    assert json.loads(json.dumps(found.as_dict()))["held"] == 1
    assert "1 of 2 launches within a factor of 2; typically 2.00 times" in str(found)
    assert "not compared: k3_new" in str(found)
    assert compare(PREDICTIONS, MEASURED | {"peaks": None}).product is None


@pytest.mark.parametrize(
    ("device", "card"),
    [
        ("Tesla T4", "t4"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA A100-SXM4-40GB", "a100"),
        ("NVIDIA H100 80GB HBM3", "h100"),
    ],
)
def test_a_card_by_the_drivers_name(device: str, card: str) -> None:
    assert card_of(device) == card


def test_what_was_not_predicted_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="expected batch 64, found batch 128"):
        compare(PREDICTIONS, MEASURED | {"batch": 64})
    with pytest.raises(ArgumentError, match="predictions of cnn on h100: expected batch 128"):
        compare(PREDICTIONS, MEASURED | {"model": "cnn"})
    with pytest.raises(ArgumentError, match="of 'NVIDIA L4'; there are of NVIDIA T4"):
        card_of("NVIDIA L4")


def test_from_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / name for name in ("predictions.json", "bench.json")]
    for path, value in zip(paths, (PREDICTIONS, MEASURED), strict=True):
        path.write_text(json.dumps(value))
    main([str(path) for path in paths])
    assert capsys.readouterr().out.startswith("mlp on h100: 1 of 2 launches")
