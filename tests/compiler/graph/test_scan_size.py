"""A loop of many sequences is made in time that grows with their number, not with its square."""

from __future__ import annotations

import time

from graphc.compiler import graph as g


def seconds_a_sequence(count: int) -> float:
    sequences = [g.input((5,), "float64") for _ in range(count)]

    def step(carries, slices):
        total = carries[0]
        for part in slices:
            total = g.sin(total) + part
        return (total,), ()

    started = time.process_time()
    g.scan(step, [g.constant(0.0, "float64")], sequences)
    return (time.process_time() - started) / count


def test_many_sequences_cost_no_more_each():
    few = min(seconds_a_sequence(400) for _ in range(3))
    many = min(seconds_a_sequence(6400) for _ in range(2))
    assert many < 3 * few  # a walk over all for each would make it 16 times
