"""A loop program as one kernel of CUDA.

``templates/cuda/program.cu.j2`` holds the forms of statements that are CUDA's own. A loop over
blocks, threads or lanes becomes the number of its turn, as index arithmetic on ``blockIdx.x`` and
``threadIdx.x`` (`graphc.compiler.targets.cuda.numbering`), with a test ahead where not all have
a turn. What is outside of the loops over threads is done by each thread alike, so it may name
values, but not store them.

    >>> printed = print_program(program)
    >>> print(printed.text, printed.blocks, printed.threads)
    extern "C" __global__ void __launch_bounds__(256) k0(
        int batch, const float* __restrict__ x0, float* y0) {
      const int i = blockIdx.x * 256 + threadIdx.x;
      if (i < batch) {
        const float t0 = gc_exp(x0[i]);  // activation_1
        y0[i] = t0;
      }
    }
    (batch + 255) // 256 256
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from graphc.compiler.graph.dim import Size, ceil_divide, exact_quotient
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    blocks_of,
    targets_of,
    variables_of,
    walk,
    windows_of,
)
from graphc.compiler.loops.statement import (
    Allocate,
    AtomicAdd,
    Barrier,
    Check,
    For,
    If,
    LoopKind,
    Statement,
)
from graphc.compiler.loops.value import Load, RandomWord, below
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets import page
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.cuda.facts import SHARED_BYTES
from graphc.compiler.targets.cuda.numbering import THREADS, Numbering, numbering_of
from graphc.compiler.targets.cuda.packs import UNSHIFTED, pack_of
from graphc.compiler.targets.expressions import Expressions
from graphc.compiler.targets.page import Code, Fragment, call, code, compared, conjunction
from graphc.compiler.targets.printer import Forms, PrintedFunction, Site, printed_function
from graphc.compiler.targets.signature import FunctionParameter, Signature

_TEMPLATE = "cuda/program.cu.j2"


@dataclass(frozen=True)
class PrintedKernel(PrintedFunction):
    """A loop program as a kernel.

    Attributes:
        blocks: how many blocks a launch has, along the grid's first axis.
        threads: how many threads a block has, along its first axis.
        workspaces: the buffers in global memory that it allocates: parameters, too.
    """

    blocks: Size
    threads: int
    workspaces: tuple[Buffer, ...]


def print_program(program: LoopProgram) -> PrintedKernel:
    """Return the kernel that a program becomes. ValueError for what a launch cannot be."""
    signature = CudaSignature(program)
    site = CudaSite(signature, Forms(_TEMPLATE), program.ranges)
    printed = printed_function(site, threads=signature.numbering.threads)
    return PrintedKernel(
        printed.text,
        printed.code,
        printed.parameters,
        printed.headers,
        printed.lines,
        signature.numbering.blocks,
        signature.numbering.threads,
        tuple(signature.workspaces),
    )


class CudaSignature(Signature):
    """The signature of a kernel.

    Attributes:
        numbering: which block and thread runs what.
        workspaces: as of `PrintedKernel`.
        homes: of each memory in registers the variables of the loops over threads that it is
            allocated in.
    """

    def __init__(self, program: LoopProgram):
        super().__init__(program, "CUDA")
        self.numbering: Numbering = numbering_of(program, self.refused)
        self.workspaces: list[Buffer] = []
        self.homes = dict(_homes(program.body, frozenset()))
        self._shared_bytes = 0

    @property
    def parameters(self) -> tuple[FunctionParameter, ...]:
        """Numbers, then addresses, those of workspaces behind the others."""
        own = [
            FunctionParameter(one.name, f"{C_TYPES[one.dtype]}* {one.name}", one)
            for one in self.workspaces
        ]
        return (*super().parameters, *own)

    def shared(self, buffer: Buffer) -> int:
        """Return the number of elements of an array in shared memory, which is noted."""
        if not isinstance(buffer.elements, int):
            raise self.refused(f"{buffer} is in shared memory, and its size is not known")
        self._shared_bytes += buffer.elements * np.dtype(buffer.dtype).itemsize
        if self._shared_bytes > SHARED_BYTES:
            raise self.refused(
                f"{self._shared_bytes} bytes of shared memory, of which a block has {SHARED_BYTES}"
            )
        return buffer.elements


@dataclass(frozen=True)
class CudaExpressions(Expressions):
    """Expressions of one thread.

    Attributes:
        check_register: raises an error for a buffer in registers that another thread has.
    """

    check_register: Callable[[Buffer], None]

    def element(self, element: Load) -> Code:
        """Return an element of memory: something that may be assigned to."""
        self.check_register(element.buffer)
        return super().element(element)


@dataclass(frozen=True)
class Turn:
    """The turn of a parallel loop that a block, or a thread, runs.

    Attributes:
        test: holds for the blocks, or threads, that have one; None if all do.
        number: which turn it is; None if nothing asks for that.
        outside: the site of the line that names it.
        inside: the site of the statements.
        body: the statements.
    """

    test: Code | None
    number: Code | None
    outside: CudaSite
    inside: CudaSite
    body: Body


@dataclass(frozen=True)
class CudaSite(Site):
    """A place of a program for CUDA.

    Attributes:
        is_in_block: True inside of a loop over blocks.
        threads: the variables of the loops over threads around.
        differing: the variables that are not the same for all threads of a block.
        divided: why not all threads of a block come here; empty where all do.
    """

    signature: CudaSignature
    is_in_block: bool = False
    threads: frozenset[LoopVariable] = frozenset()
    differing: frozenset[LoopVariable] = frozenset()
    divided: str = ""

    # ---- walking --------------------------------------------------------------------------------

    def statement(self, statement: Statement) -> str:
        """Return the lines of a statement."""
        for buffer in _stored_buffers(statement):
            self._check_owner(buffer)
        return super().statement(statement)

    def _check_owner(self, buffer: Buffer) -> None:
        """Raise an error if each thread, or block, would store what one of them has to."""
        numbering = self.signature.numbering
        if buffer.scope not in (BufferScope.GLOBAL, BufferScope.SHARED):
            return
        if numbering.threads != 1 and not self.threads:
            raise self.signature.refused(f"all threads would store to {buffer} alike")
        is_shared_by_blocks = buffer.scope is BufferScope.GLOBAL and numbering.blocks != 1
        if is_shared_by_blocks and not self.is_in_block:
            raise self.signature.refused(f"all blocks would store to {buffer} alike")

    def behind(self, statement: Statement) -> Self:
        """Return the site of what follows a statement in its block."""
        site = super().behind(statement)
        if isinstance(statement, Check | AtomicAdd) and self.threads:
            return replace(site, differing=site.differing | {statement.variable})
        return site

    def inside(self, statement: For | If) -> Self:
        """Return the site of what is inside of a loop, or where all conditions hold."""
        site = super().inside(statement)
        if isinstance(statement, If):
            return site._divided_by([one.index for one in statement.conditions], "a condition")
        return site._divided_by(statement.ends, f"the end of the loop over {statement.variable}")

    def otherwise(self, statement: If) -> Self:
        """Return the site of what is run where not all conditions hold."""
        return replace(self.inside(statement), ranges=self.ranges)

    def _divided_by(self, indices: Sequence[Index], what: str) -> Self:
        if self.divided or all(one.variables.isdisjoint(self.differing) for one in indices):
            return self
        return replace(self, divided=f"{what} is another one for each")

    @property
    def expressions(self) -> CudaExpressions:
        """The printer of indices and values here."""
        return CudaExpressions(self.signature.names, self.ranges, self._check_register)

    def _check_register(self, buffer: Buffer) -> None:
        """Raise an error for a register of another thread."""
        if buffer.memory in self.signature.homes:
            home = self.signature.homes[buffer.memory]
            if home != self.threads:
                raise self.signature.refused(f"{buffer} is in registers of other threads")

    # ---- loops ----------------------------------------------------------------------------------

    def directive(self, loop: For) -> str:
        """Return the line ahead of a loop of one thread; empty where there is none."""
        if loop.kind is LoopKind.TEAM:
            raise self.signature.refused(f"the loop over {loop.variable} is of a CPU's threads")
        return self.pragma("#pragma unroll") if loop.kind is LoopKind.UNROLLED else ""

    def turn(self, loop: For) -> Turn:
        """Return how a block, or a thread, runs its turn of a parallel loop."""
        numbering = self.signature.numbering
        digit = numbering.digits[loop.variable]
        is_grid = loop.kind is LoopKind.GRID
        number = code("threadIdx.x" if loop.kind in THREADS else "blockIdx.x")
        most = numbering.threads if loop.kind in THREADS else numbering.blocks
        count = ceil_divide(digit.turns, numbering.threads) if is_grid else digit.turns
        tests = []
        if digit.is_outermost and digit.start != 0:
            tests.append(compared(number, ">=", self.size(digit.start)))
        if digit.is_outermost and digit.start + count != most:
            tests.append(compared(number, "<", self.size(digit.start + count)))
        if digit.start != 0:
            number = page.total([(True, number), (False, self.size(digit.start))])
        is_full = True
        if is_grid:
            first = page.product([number, code(str(numbering.threads))])
            number = page.total([(True, first), (True, code("threadIdx.x"))])
            is_full = exact_quotient(digit.turns, numbering.threads) is not None
        is_alone = digit.is_outermost and digit.inner == 1
        if digit.is_outermost and not is_full and not is_alone:
            tests.append(compared(number, "<", self.size(digit.turns)))
        if digit.inner != 1:
            number = page.quotient(number, self.size(digit.inner))
        if not digit.is_outermost:
            number = page.quotient(number, self.size(digit.extent), "%")
        outside = self.deeper if tests else self
        if tests and loop.kind in THREADS:
            what = f"only {count} threads have a turn of {loop.variable}"
            outside = replace(outside, divided=what)
        is_tested = is_alone and not is_full
        tested = [one for one in loop.ends if is_tested or one is not as_index(digit.extent)]
        further = tuple(below(index_of(loop.variable), one) for one in tested)
        body = (If(further, loop.body),) if further else loop.body
        is_needed = any(loop.variable in variables_of(one) for one in walk(body))
        inside = replace(outside._inside_turn(loop), depth=outside.depth)
        test = conjunction(tests) if tests else None
        return Turn(test, number if is_needed else None, outside, inside, body)

    def _inside_turn(self, loop: For) -> Self:
        """Return the site of the body of a parallel loop."""
        site = super().inside(loop)
        if loop.kind is LoopKind.BLOCK:
            return replace(site, is_in_block=True)
        site = replace(
            site,
            threads=self.threads | {loop.variable},
            differing=self.differing | {loop.variable},
        )
        if loop.kind is LoopKind.GRID:
            where = f"the threads of {loop.variable} do not wait for each other"
            return replace(site, is_in_block=True, divided=where)
        return site

    def pack(self, loop: For) -> Code:
        """Return the wide access that a loop of kind vector is."""
        pack = pack_of(loop, self.ranges, self.signature.refused)
        registers = self.address(pack.registers)
        if pack.words is not None:
            return call("gc_random_pack", registers, *self._block_of_words(pack.words))
        assert pack.memory is not None
        count = [] if pack.count is None else [self.index(pack.count)]
        if not pack.is_stored:
            return call("gc_load_pack", registers, self.address(pack.memory), *count)
        stored = call("gc_store_pack", self.address(pack.memory), registers, *count)
        if not pack.is_guarded:
            return stored
        test = page.call("if ", call("gc_ok", code(self.signature.status())))
        return code(test, Fragment(" ", page.Break.COMMA), stored)

    def _block_of_words(self, words: RandomWord) -> list[Code]:
        """Return the arguments that tell ``kernels/random.cuh`` which four words are meant."""
        rest = map(self.value, (words.step, words.call, words.seed, words.stream))
        if words.shift is UNSHIFTED:
            return [self.index(self.ranges.simplified(words.element // PACK)), *rest]
        return [self.value(words.shift), self.index(words.element), *rest]

    # ---- threads and memory ---------------------------------------------------------------------

    def barrier(self, barrier: Barrier) -> str:
        """Return the call in which the threads of a block wait for each other."""
        if barrier.scope is not BufferScope.SHARED:
            raise self.signature.refused(f"a barrier of scope {barrier.scope.value}")
        if self.divided:
            raise self.signature.refused(f"a barrier where not all threads are: {self.divided}")
        return "__syncthreads()"

    def shared_count(self, buffer: Buffer) -> int:
        """Return the number of elements of an array in shared memory, which is noted."""
        return self.signature.shared(buffer)

    def workspace(self, buffer: Buffer) -> str:
        """Note an array in global memory; there is no statement for it."""
        if self.depth != 1 or self.is_in_block or self.threads:
            raise self.signature.refused(
                f"{buffer} is in global memory, but not ahead of all loops"
            )
        self.signature.workspaces.append(buffer)
        return ""


def _homes(
    body: Body, threads: frozenset[LoopVariable]
) -> Iterator[tuple[str, frozenset[LoopVariable]]]:
    for one in body:
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.REGISTER:
            yield one.buffer.memory, threads
        inside = threads
        if isinstance(one, For) and one.kind in (*THREADS, LoopKind.GRID):
            inside = threads | {one.variable}
        for block in blocks_of(one):
            yield from _homes(block, inside)


def _stored_buffers(statement: Statement) -> list[Buffer]:
    """Return the buffers that a statement itself stores to."""
    written = [window.buffer for window, is_written in windows_of(statement) if is_written]
    return [*written, *(target.buffer for target in targets_of(statement))]
