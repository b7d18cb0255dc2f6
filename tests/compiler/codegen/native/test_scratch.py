"""The blocks of a thread's memory that a function uses are those that scratch.h gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from types import SimpleNamespace
from unittest import mock

import pytest

from graphc.compiler.codegen import native
from graphc.compiler.codegen.native import lower_native
from graphc.compiler.codegen.native.scratch import (
    Elements,
    Scratches,
    Slot,
    array,
    scratch,
)
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import Formula, launches
from graphc.reference_models import REFERENCE_MODELS
from graphc.resources import folder


def numbers() -> dict[str, int]:
    """The enumerators of ``gc_slot``."""
    text = (folder("kernels") / "scratch.h").read_text(encoding="utf-8")
    _, _, behind = text.partition("enum gc_slot {")
    body = re.sub(r"//.*", "", behind.partition("};")[0])
    found, following = {}, 0
    for entry in filter(None, (part.strip() for part in body.split(","))):
        name, _, value = (part.strip() for part in entry.partition("="))
        found[name] = int(value) if value else following
        following = found[name] + 1
    return found


def test_the_line_of_an_array() -> None:
    function = SimpleNamespace(scratch=[])
    elements = Elements.known(64, "64")
    line = array(function, "float", "s0", Slot.SUMS, elements)
    assert line == "float* s0 = gc_scratch<float>(GC_SUMS, 64);"
    assert [one.block for one in function.scratch] == [0]


def test_each_slot_is_one_of_the_header() -> None:
    found = numbers()
    assert {slot.text: slot.number for slot in Slot} == {
        slot.text: found[slot.text] for slot in Slot
    }
    assert max(numbers().values()) == numbers()["GC_SLOTS"]


@contextmanager
def recorded_blocks() -> Iterator[list[tuple[Scratches, list[int]]]]:
    """Yield a list that receives, for each function, the blocks of the arrays that it calls for."""
    found: list[tuple[Scratches, list[int]]] = []

    @wraps(scratch)
    def recording(
        function: Scratches,
        scalar: str,
        slot: Slot,
        elements: Elements,
        threads: Formula | None = None,
    ) -> str:
        known = next((blocks for one, blocks in found if one is function), None)
        if known is None:
            known = []
            found.append((function, known))
        known.append(slot.number)
        return scratch(function, scalar, slot, elements, threads)

    with mock.patch.object(native.scratch, "scratch", recording):
        yield found


@pytest.mark.parametrize("name", ["accel", "cnn", "conv3d"])
def test_arrays_of_one_function_lie_apart(name: str) -> None:
    """And the memory report counts each of them. All of the other models runs as loop programs,
    whose arrays the printer numbers."""
    step = REFERENCE_MODELS[name].build()
    states, values = zip(*step.updates, strict=True)
    outputs = optimize([step.loss, *step.metrics, *values])[0]
    with recorded_blocks() as found:
        program = lower_native(outputs, [state.attrs["state"] for state in states]).program
    assert found
    steps = launches(program.steps)
    for function, blocks in found:
        assert len(set(blocks)) == len(blocks)
        (counted,) = {
            launch.scratch for launch in steps if launch.scratch == tuple(function.scratch)
        }
        assert {one.block for one in counted if one.threads != 0} >= set(blocks)
