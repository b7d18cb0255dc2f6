"""Functions whose shards several ranks compute: the bits of one that computes all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import OwnRows, sharded_function
from graphc.compiler.function.sharded import ShardedFunction
from graphc.compiler.grad import grad
from graphc.config import config
from graphc.errors import ArgumentError, RankError
from graphc.parallel.transport import OneRank
from graphc.parallel.tree import rows_of_rank
from tests.parallel.threads import ThreadRank, run_ranks


@pytest.fixture(autouse=True)
def interpreted():
    with config.changed(cpu="numpy", floatX="float32"):
        yield


def step_of(ranks: object, shards: int) -> tuple[ShardedFunction, list[g.Node]]:
    """A training step with a draw, a count over the whole batch, and rows that are fetched."""
    x = g.input((g.BATCH, 3), name="x")
    weights = g.input((g.BATCH,), name="weights")
    w = g.shared(np.linspace(-1, 1, 6, dtype="float32").reshape(3, 2), "w")
    steps = g.shared(np.int64(0), "steps")
    dropped = x * g.random.uniform(x.shape, seed=1, stream=2)
    scores = g.sum(g.square(g.tanh(g.dot(dropped, w))), 1)
    counted = g.cast(g.maximum(g.sum(g.not_equal(weights, 0)), 1), "float32")
    loss = g.sum(scores * weights) / counted
    updates = [(w, w - 0.1 * grad(loss, w)), (steps, steps + 1)]
    made = sharded_function(
        [x, weights],
        [loss, scores, g.max(scores), g.max(weights) + loss],
        updates,
        shards=shards,
        ranks=ranks,
    )
    return made, [w, steps]


def trained(shards: int, batches: list[int], own: bool = False) -> Callable[[object], list]:
    """Return a rank's program: the fetched values of some steps, then its variables. Each rank has
    all rows of a batch, or its `own`."""

    def program(ranks: object) -> list:
        step, states = step_of(ranks, shards)
        found = []
        for count in batches:
            draw = np.random.default_rng(count)
            x = draw.normal(size=(count, 3)).astype("float32")
            arrays = [x, draw.integers(0, 3, count).astype("float32")]
            if own:
                rows = rows_of_rank(count, shards, ranks.size, ranks.rank)
                arrays = [
                    OwnRows(array[rows.start : rows.stop], rows.start, count) for array in arrays
                ]
            found += step(*arrays)
        return [value.tobytes() for value in [*found, *(one.get_value() for one in states)]]

    return program


@pytest.mark.parametrize("shards", [4, 5])
def test_any_number_of_ranks_gives_the_bits_of_one(shards: int) -> None:
    """Batches that leave some shards, and some ranks, without rows are among them."""
    program = trained(shards, [10, 7, 3, 1])
    expected = program(OneRank())
    for ranks in range(1, shards + 1):
        assert run_ranks(ranks, program) == [expected] * ranks
        own = trained(shards, [10, 7, 3, 1], own=True)
        assert run_ranks(ranks, own) == [expected] * ranks


@pytest.mark.parametrize(
    ("first", "other", "total", "message"),
    [
        (0, 0, 4, "received the 2 from 0 on"),  # a rank alone has all four
        (0, 2, 4, "expected the same rows of all arguments, received those from 0 on of 4 and 2"),
    ],
)
def test_rows_that_are_not_those_of_the_shards_are_refused(
    first: int, other: int, total: int, message: str
) -> None:
    step, _ = step_of(OneRank(), 2)
    x, weights = np.ones((2, 3), "float32"), np.ones(2, "float32")
    with pytest.raises(ArgumentError, match=message):
        step(OwnRows(x, first, total), OwnRows(weights, other, total))


@pytest.mark.parametrize("mixing", [False, True])
def test_the_first_rank_alone_has_what_the_call_returns(mixing: bool) -> None:
    """Also where all ranks need rows of the whole batch, for an output that mixes them."""

    def program(ranks: object) -> list[list]:
        x = g.input((g.BATCH, 3), name="x")
        rows = g.tanh(x * g.random.uniform(x.shape, seed=1, stream=2))
        outputs = [rows, g.max(rows), g.sum(rows)] if mixing else [rows]
        made = sharded_function([x], outputs, shards=3, ranks=ranks)
        batch = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
        begun = [made.start_for_first(batch), made.start(batch)]
        return [[value.tobytes() for value in one.get()] for one in begun]

    first, second = program(OneRank())
    assert first != second  # the draws go on
    assert run_ranks(2, program) == [[first, second], [[], second]]


def test_more_ranks_than_shards_are_refused() -> None:
    def program(ranks: object) -> str:
        with pytest.raises(ArgumentError, match="at most one rank for each of 2 shards"):
            step_of(ranks, 2)
        return "refused"

    assert run_ranks(3, program) == ["refused"] * 3


class Failing(ThreadRank):
    """A rank that counts what it gathers from all, of which the call `fails` fails."""

    def __init__(self, rank: ThreadRank) -> None:
        vars(self).update(vars(rank))
        self.calls, self.fails = 0, -1

    def all_gather(self, whole, sizes):
        self.calls += 1
        if self.calls == self.fails:
            raise RuntimeError("the line was cut")
        return super().all_gather(whole, sizes)


def test_a_step_that_ended_halfway_leaves_a_state_that_is_not_used() -> None:
    """It has the moments of the next weights, which have not arrived."""

    def program(rank: ThreadRank) -> list[str]:
        x, failing = g.input((g.BATCH, 3), name="x"), Failing(rank)
        w, moment = (g.shared(np.zeros((3, 2), "float32"), name) for name in ("w", "moment"))
        after = moment * 0.9 + grad(g.mean(g.square(g.dot(x, w) - 1.0)), w)
        updates = [(moment, after), (w, w - after)]
        step = sharded_function([x], [], updates, shards=2, ranks=failing, spread=[moment])
        batch = np.ones((4, 3), "float32")
        step(batch)
        failing.fails = 2 * failing.calls  # the last one of a step: that of the new weights
        with pytest.raises(RuntimeError, match="the line was cut"):
            step(batch)
        errors = []
        for use in (lambda: step(batch), moment.get_value):
            with pytest.raises(RankError) as caught:
                use()
            errors.append(str(caught.value))
        return errors

    for first, second in run_ranks(2, program):
        assert "a step of training ended halfway" in first
        assert "a step of training ended halfway" in second
