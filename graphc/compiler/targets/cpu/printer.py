"""A loop program as one function of C++ for a CPU.

``templates/cpu/program.c.j2`` holds the forms of statements that are a CPU's own.

    >>> printed = print_program(program)
    >>> print(printed.text)
    void k0(const float* __restrict__ x0, float* y0) {
      #pragma omp simd
      for (int p0 = 0; p0 < 640; ++p0) {
        const float t0 = gc_exp(x0[p0]);  // activation_1
        y0[p0] = t0;
      }
    }
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loads_of,
    targets_of,
    walk,
)
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, LoopKind
from graphc.compiler.targets import page
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.cpu import teams
from graphc.compiler.targets.cpu.expressions import CpuExpressions
from graphc.compiler.targets.cpu.functions import functions_in
from graphc.compiler.targets.cpu.masked_lanes import may_be_masked_wrongly
from graphc.compiler.targets.cpu.short_names import with_short_names
from graphc.compiler.targets.cpu.thread_arrays import arrays_in_blocks
from graphc.compiler.targets.page import Binding, Code, Fragment, Part, call, code, grouped
from graphc.compiler.targets.printer import Forms, PrintedFunction, Site, printed_function
from graphc.compiler.targets.signature import Signature

LEAST_DIVIDED = 1 << 16
"""Turns of the innermost loops from which on a loop is divided over threads: fewer take longer to
hand to another core than to compute (40,000 elements on two cores: 28 us for 6)."""

_LEAST_OF_WHOLE_VECTORS = 256
"""Turns of a loop of functions, if their number is known, from which on it computes whole vectors,
where g++ would take halves (``GC_LANES`` of ``kernels/platform.h``): of fewer, what is left of
these, one by one, would be too much of it."""

_WIDEST = 64
"""Bytes of the widest vectors of a CPU."""

_TEMPLATE = "cpu/program.c.j2"

_EXTREMES = {"max": "gc_larger", "min": "gc_smaller"}
"""The functions of ``kernels/lanes.h`` that carry a reduction, instead of the op's; those of
vectors are named ``gc_larger_in_lanes``."""


@dataclass(frozen=True)
class PrintedProgram(PrintedFunction):
    """A loop program as a function for a CPU.

    Attributes:
        arrays: the buffers that lie in threads' memory, with the number of the thread's block that
            holds each.
    """

    arrays: tuple[tuple[int, Buffer], ...]


def print_program(program: LoopProgram) -> PrintedProgram:
    """Return the function that a program becomes."""
    program = with_short_names(program)
    signature = CpuSignature(program)
    printed = printed_function(CpuSite(signature, Forms(_TEMPLATE), program.ranges))
    return PrintedProgram(
        printed.text,
        printed.code,
        printed.parameters,
        printed.headers,
        printed.lines,
        tuple(signature.arrays),
    )


class CpuSignature(Signature):
    """The signature of a function for a CPU.

    Attributes:
        arrays: as of `PrintedProgram`.
    """

    def __init__(self, program: LoopProgram):
        super().__init__(program, "a CPU")
        self.arrays = arrays_in_blocks(program.body)

    def block(self, buffer: Buffer) -> int:
        """Return the number of the block that a buffer in a thread's memory has."""
        return next(number for number, one in self.arrays if one is buffer)


@dataclass(frozen=True)
class CpuSite(Site):
    """A place of a program for a CPU.

    Attributes:
        in_lanes: True inside of a loop of vectors.
    """

    signature: CpuSignature
    in_lanes: bool = False

    def inside(self, statement: For | If) -> Self:
        """Return the site of what is inside of a loop, or where all conditions hold."""
        is_vector = isinstance(statement, For) and statement.kind is LoopKind.VECTOR
        return replace(super().inside(statement), in_lanes=self.in_lanes or is_vector)

    @functools.cached_property
    def expressions(self) -> CpuExpressions:
        """The printer of indices and values here."""
        return CpuExpressions(self.signature.names, self.ranges)

    def directive(self, loop: For) -> str:
        """Return the line ahead of a loop that says who runs it; empty where there is none."""
        if may_be_masked_wrongly(loop):
            return self.pragma("#pragma GCC unroll 1  // GCC's bug 114375")
        if loop.kind is LoopKind.UNROLLED:
            return self.pragma(f"#pragma GCC unroll {self.turns(loop)}")
        if loop.kind is LoopKind.VECTOR:
            dtype = _dtype_of_functions(loop)
            lanes = "" if dtype is None else f" simdlen(GC_LANES({C_TYPES[dtype]}))"
            return self.pragma(f"#pragma omp simd{lanes}")
        if loop.kind is LoopKind.TEAM and (when := self.divided(loop)) is not None:
            return self.pragma("#pragma omp parallel for schedule(static)", *when)
        if loop.kind not in (LoopKind.SERIAL, LoopKind.TEAM):
            raise self.signature.refused(f"the loop over {loop.variable} is of a GPU's threads")
        return ""

    # ---- teams ----------------------------------------------------------------------------------

    def divided(self, loop: For) -> tuple[Part, ...] | None:
        """Return the clause that says from which sizes on a loop is divided over threads, empty for
        always; None for never."""
        turns = teams.work_of(loop)
        if isinstance(turns, int):
            return None if turns < LEAST_DIVIDED else ()
        elements = grouped(self.size(turns), Binding.PRODUCT)
        clause = page.call(
            "if ", page.compared(code("(gc_int64)", elements), ">=", code(str(LEAST_DIVIDED)))
        )
        return Fragment(" ", page.Break.COMMA), clause

    def shared_arrays(self, loop: For) -> tuple[Allocate, ...]:
        """Return the buffers of a whole team that are allocated inside of its loop."""
        return teams.shared_arrays(loop)

    def meets(self, loop: For) -> bool:
        """Return True if there is a barrier in a loop."""
        return teams.meets(loop)

    def phases(self, team: For, body: Body) -> list[For]:
        """Return the parts of a team's loop between its barriers."""
        return teams.phases(team, body, self.signature.refused)

    # ---- memory ---------------------------------------------------------------------------------

    def combined(self, one: Accumulate) -> Code:
        """Return the statement that makes a reduction go on."""
        if one.reduction not in _EXTREMES:
            return super().combined(one)
        (target,), (value,) = one.targets, one.values
        element = self.element(target)
        name = _EXTREMES[one.reduction] + ("_in_lanes" if self.in_lanes else "")
        next_one = call(name, element, self.value(value))
        return code(element, self.gets, next_one)

    def thread_array(self, buffer: Buffer) -> Code:
        """Return the call that gives a buffer its memory, in a block of the thread."""
        self.signature.headers["scratch.h"] = None
        block = code(str(self.signature.block(buffer)))
        return call(f"gc_scratch<{C_TYPES[buffer.dtype]}>", block, self.size(buffer.elements))


def _dtype_of_functions(loop: For) -> str | None:
    """Return the narrowest type that a loop of whole vectors loads, stores or computes functions
    of; None if it computes none of these, or not in whole vectors.

    All vectors of a loop are of one size to g++, and hold as many elements as it is told to take at
    once. So for 16 floats beside as many bools it would take vectors of 16 bytes for both.
    """
    turns = loop.ends[0].constant
    dtypes = {one.dtype for one in functions_in(loop)}
    if not dtypes:
        return None
    dtypes |= {
        element.dtype
        for one in walk(loop.body)
        for element in (*loads_of(one), *targets_of(one))
        if any(loop.variable in coord.variables for coord in element.coords)
    }
    dtype = min(dtypes, key=lambda one: (np.dtype(one).itemsize, one))
    return dtype if _is_of_whole_vectors(turns, dtype) else None


def _is_of_whole_vectors(turns: Size, dtype: str) -> bool:
    """Return True for turns of which vectors leave none, or few, one by one."""
    if not isinstance(turns, int) or turns >= _LEAST_OF_WHOLE_VECTORS:
        return True
    return turns * np.dtype(dtype).itemsize % _WIDEST == 0
