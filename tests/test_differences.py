"""docs/differences.md names a test for each entry; and those that have no other place."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from graphc import backend as K
from graphc.engine.topology.layer import Input, Layer
from graphc.layers.advanced_activations import PReLU, ThresholdedReLU
from graphc.layers.core import Dense, Merge
from graphc.models import Model

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
ENTRIES = [line for line in TEXT.splitlines() if line.startswith("- ")]
NAMED = re.compile(r"`(tests/[^`]*)`")


@cache
def names_in(path: Path) -> frozenset[str]:
    """The tests of a file, by function or Class::method."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {prefix + one.name for one in inside if isinstance(one, ast.FunctionDef)}
    return frozenset(name for name in found if name.split("::")[-1].startswith("test"))


def problems(entries: list[str]) -> list[str]:
    """Entries that name no test, and names of tests that there are not."""
    found = []
    for entry in entries:
        names = NAMED.findall(entry)
        if not names:
            found.append(f"no test: {entry}")
        for name in names:
            path, _, test = name.partition("::")
            if not (ROOT / path).is_file() or test not in names_in(ROOT / path):
                found.append(f"there is no {name}")
    return found


def test_each_entry_names_tests_that_there_are():
    assert ENTRIES
    assert problems(ENTRIES) == []


@pytest.mark.parametrize(
    "entry",
    [
        "- **A.** Here: b.",
        "- **A.** Here: b. `tests/test_nowhere.py::test_a`",
        "- **A.** Here: b. `tests/test_differences.py`",
        "- **A.** Here: b. `tests/test_differences.py::problems`",
        "- **A.** Here: b. `tests/test_differences.py::TestA::test_each_entry_names_tests`",
    ],
)
def test_an_entry_without_its_test_is_found(entry):
    assert len(problems([entry])) == 1


def test_every_line_of_a_group_is_an_entry():
    """So that none escapes: behind the introduction there are headings and entries alone."""
    lines = TEXT[TEXT.index("\n## ") :].splitlines()
    assert [one for one in lines if one and not one.startswith(("- **", "## "))] == []


def test_a_merge_is_called_on_tensors():
    a, b = Input((2,)), Input((2,))
    output = Merge(mode="sum")([a, b])
    (value,) = K.function([a, b], [output])([np.ones((1, 2)), np.full((1, 2), 2.0)])
    np.testing.assert_array_equal(value, [[3.0, 3.0]])


def test_advanced_activations_at_infinity():
    x = Input((2,))
    for layer, below in ((ThresholdedReLU(), 0.0), (PReLU(init="one"), -np.inf)):
        (value,) = K.function([x], [layer(x)])([[[-np.inf, np.inf]]])
        np.testing.assert_array_equal(value, [[below, np.inf]])


@pytest.mark.flags(keras="1.0")
def test_outputs_of_one_layer_have_names_of_their_own():
    class Both(Layer):
        def call(self, x, mask=None):
            return [x, 2 * x]

    x = Input((1,))
    model = Model(x, Both(name="both")(x))
    assert model.output_names == ["both", "both_2"]
    model.compile("sgd", {"both": "mse", "both_2": "mae"})
    zeros, threes = np.zeros((4, 1)), np.full((4, 1), 3.0)
    assert model.evaluate(threes, {"both_2": zeros, "both": zeros}, verbose=0) == 9.0 + 6.0


def test_class_numbers_for_every_output():
    x = Input((4,))
    outputs = [Dense(3, activation="softmax", init="zero")(x) for _ in range(2)]
    model = Model(x, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    values = model.train_on_batch(np.zeros((2, 4)), [np.array([0, 1]), np.array([[2], [1]])])
    assert np.ravel(values)[0] == pytest.approx(2 * np.log(3.0))


def test_rnn_keeps_axes_of_size_one():
    x = K.variable(np.arange(3.0).reshape(1, 3, 1))
    last, outputs, (state,) = K.rnn(
        lambda step, states: (step + states[0], [step + states[0]]), x, [K.zeros((1, 1))]
    )
    np.testing.assert_array_equal(K.eval(outputs), [[[0.0], [1.0], [3.0]]])
    assert K.eval(last).tolist() == K.eval(state).tolist() == [[3.0]]
