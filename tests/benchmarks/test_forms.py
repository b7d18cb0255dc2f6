"""The grid of forms: its sizes and work by hand, graphc's side against NumPy, and the floor."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from benchmarks.forms import graphc_side
from benchmarks.forms.graphc_side import nodes_of
from benchmarks.forms.grid import (
    BY_NAME,
    FORMS,
    KINDS,
    OPERATIONS,
    Arrays,
    Form,
    Sizes,
    form_of,
)
from benchmarks.forms.random_forms import DRAWN_KINDS, random_forms
from benchmarks.forms.rates import MachineRates


def form(operation: str, **sizes: Any) -> Form:
    return Form("any", operation, Sizes(sizes))


def test_each_form_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(FORMS)
    assert {one.operation for one in FORMS} == set(OPERATIONS)


def test_the_arrays_of_a_form_are_the_same_at_each_call() -> None:
    one = form("matmul", m=3, n=4, k=5, batch=2, stored="b")
    first, again = one.arrays(), one.arrays()
    assert first["a"].shape == (2, 3, 5)
    assert first["b"].shape == (2, 4, 5)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


def test_random_forms_are_those_of_their_seed_and_pass_through_json() -> None:
    first, again = (list(itertools.islice(random_forms(3), 80)) for _ in range(2))
    assert [one.name for one in first] == [one.name for one in again]
    assert {one.kind for one in first} == set(DRAWN_KINDS) == set(KINDS) - {"update"}
    for one in first:
        read = form_of(json.loads(json.dumps(one.described())))
        assert (read.kind, read.name) == (one.kind, one.name)
        assert one.flops() >= 0
        assert one.operation in OPERATIONS


def test_the_work_of_a_strided_convolution_by_hand() -> None:
    """Of 7 by 7 with a border of one, windows of 3 in steps of 2 give 4 by 4; each is 9 products of
    a filter and a channel."""
    sizes: dict[str, Any] = {"batch": 2, "channels": 5, "filters": 3, "size": (7, 7)}
    sizes |= {"kernel": (3, 3), "stride": 2, "border": "same"}
    for part in ("forward", "image", "weights"):
        one = form("conv", part=part, **sizes)
        assert one.flops() == 2 * 2 * 5 * 3 * 16 * 9
    assert one.arrays()["dy"].shape == (2, 3, 4, 4)


def softmax(read: Arrays) -> np.ndarray:
    powers = np.exp(read["x"] - read["x"].max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def last_lstm_state(read: Arrays) -> np.ndarray:
    def sigmoid(z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z))

    h = c = np.zeros((2, 3))
    for x in read["x"].swapaxes(0, 1).astype(np.float64):
        i, f, candidate, o = np.split(x @ read["W"] + h @ read["U"] + read["b"], 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
        h = sigmoid(o) * np.tanh(c)
    return h


def added_rows(read: Arrays) -> np.ndarray:
    table = np.zeros((7, 3))
    np.add.at(table, read["rows"], read["dy"])
    return table


def test_exponentials_of_a_form() -> None:
    gates = form("pointwise", function="gates", shape=(3, 4))  # two logistic functions and a tanh
    assert gates.exponentials() == 3 * 12
    assert form("reduce", function="softmax", shape=(3, 4), axes=(1,)).exponentials() == 12
    assert form("reduce", function="max", shape=(3, 4), axes=(1,)).exponentials() == 0
    lstm = form("recurrent", layer="lstm", part="forward", units=3, batch=2, steps=4, features=5)
    assert lstm.exponentials() == 2 * 4 * 3 * 5


SMALL: list[tuple[Form, Callable[[Arrays], np.ndarray]]] = [
    (form("matmul", m=3, n=4, k=5, stored="ab"), lambda r: r["a"].T @ r["b"].T),
    (form("dense", m=3, n=4, k=5), lambda r: np.maximum(r["x"] @ r["W"] + r["b"], 0)),
    (
        form("pointwise", function="bias_relu", shape=(3, 4)),
        lambda r: np.maximum(r["x"] + r["b"], 0),
    ),
    (form("reduce", function="softmax", shape=(3, 4), axes=(1,)), softmax),
    (form("reduce", function="sum", shape=(2, 3, 4), axes=(0, 2)), lambda r: r["x"].sum((0, 2))),
    (form("transpose", shape=(2, 3, 4), order=(2, 0, 1)), lambda r: r["x"].transpose(2, 0, 1)),
    (
        form("concat", axis=1, shape=(3, 0), widths=(2, 5)),
        lambda r: np.concatenate([r["x0"], r["x1"]], 1),
    ),
    (
        form("move", function="upsample", shape=(2, 3, 4, 5)),
        lambda r: r["x"].repeat(2, 2).repeat(2, 3),
    ),
    (
        form("recurrent", layer="lstm", part="forward", units=3, batch=2, steps=4, features=5),
        last_lstm_state,
    ),
    (form("embedding", part="gradient", vocabulary=7, width=3, batch=2, length=9), added_rows),
    (
        form("update", rule="sgd", count=2, shape=(3, 4)),
        lambda r: r["parameter0"] - 1e-3 * r["gradient0"],
    ),
]


@pytest.mark.flags(cpu="numpy")
@pytest.mark.parametrize(("one", "expected"), SMALL, ids=[one.name for one, _ in SMALL])
def test_graphcs_side_against_numpy(one: Form, expected: Callable[[Arrays], np.ndarray]) -> None:
    call, results = graphc_side.prepared(one)
    call()
    np.testing.assert_allclose(results()[0], expected(one.arrays()), rtol=2e-5, atol=1e-6)


def test_what_work_takes_at_each_rate() -> None:
    """100 GFLOP/s; 40 GB/s of what fits a cache of 1 MB, 10 GB/s beyond; 2 exponentials a ns."""
    rates = MachineRates(1e11, ((1_000, 4e10), (1_000_000, 1e10)), 2e9, 5e-6)
    assert rates.seconds(10**9, 1_000, 1_000) == pytest.approx((1e-2, 2.5e-8, 5e-7))
    assert rates.seconds(0, 400_000, 400_000) == pytest.approx((0, 1e-5, 2e-4))
    assert rates.seconds(0, 2_000_000, 0) == pytest.approx((0, 2e-4, 0))
    assert rates.seconds(0, 400, 0) == pytest.approx((0, 1e-8, 0))


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one != "update"])
def test_no_form_is_computed_element_by_element(operation: str) -> None:
    """That takes ten times as long as by vectors, and more."""
    found = [
        one.name
        for one in FORMS
        if one.operation == operation
        for kernel in graphc.function([], nodes_of(one)).loop_programs(target="cpu")
        if kernel.mapped is not None and "in order" in kernel.mapped.names
    ]
    assert not found
