"""Convolutions mapped to a CPU, and the check that what runs means the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops.random_loops import arrays_for
from tests.compiler.targets.convolution_cases import WIDTH
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cuda.products.cases import ARGUMENTS

CPU = Target("cpu", 64, 32, threads=2)
(B,), (W,) = symbols(BATCH), symbols(WIDTH)
Programs = Mapping[str, Callable[[], LoopProgram]]


def mapped(program: LoopProgram) -> MappedProgram:
    return choose(program, CPU, CPU_MAPPINGS["conv"])


def numbers(program: LoopProgram, batch: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(batch)
    return {
        name: np.asarray(rng.standard_normal(one.shape), one.dtype)
        for name, one in arrays_for(program, {B: batch, W: batch + 2}).items()
    }


def check(before: LoopProgram, after: LoopProgram) -> None:
    arguments = {one.name: ARGUMENTS[one.name] for one in before.arguments}
    others = [TurnOrder.BACKWARD, TurnOrder.SHUFFLED]  # accesses that conflict are found in any
    for batch, orders in ((1, [TurnOrder.FORWARD]), (3, others)):
        sizes, given = {B: batch, W: batch + 2}, numbers(before, batch)
        expected = evaluate(before, given, sizes, arguments=arguments).outputs
        for order in orders:
            ours = evaluate(after, given, sizes, arguments=arguments, order=order).outputs
            for name, array in expected.items():
                np.testing.assert_allclose(ours[name], array, rtol=1e-5, atol=1e-5)


def check_bits(cases: Programs) -> None:
    """Check that what is compiled of mapped programs gives the bits of their meaning."""
    programs = [
        replace(mapped(make()).program, name=f"k{number}")
        for number, make in enumerate(cases.values())
    ]
    compiled = CompiledPrograms(programs)
    for program in programs:
        given, sizes = numbers(program, 3), {B: 3, W: 5}
        expected = evaluate(program, given, sizes).outputs
        found, _ = compiled(program.name, given, sizes)
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)
