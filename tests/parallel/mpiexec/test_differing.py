"""Facts that have to be equal on all ranks: each difference is an error on all of them, which names
it."""

from __future__ import annotations

import json

import pytest

from tests.parallel.mpiexec.launching import run


@pytest.fixture(scope="module")
def errors() -> dict[str, str]:
    """Return the errors of both ranks, by the difference of the second."""
    ended = run(2, "differing.py", flags="ranks=mpi,shards=2")
    assert ended.status == 0, ended.errors
    one, other = json.loads(ended.output)
    assert one == other
    return {**one, "errors": ended.errors}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("row", "m.fit: expected the same program, flags, model, data .*. data: float32[3000, 5]:"),
        ("length", "data: float32[100, 5]:.* on rank 0 (.*), float32[101, 5]:.* on rank 1 ("),
        ("validation", "different ones. validation data: float32[3000, 5]:"),
        ("rate", "settings: momentum=0.0, lr=0.1.* on rank 0 (.*lr=0.2.* on rank 1 ("),
        (
            "rate of a callback",
            "fit: .*. settings after epoch 2: .*lr=0.5.* on rank 0 (.*lr=0.25.* on rank 1 (",
        ),
        ("graph", "different ones. graph: "),
        ("flags", "flags: .*epsilon=1e-07,.* on rank 0 (.*epsilon=0.001,.* on rank 1 ("),
        ("__version__", "version: .* on rank 0 (.*), 0.0.1 on rank 1 ("),
        ("_cpp_compiler", "compiler: .* on rank 0 (.*), another.* 1.0 on rank 1 ("),
        ("_processor", "processor: .* on rank 0 (.*), another processor on rank 1 ("),
        ("evaluate", "evaluate: .* data: float32[1300, 5]:"),
        ("predict", "predict: .* data: float32[16, 5]:.* on rank 0 (.*), float32[15, 5]:"),
        ("test_on_batch", "test_on_batch: .* data: float32[10, 5]:"),
        ("predict_on_batch", "predict_on_batch: .* data: float32[10, 5]:"),
        ("train_on_batch", "train_on_batch: .* data: float32[10, 5]:"),
    ],
)
def test_a_difference_is_an_error_that_names_it(
    what: str, expected: str, errors: dict[str, str]
) -> None:
    place = 0
    for part in expected.split(".*"):
        place = errors[what].index(part, place) + len(part)
    assert errors["nothing"] == ""


def test_a_warning_of_one_rank_is_logged_by_rank_0_and_that_of_all_once(
    errors: dict[str, str],
) -> None:
    lines = errors["errors"].splitlines()
    assert sum("all see it" in line for line in lines) == 1
    (line,) = (line for line in lines if "nobody else sees it" in line)
    assert line.startswith("rank 1 on ")
