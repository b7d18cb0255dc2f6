"""Graphs as CUDA programs on the emulated driver, beside what the interpreter makes of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.cards import Card
from graphc.compiler.graph import CallStep, Node
from graphc.compiler.graph.binding import bind
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import DeviceProgram
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from tests.cuda_emulator.emulator import (
    ORDERS,
    RaceError,
    emulated_cards,
    in_each_order,
    orders,
)


def run(
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    call_step: int = 0,
    program: DeviceProgram | None = None,
) -> list[np.ndarray]:
    """The outputs, computed by one translation unit; RaceError where an order changes their bits.

    Args:
        program: what `lower(outputs)` gave, where it is not that of the schedule.
    """
    executor = CudaExecutor(program or lower(outputs), outputs)
    bindings = bind(list(feeds), list(feeds.values()))
    first, *others = in_each_order(lambda: executor.run(feeds, bindings, CallStep(call_step)))
    for order, other in zip(orders()[1:], others, strict=True):
        for k, (one, another) in enumerate(zip(first, other, strict=True)):
            if one.tobytes() != another.tobytes():
                raise RaceError(f"output {k} differs between the orders {ORDERS[0]} and {order}")
    return first


def both(
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    call_step: int = 0,
    program: DeviceProgram | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each output what the device gives, and what the interpreter does."""
    ours = run(outputs, feeds, call_step, program)
    theirs = evaluate(outputs, feeds, call_step)
    for one, another in zip(ours, theirs, strict=True):
        assert (one.shape, one.dtype) == (another.shape, another.dtype)
    return list(zip(ours, theirs, strict=True))


def both_on_each_card(
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    call_step: int = 0,
    program: DeviceProgram | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """As `both`, for the card with the least shared memory; others give the same bits."""

    @functools.cache
    def program_of(card: Card) -> DeviceProgram:
        return program or lower(outputs, most_shared=card.most_shared)

    pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def text_of(card: Card) -> str:
        found = program_of(card)
        return found.code or found.source

    for card in emulated_cards(text_of):
        if not pairs:
            pairs = both(outputs, feeds, call_step, program_of(card))
            continue
        again = run(outputs, feeds, call_step, program_of(card))
        for k, ((first, _), other) in enumerate(zip(pairs, again, strict=True)):
            assert first.tobytes() == other.tobytes(), f"output {k} has other bits on {card.title}"
    return pairs
