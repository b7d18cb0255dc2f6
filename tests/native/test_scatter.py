"""scatter_add as native code: sums in the order of the indices, and updates of rows of a table."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.program.launch import Launch
from graphc.config import config
from graphc.errors import IndexRangeError
from tests.compiler.scatter_programs import scatter_case
from tests.native.graph_programs import both, needs_compiler, on_threads

pytestmark = needs_compiler

RANDOM = np.random.default_rng(7)
case = partial(scatter_case, RANDOM)


def test_no_place() -> None:
    updates = g.input((2, 1, 3), "float32")
    indices = g.constant(np.zeros((2, 0), "int32"))
    feeds = {updates: np.ones((2, 1, 3), "float32")}
    both([g.scatter_add(indices, updates[:, 1:], 4)], feeds)


def test_values_in_all_layouts() -> None:
    cases = [
        case(50, (BATCH, 9), (), (12,)),  # an embedding's
        case(7, (BATCH, 250), (), (3,)),  # each row many times
        case(5000, (3,), (), ()),  # numbers, mostly zeros
        case(40, (BATCH,), (BATCH, 3), ()),  # along the last axis
        case(4, (2, 3), (5,), (130,)),
        case(BATCH, (11,), (), (6,)),
        case(300, (40,), (), (7, 33)),  # rows of two axes, on threads
        case(9, (31,), (), (4,), "float64"),
        case(9, (31,), (), (5,), "int32"),
        case(2, (1030,), (), (1,), "int64"),
        case(60, (1,), (), (20,)),  # one place
        case(1, (BATCH, 3), (), (20,)),  # one row
        case(3, (BATCH,), (), (5000,)),  # rows that are wider than a thread's registers
        case(11, (BATCH, 2), (3, BATCH), (9,)),  # between other axes
    ]
    feeds = {x: array for _, fed in cases for x, array in fed.items()}
    for ours, theirs in both([node for node, _ in cases], feeds):
        # Up to 600 terms of about 100 in each sum, rounded once a term.
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-3)


def test_sums_are_made_in_the_order_of_the_indices() -> None:
    """In float32, 1e8 + 1 - 1e8 is 0 and 1e8 - 1e8 + 1 is 1; no other order gives both."""
    indices, updates = g.input((3,), "int32"), g.input((3, 2), "float32")
    feeds = {
        indices: np.array([4, 4, 4], "int32"),
        updates: np.array([[1e8, 1e8], [1, -1e8], [-1e8, 1]], "float32"),
    }
    [(ours, _)] = both([g.scatter_add(indices, updates, 6)], feeds)
    np.testing.assert_array_equal(ours[4], [0, 1])


class Table:
    """A step of an embedding of `rows` x 6, whose loss is the sum of the squares of what is read,
    times 3: the gradient of a row is 6 w for each time that it is read."""

    def __init__(self, update: str, rows: int = 40, lr: float = 0.5):
        start = RANDOM.standard_normal((rows, 6)).astype("float32")
        start[3] = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-42]
        self.words = g.input((BATCH, 4), "int32", name="words")
        self.table = g.shared(start, name="table")
        self.moment = g.shared(np.ones_like(start), name="moment")
        self.lr = g.shared(np.float32(lr), name="lr")
        read = g.take(self.table, self.words)
        self.loss = 3.0 * g.sum(read * read)
        slope = grad(self.loss, self.table)
        self.updates = {
            "plain": [(self.table, self.table - self.lr * slope)],
            "momentum": [
                (self.moment, 0.5 * self.moment - self.lr * slope),
                (self.table, self.table + (0.5 * self.moment - self.lr * slope)),
            ],
            "decay": [(self.table, self.table - self.lr * (slope + 0.1 * self.table))],
        }[update]

    def mapping(self) -> str:
        """Return the name of the mapping of the kernel that scatters."""
        states = [x.attrs["state"] for x, _ in self.updates]
        values = [value for _, value in self.updates]
        program = lower_native([self.loss, *values], states)
        (how,) = (
            step.how
            for step in program.program.steps
            if isinstance(step, Launch) and step.kernel.kind == "scatter"
        )
        return how.partition(", ")[2]

    def run(self, cpu: str, words: np.ndarray) -> None:
        config.cpu = cpu
        function([self.words], [self.loss], updates=self.updates)(words)


WORDS = np.array([[0, 7, 7, 39], [1, 0, 7, 20]], "int32")


@pytest.mark.parametrize("update", ["plain", "momentum", "decay"])
def test_steps_are_those_of_the_interpreter(update: str) -> None:
    table = Table(update)
    before = [x.attrs["state"].get() for x in (table.table, table.moment)]
    table.run("native", WORDS)
    ours = [x.attrs["state"].get() for x in (table.table, table.moment)]
    for x, value in zip((table.table, table.moment), before, strict=True):
        x.attrs["state"].set(value)
    table.run("numpy", WORDS)
    least = np.finfo("float32").tiny  # below it native code has 0
    for x, mine in zip((table.table, table.moment), ours, strict=True):
        np.testing.assert_allclose(mine, x.attrs["state"].get(), rtol=1e-6, atol=least)


def test_a_plain_step_touches_no_other_row() -> None:
    table = Table("plain")
    state = table.table.attrs["state"]
    before = state.get()
    table.run("native", WORDS)
    after = state.get()
    named = np.unique(WORDS)
    others = np.setdiff1d(np.arange(40), named)
    assert after[others].tobytes() == before[others].tobytes()
    counts = np.bincount(WORDS.ravel(), minlength=40)[named, None]
    np.testing.assert_allclose(after[named], before[named] * (1 - 3 * counts), rtol=1e-5)
    assert table.mapping() == "listed places of named rows"


def test_a_rate_that_is_no_number_reaches_every_row() -> None:
    """As in the interpreter, where 0 times infinity is NaN."""
    table = Table("plain", lr=float("inf"))
    table.run("native", WORDS)
    assert np.isnan(table.table.attrs["state"].get()[5:7]).all()


@pytest.mark.parametrize("update", ["momentum", "decay"])
def test_every_row_is_written_where_every_row_moves(update: str) -> None:
    assert Table(update).mapping() == "listed places of all rows"


def test_numbers_are_added_in_order() -> None:
    """An index that names a number is one addition: nothing is listed."""
    node, _ = case(5000, (BATCH,), (), ())
    (step,) = lower_native([node]).program.steps
    assert isinstance(step, Launch)
    assert step.how.endswith(", places in order")


@pytest.mark.parametrize("word", [40, -1])
@pytest.mark.parametrize("update", ["plain", "momentum"])
def test_an_index_outside_changes_nothing(update: str, word: int) -> None:
    table = Table(update)
    before = table.table.attrs["state"].get()
    words = WORDS.copy()
    words[1, 2] = word
    with pytest.raises(IndexRangeError, match=str(word)):
        table.run("native", words)
    assert table.table.attrs["state"].get().tobytes() == before.tobytes()


def test_a_table_without_rows_is_refused() -> None:
    """By a thread that has no memory of other tables yet."""
    time = g.symbol("time")
    indices, updates = g.input((3,), "int32"), g.input((3, 6), "float32")
    steps = g.input((time, 2), "float32")
    feeds = {
        indices: np.zeros(3, "int32"),
        updates: np.ones((3, 6), "float32"),
        steps: np.ones((1, 2), "float32"),
    }
    with pytest.raises(IndexRangeError, match="size 0"):
        both([g.scatter_add(indices, updates, time - 1) + 1.0, steps * 2.0], feeds)


def test_the_number_of_threads_changes_no_bit_of_a_table() -> None:
    config.cpu = "native"
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(900, 70)).astype("float32") for _ in range(2)]
    batches = [rng.integers(0, 900, (batch, 50)).astype("int32") for batch in (1, 7, 128)]
    x = g.input((g.BATCH, 50), "int32")
    w, v = map(g.shared, values)
    m = g.shared(np.zeros((900, 70), "float32"))
    loss = g.sum(g.tanh(g.take(w, x))) + g.sum(g.tanh(g.take(v, x)))
    dw, dv = grad(loss, [w, v])
    new = 0.9 * m + dw
    step = function([x], [loss], updates=[(m, new), (w, w - 0.1 * new), (v, v - 0.1 * dv)])

    def run() -> list[bytes]:
        for variable, value in ((w, values[0]), (v, values[1]), (m, np.zeros_like(values[0]))):
            variable.set_value(value)
        losses = [step(batch)[0].tobytes() for batch in batches]
        return losses + [one.get_value().tobytes() for one in (w, m, v)]

    one, two, three = on_threads(step.program(), run)
    assert one == two == three
    assert len(set(one)) == 6  # each step changes the loss, and the tables differ
