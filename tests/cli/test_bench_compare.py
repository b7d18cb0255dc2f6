"""``graphc bench --compare``: rows of two files, matched by name and layers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphc import cli


def row(name: str, layers: list[str], median: float, spread: float = 0.0) -> dict:
    span = {"median": median, "spread": spread, "samples": 20}
    return {"name": name, "layers": layers, "ms": span, "times": 1}


def report(path: Path, rows: list[dict], step: float, **facts: str) -> str:
    """The path of a report, as --json prints it, as far as --compare reads it."""
    whole = {
        "model": "mlp",
        "batch": 128,
        "device": "gpu",
        "executor": "generated kernels",
        "floatX": "float32",
        "facts": {"card": "A", "commit": "1", **facts},
        "step": {"median": step, "spread": 0.0, "samples": 20},
        "device_step": None,
        "rows": rows,
    }
    path.write_text(json.dumps(whole))
    return str(path)


@pytest.fixture
def before(tmp_path: Path) -> str:
    rows = [
        row("k2_matmul", ["dense_1"], 4.0),
        row("k0_rows", ["loss"], 1.0, spread=0.2),
        row("k1_update", [], 3.0),
        row("k3_update", [], 2.0),
    ]
    return report(tmp_path / "before.json", rows, 10.0)


def compared(capsys: pytest.CaptureFixture[str], before: str, after: str) -> list[list[str]]:
    assert cli.main(["bench", "--compare", before, after]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_ratios_of_rows_whose_numbers_have_changed(
    capsys: pytest.CaptureFixture[str], before: str, tmp_path: Path
) -> None:
    rows = [  # a new first kernel moves all numbers by one
        row("k0_columns", ["dense_9"], 0.5),
        row("k1_rows", ["loss"], 1.1, spread=0.2),
        row("k2_update", [], 6.0),
        row("k4_update", [], 1.0),
    ]
    after = report(tmp_path / "after.json", rows, 5.0, commit="2")
    lines = compared(capsys, before, after)
    assert ["10.0000", "5.0000", "0.500", "the", "whole", "step"] in lines
    # The two updates are told apart by their order; a difference within the spread has a ~.
    assert ["3.0000", "6.0000", "2.000", "update"] in lines
    assert ["2.0000", "1.0000", "0.500", "update", "(2)"] in lines
    assert ["1.0000", "1.1000", "1.100~", "rows", "loss"] in lines
    assert ["new:", "columns", "dense_9,", "0.5000", "ms"] in lines
    assert ["gone:", "matmul", "dense_1,", "4.0000", "ms"] in lines
    assert ["commit:", "1", "->", "2"] in lines


def test_another_card_is_said(
    capsys: pytest.CaptureFixture[str], before: str, tmp_path: Path
) -> None:
    after = report(tmp_path / "after.json", [], 5.0, card="B")
    lines = compared(capsys, before, after)
    assert ["These", "are", "not", "of", "one", "and", "the", "same", "card"] in lines


def test_what_is_no_report_is_an_error(
    capsys: pytest.CaptureFixture[str], before: str, tmp_path: Path
) -> None:
    for text in ("nonsense", "[]", '{"model": "mlp"}'):
        (tmp_path / "other.json").write_text(text)
        assert cli.main(["bench", "--compare", before, str(tmp_path / "other.json")]) == 2
        assert "other.json" in capsys.readouterr().err
    assert cli.main(["bench", "--compare", before, str(tmp_path / "missing.json")]) == 2
    assert "missing.json" in capsys.readouterr().err


def test_options_that_measure_are_refused_beside_it(
    capsys: pytest.CaptureFixture[str], before: str
) -> None:
    assert cli.main(["bench", "mlp", "--json", "--compare", before, before]) == 2
    assert "leave model, json out" in capsys.readouterr().err
