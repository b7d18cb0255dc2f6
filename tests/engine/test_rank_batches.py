"""Batches of generators on several ranks: whole ones that agree, or parts that fit together."""

from __future__ import annotations

import itertools
import logging
from types import SimpleNamespace

import numpy as np
import pytest

from graphc.engine.data.rank_batches import Collector, Prepared
from graphc.engine.ranks.comparison import compare_on
from graphc.engine.training import generator_trainer
from graphc.errors import ArgumentError, RankError
from graphc.layers import Dense
from graphc.models import Graph, Sequential
from graphc.parallel.transport import OneRank
from tests.parallel.threads import ThreadRank, run_ranks

X = np.arange(12, dtype="float32").reshape(6, 2)
Y = np.arange(6)
PLACE = "m.fit_generator: batch 3 of the generator"


def batches_of(parts: list[Prepared], shards: int, sharded: bool = True) -> list:
    """Return the result of each rank for its part, or the text of its error."""

    def program(rank: ThreadRank) -> object:
        try:
            return Collector(rank, shards, sharded).batch(parts[rank.rank], PLACE)
        except RankError as error:
            return str(error)

    return run_ranks(len(parts), program)


def rows(start: int, stop: int) -> list[np.ndarray]:
    return [X[start:stop], Y[start:stop]]


@pytest.mark.parametrize("bounds", [[0, 4, 6], [0, 2, 4, 6, 6]])
def test_parts_know_their_place_in_the_whole_batch(bounds: list[int]) -> None:
    """In four shards of 2, 2, 2 and no rows, on two and on four ranks."""
    spans = list(itertools.pairwise(bounds))
    parts = [rows(*span) if span[0] < span[1] else None for span in spans]
    for (start, stop), (total, (x, y)) in zip(spans, batches_of(parts, 4), strict=True):
        assert total == x.total == y.total == 6
        assert (x.first, y.first) == (start, start)
        np.testing.assert_array_equal(x.array, X[start:stop])
        np.testing.assert_array_equal(y.array, Y[start:stop])
        assert (x.array.dtype, y.array.dtype) == (X.dtype, Y.dtype)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([rows(0, 3), rows(3, 6)], "of 6 in 4 shards 4, 2 samples on ranks 0 to 1, received 3, 3"),
        ([None, rows(0, 2)], "of 2 in 4 shards 2, 0 samples on ranks 0 to 1, received 0, 2"),
        ([None, None], "of 0 in 4 shards 0, 0 samples on ranks 0 to 1, received 0, 0"),
        (
            [rows(0, 4), [X[4:6, :1], Y[4:6]]],
            "received the dtypes and shapes [['float32', [2]], ['int64', []]] and [['float32', [1]",
        ),
    ],
)
def test_parts_that_do_not_fit_are_an_error_on_all_ranks(parts: list, message: str) -> None:
    first, other = batches_of(parts, 4)
    assert first == other
    assert first.startswith(f"{PLACE}: sharded=True: expected ")
    assert message in first


def test_ranks_that_yield_the_same_samples_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "graphc"):
        batches_of([rows(0, 2), rows(2, 4)], 2)
        assert caplog.messages == []
        batches_of([rows(0, 2), rows(0, 2)], 2)
    assert "all ranks yield the same samples" in caplog.messages[0]
    assert "graphc.parallel.own_rows" in caplog.messages[0]


def test_whole_batches_are_compared() -> None:
    same = batches_of([rows(0, 6), rows(0, 6)], 4, sharded=False)
    assert [(total, [one.tolist() for one in arrays]) for total, arrays in same] == [
        (6, [X.tolist(), Y.tolist()])
    ] * 2
    first, _ = batches_of([rows(0, 6), rows(0, 5)], 4, sharded=False)
    assert first.startswith("m.fit_generator: expected the same program")
    assert "batch 3 of the generator: float32[6, 2]:" in first


@pytest.mark.parametrize("sharded", [False, True])
def test_a_process_alone_has_whole_batches(sharded: bool) -> None:
    collector = Collector(OneRank(), 4, sharded)
    assert not collector.takes_parts
    arrays = rows(0, 6)
    assert collector.batch(arrays, PLACE) == (6, arrays)


def test_a_process_alone_is_the_first_rank() -> None:
    model, graph = Sequential([Dense(1, input_dim=2)]), Graph()
    graph.add_input("x", (2,))
    graph.add_node(Dense(1), "dense", input="x")
    graph.add_output("y", input="dense")
    for first_only in (True, False, np.True_):
        how = {"on_first_rank_only": first_only}
        np.testing.assert_array_equal(model.predict(X, 4, **how), model.predict(X, 4))
        assert list(graph.predict({"x": X}, **how)) == ["y"]
        assert list(graph.predict_generator(iter([{"x": X}]), 6, **how)) == ["y"]
        generated = model.predict_generator(iter([X]), 6, sharded=True, **how)
        np.testing.assert_array_equal(generated, model.predict(X))
    for call in (model.predict, lambda x, **how: model.predict_generator(iter([x]), 6, **how)):
        with pytest.raises(ArgumentError, match="on_first_rank_only: expected True or False"):
            call(X, on_first_rank_only="yes")
    with pytest.raises(ArgumentError, match="sharded: expected True or False, received 'own'"):
        model.predict_generator(iter([X]), 6, sharded="own")


def test_own_rows_need_a_number_of_shards_that_all_ranks_know(monkeypatch) -> None:
    model = Sequential([Dense(1, input_dim=2)])
    monkeypatch.setattr(generator_trainer, "join", lambda where, writes: SimpleNamespace(size=2))
    with pytest.raises(ArgumentError, match="sharded=True: expected a number of shards.* memory"):
        model.predict_generator(iter([X]), 6, sharded=True, memory="1GB")


def test_ranks_that_make_different_calls_are_an_error() -> None:
    """They would wait for each other."""

    def program(rank: ThreadRank) -> str:
        where = "m.predict" if rank.rank < 2 else "m_2.evaluate"
        with pytest.raises(RankError) as raised:
            compare_on(rank, where, [X, Y], {"batch_size": 8, "on_first_rank_only": rank.rank == 1})
        return str(raised.value)

    first, _, other = run_ranks(3, program)
    assert first.startswith("m.predict: expected the same program")
    assert "call: predict on ranks 0, 1 (" in first
    assert "on_first_rank_only: False on ranks 0, 2 (" in first
    assert "batch_size" not in first
    assert "data" not in first.partition("received different ones")[2]
    assert other.startswith("m_2.evaluate: ")
