"""Where new values of variables are written: over the old ones where no reader is left.

That the values are right, whatever the graph, is told by tests/compiler/random_programs.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, State, state_of
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import DeviceProgram, Launch, StatusPointer, launches
from graphc.reference_models import REFERENCE_MODELS


def variable(*shape: int) -> Node:
    return g.shared(np.zeros(shape, "float32"))


def lowered(updates: dict[Node, Node], fetched: Sequence[Node] = ()) -> DeviceProgram:
    return lower([*fetched, *updates.values()], [state_of(x) for x in updates])


def copies(program: DeviceProgram) -> list[Launch]:
    """The launches that compute nothing."""
    return [
        launch
        for launch in launches(program.steps)
        if not launch.kernel.body and set(launch.kernel.outputs) <= set(launch.kernel.inputs)
    ]


def written(program: DeviceProgram) -> set[State]:
    buffers = [buffer for launch in launches(program.steps) for buffer in launch.writes]
    return {x.origin for x in buffers if isinstance(x.origin, State)}


def knows_the_status(launch: Launch) -> bool:
    """Return True if a launch is given the status word: to set it, or to write while it is fine."""
    return StatusPointer() in launch.arguments


W, V, X = variable(6), variable(6), g.input((6,), "float32")


def test_an_elementwise_update_is_in_place() -> None:
    program = lowered({W: W - 0.1 * X, V: 0.9 * V + X * X})
    assert len(launches(program.steps)) == 1
    assert written(program) == {state_of(W), state_of(V)}


def test_all_updates_of_a_training_step_are_in_place() -> None:
    """RMSprop through products' epilogues; no launch copies a weight."""
    step = REFERENCE_MODELS["mlp"].build()
    program = step.function().program()
    assert not copies(program)
    assert written(program) == {state_of(node) for node, _ in step.updates}


def test_a_swap_goes_through_copies() -> None:
    program = lowered({W: V, V: W})
    assert len(copies(program)) == len(launches(program.steps)) > 1
    assert written(program) == {state_of(W), state_of(V)}


def test_a_value_that_reads_other_elements_of_the_old_one_is_copied() -> None:
    """A thread would overwrite what another one is still to read."""
    for moved in (g.flip(W, 0), g.concat([W[1:], W[:1]], 0)):
        program = lowered({W: g.maximum(moved, X)})
        assert written(program) == {state_of(W)}
        compute, copy = launches(program.steps)
        assert copies(program) == [copy]
        assert not any(isinstance(b.origin, State) for b in compute.writes)


def test_a_sum_of_the_old_value_is_done_before_the_new_one_is_written() -> None:
    program = lowered({W: W + g.broadcast_to(g.sum(g.exp(W)), (6,))})
    assert written(program) == {state_of(W)}
    assert not copies(program)


def test_readers_of_the_old_value_come_first() -> None:
    """The product reads W, whichever is listed first, so W is written over after it."""
    matrix, data = variable(6, 6), g.input((BATCH, 6), "float32")
    product = g.dot(data, matrix)
    program = lowered({matrix: matrix * 0.5}, [product])
    assert not copies(program)
    first, last = launches(program.steps)
    assert first.kernel.outputs == (product,)
    assert {b.origin for b in last.writes} == {state_of(matrix)}


def test_a_reader_of_old_and_new_forces_a_copy() -> None:
    matrix, data = variable(6, 6), g.input((6, 6), "float32")
    new = matrix + g.dot(data, data)
    program = lowered({matrix: new}, [g.dot(matrix, g.tanh(new))])
    assert len(copies(program)) == 1
    assert copies(program)[0] is launches(program.steps)[-1]


@pytest.mark.parametrize(("length", "walks"), [(20_000, 2), (200, 1)])
def test_a_later_walk_over_the_old_value_forces_a_copy(length: int, walks: int) -> None:
    """A sum of a row is known behind a first walk over it, which has the new value already, and the
    second walk needs the old one: from memory where a row is longer than the registers of a
    block. The copy does not depend on that, as an open length is known by the call alone."""
    matrix, data = variable(300, length), g.input((300, length), "float32")
    new = matrix * 0.5 + data
    sums = g.broadcast_to(g.sum(data * data, 1, keepdims=True), new.shape)
    program = lowered({matrix: new}, [matrix * sums + new])
    rows, copy = launches(program.steps)
    assert rows.kernel.kind == "rows"
    read = sum(access.nbytes({}) for access in rows.traffic if not access.written)
    both_matrices = 2 * 300 * length * 4
    assert read == walks * both_matrices
    assert copies(program) == [copy]


def test_a_fetched_old_value_is_copied_before_anything_is_written() -> None:
    program = lowered({W: W + X}, [W])
    first, last = launches(program.steps)
    assert copies(program) == [first]
    assert program.fetches[0] in first.writes
    assert program.fetches[0].origin is None
    assert {b.origin for b in last.writes} == {state_of(W)}


def test_a_fetched_new_value_lies_apart_from_the_variable() -> None:
    """Else a call of another function could change it before it is fetched."""
    program = lowered({W: W + X}, [W + X])
    assert program.fetches[0].origin is None
    assert written(program) == {state_of(W)}


def test_one_value_for_two_variables() -> None:
    new = W + X
    program = lowered({W: new, V: new})
    assert written(program) == {state_of(W), state_of(V)}
    assert not copies(program)


def test_states_are_written_while_the_status_word_is_fine() -> None:
    rows = g.input((BATCH,), "int32")
    table, count = variable(9, 4), variable()
    read = g.take(table, rows)
    program = lowered({count: count + 1.0}, [g.sum(read)])
    (writer,) = (
        launch
        for launch in launches(program.steps)
        if any(b.origin is state_of(count) for b in launch.writes)
    )
    assert knows_the_status(writer)  # though it tests no index
    # The test of the index comes before the write.
    (check,) = program.checks
    before = launches(program.steps)[: launches(program.steps).index(writer)]
    assert any(check.node in one.kernel.body and knows_the_status(one) for one in before)


def test_a_kernel_whose_indices_are_clipped_writes_over_a_state() -> None:
    """Within the axis; a bound beyond it may fail the test."""
    rows = g.input((6,), "int32")
    size = V.shape[0]
    for high, expected in ((size - 1, 0), (size, 1)):
        program = lowered({W: W + g.take(V, g.clip(rows, 0, high))})
        assert len(copies(program)) == expected


def test_a_kernel_that_tests_an_index_does_not_write_over_a_state() -> None:
    """Another thread's test could fail after the write: the value goes through a copy."""
    rows = g.input((6,), "int32")
    program = lowered({W: W + g.take(V, rows)})
    compute, copy = launches(program.steps)
    assert [check.node for check in program.checks] == [
        one for one in compute.kernel.body if one.op == "gather"
    ]
    assert not any(isinstance(b.origin, State) for b in compute.writes)
    assert copies(program) == [copy]
    assert knows_the_status(copy)


def test_what_a_gather_makes_is_copied_to_a_state_though_its_index_was_tested_before() -> None:
    places, table = g.input((6,), "int32"), g.shared(np.zeros(6, "float32"))
    program = lowered({W: g.take(table, places, 0)}, [g.sum(g.take(V, places, 0))])
    (copy,) = copies(program)
    assert knows_the_status(copy)
    assert [one for one in launches(program.steps) if written_by(one)] == [copy]


def written_by(launch: Launch) -> set[State]:
    return {buffer.origin for buffer in launch.writes if isinstance(buffer.origin, State)}
