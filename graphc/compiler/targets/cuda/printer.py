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

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from graphc.compiler.graph.dim import Size, ceil_divide, exact_quotient
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    targets_of,
    variables_of,
    walk,
    windows_of,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.statement import (
    Allocate,
    AtomicAdd,
    Barrier,
    Check,
    For,
    If,
    LoopKind,
    Statement,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Load, RandomWord, below
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets import page
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.cuda.facts import MOST_SHARED_BYTES, SHARED_BYTES, VECTOR_BYTES
from graphc.compiler.targets.cuda.numbering import THREADS, Numbering, numbering_of
from graphc.compiler.targets.cuda.own_registers import Threads, coordinates_of, own_registers
from graphc.compiler.targets.cuda.packs import UNSHIFTED, pack_of
from graphc.compiler.targets.cuda.thread_numbers import in_thread_numbers
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
        shared_bytes: the shared memory that a launch has to ask for; 0 if a block has it unasked.
    """

    blocks: Size
    threads: int
    workspaces: tuple[Buffer, ...]
    shared_bytes: int


def print_program(program: LoopProgram) -> PrintedKernel:
    """Return the kernel that a program becomes. ValueError for what a launch cannot be."""
    signature = CudaSignature(program)
    site = CudaSite(signature, Forms(_TEMPLATE), program.ranges)
    printed = printed_function(site, threads=signature.numbering.threads, at=site)
    return PrintedKernel(
        printed.text,
        printed.code,
        printed.parameters,
        printed.headers,
        printed.lines,
        signature.numbering.blocks,
        signature.numbering.threads,
        tuple(signature.workspaces),
        signature.shared_bytes,
    )


class CudaSignature(Signature):
    """The signature of a kernel.

    Attributes:
        numbering: which block and thread runs what.
        workspaces: as of `PrintedKernel`.
        registers: what a thread has of each memory in registers.
        thread: the number of a thread.
        has_thread: True if the text has the name of `thread`.
        shared_bytes: as of `PrintedKernel`.
        starts: the byte of this memory that each array in it begins at.
    """

    def __init__(self, program: LoopProgram):
        super().__init__(program, "CUDA")
        self.thread = Names(program).variable("thread")
        self.has_thread = False
        self.numbering: Numbering = numbering_of(program, self.refused)
        self.workspaces: list[Buffer] = []
        self.registers = own_registers(program.body, self.numbering.digits)
        self.starts: dict[str, int] = {}
        used = 0
        for one in walk(program.body):
            if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED:
                self.starts[one.buffer.memory] = used
                used += -(-self.shared_bytes_of(one.buffer) // VECTOR_BYTES) * VECTOR_BYTES
        self.shared_bytes = used if used > SHARED_BYTES else 0
        if used > MOST_SHARED_BYTES:
            raise self.refused(
                f"{used} bytes of shared memory, of which a block has {MOST_SHARED_BYTES} at most"
            )

    @property
    def parameters(self) -> tuple[FunctionParameter, ...]:
        """Numbers, then addresses, those of workspaces behind the others."""
        own = [
            FunctionParameter(one.name, f"{C_TYPES[one.dtype]}* {one.name}", one)
            for one in self.workspaces
        ]
        return (*super().parameters, *own)

    def shared_bytes_of(self, buffer: Buffer) -> int:
        """Return the bytes of an array in shared memory."""
        if not isinstance(buffer.elements, int):
            raise self.refused(f"{buffer} is in shared memory, and its size is not known")
        return buffer.elements * np.dtype(buffer.dtype).itemsize


@dataclass(frozen=True)
class CudaExpressions(Expressions):
    """Expressions of one thread.

    Attributes:
        own: returns an element in registers as one of the thread's own.
        whole: returns an index with the thread's number in the place of digits of it.
    """

    own: Callable[[Load], Load]
    whole: Callable[[Index], Index]

    def element(self, element: Load) -> Code:
        """Return an element of memory: something that may be assigned to."""
        return self.register(self.own(element))

    def register(self, element: Load) -> Code:
        """Return an element that is the thread's own, or in memory."""
        return super().element(element)

    def _terms(self, index: Index) -> list[tuple[bool, Code]]:
        return super()._terms(self.whole(index))


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
        digits: of these, in order, those that are parts of the number of a thread of a block.
        differing: the variables that are not the same for all threads of a block.
        divided: why not all threads of a block come here; empty where all do.
        numbers: the names of numbers of turns, by their text.
        same: the turns whose numbers have names of other ones.
    """

    signature: CudaSignature
    is_in_block: bool = False
    threads: Threads = frozenset()
    digits: tuple[LoopVariable, ...] = ()
    differing: frozenset[LoopVariable] = frozenset()
    divided: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)
    same: Mapping[LoopVariable, str] = field(default_factory=dict)

    # ---- walking --------------------------------------------------------------------------------

    def statement(self, statement: Statement) -> str:
        """Return the lines of a statement."""
        # Which of several lanes stores is the matter of what they run together.
        if not isinstance(statement, UseIntrinsic) or statement.intrinsic.lanes == 1:
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
        if self.threads and all(numbering.digits[one].inner != 1 for one in self.threads):
            raise self.signature.refused(f"several threads would store to {buffer} alike")
        is_shared_by_blocks = buffer.scope is BufferScope.GLOBAL and numbering.blocks != 1
        if is_shared_by_blocks and not self.is_in_block:
            raise self.signature.refused(f"all blocks would store to {buffer} alike")

    def behind(self, statement: Statement) -> Self:
        """Return the site of what follows a statement in its block."""
        site = super().behind(statement)
        if isinstance(statement, Check | AtomicAdd) and self.threads:
            return replace(site, differing=site.differing | {statement.variable})
        if isinstance(statement, For) and statement.variable in self.signature.numbering.digits:
            turn = self.turn(statement)
            if turn.test is None:
                inside = turn.inside
                for one in turn.body:
                    inside = inside.behind(one)
                return replace(site, numbers=inside.numbers)
        return site

    def _with_number(self, number: Code, variable: LoopVariable) -> Self:
        """Return the site where a number has the name of a variable."""
        return replace(self, numbers={**self.numbers, str(number): variable.name})

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

    @functools.cached_property
    def expressions(self) -> CudaExpressions:
        """The printer of indices and values here."""
        names = replace(self.signature.names, variable=self._name)
        return CudaExpressions(names, self.ranges, self._own, self._whole)

    def _name(self, variable: LoopVariable) -> str:
        """Return the name of a variable; of a turn whose number has a name already, that name."""
        return self.same.get(variable) or self.signature.names.variable(variable)

    def _whole(self, index: Index) -> Index:
        """Return an index with the thread's number in the place of digits of it."""
        signature = self.signature
        whole = in_thread_numbers(index, self.digits, signature.numbering.digits, signature.thread)
        signature.has_thread = signature.has_thread or whole is not index
        return whole

    def _own(self, element: Load) -> Load:
        """Return an element; of what several threads have in registers, the thread's own."""
        registers = self.signature.registers.get(element.buffer.memory)
        if registers is None:
            return element
        own = registers.element(element, self.threads)
        if own is None:
            raise self.signature.refused(f"{element.buffer} is in registers of other threads")
        return own

    def address(self, element: Load) -> Code:
        """Return the address of an element, whose place is one int: what is added to an address by
        itself is 64 bits wide."""
        element = self._own(element)
        place = self.ranges.simplified(element.buffer.place(element.coords))
        if len(place.terms) + (place.constant != 0) < 2:
            return super().address(element)
        return code("&", page.subscript(element.buffer.memory, self.index(place)))

    def is_scalar(self, buffer: Buffer) -> bool:
        """Return True if a thread has a buffer as one register."""
        return buffer.scope is BufferScope.REGISTER and self.registers(buffer).elements == 1

    def registers(self, buffer: Buffer) -> Buffer:
        """Return what a thread has of a buffer in registers."""
        return self.signature.registers[buffer.memory].part

    def used(self, use: UseIntrinsic) -> Code:
        """Return a call of an intrinsic, which is given the registers of the thread by name, and
        the addresses of what is in memory."""
        parameters, windows = use.intrinsic.parameters, use.windows
        if all(one.scope is not BufferScope.REGISTER for one in parameters):
            return super().used(use)
        self.signature.headers[use.intrinsic.source] = None
        operands = []
        for parameter, window in zip(parameters, windows, strict=True):
            if parameter.scope is not BufferScope.REGISTER:
                operands.append(self.address(Load(window.buffer, window.start)))
                continue
            registers = self.signature.registers[window.buffer.memory]
            coords = coordinates_of(window, parameter)
            own = [one for axis, one in enumerate(coords) if axis not in registers.axes]
            place = tuple(one for one in own if one is not None)
            is_cut = sum(one is None for one in coords) < len(parameter.shape)
            if is_cut or len(place) < len(own):
                raise self.signature.refused(f"{window.buffer} is no register of each thread")
            operands.append(self.expressions.register(Load(registers.part, place)))
        return call(use.intrinsic.name, *operands, *map(self.value, use.arguments))

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
            tests.append(_is_below(number, self.size(digit.start + count)))
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
        span = digit.extent * digit.inner
        is_cut = digit.room is not None and digit.room != span
        if digit.room is not None and is_cut:
            number = page.quotient(number, self.size(digit.room), "%")
            known = self.numbers.get(str(number))
            number = number if known is None else code(known)
            tests.append(_is_below(number, self.size(span)))
        if digit.inner != 1:
            number = page.quotient(number, self.size(digit.inner))
        if digit.room is not None and not is_cut:
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
        test = conjunction(tests) if tests else None
        inside = replace(outside._inside_turn(loop), depth=outside.depth)
        if not is_needed:
            return Turn(test, None, outside, inside, body)
        known = self.numbers.get(str(number))
        if known is not None:
            same = {**inside.same, loop.variable: known}
            return Turn(test, None, outside, replace(inside, same=same), body)
        return Turn(test, number, outside, inside._with_number(number, loop.variable), body)

    def _inside_turn(self, loop: For) -> Self:
        """Return the site of the body of a parallel loop."""
        signature, is_digit = self.signature, loop.kind in THREADS
        around = self
        if is_digit and not self.digits:
            ranges = self.ranges.within(signature.thread, signature.numbering.threads)
            around = replace(self, ranges=ranges)
        site = super(CudaSite, around).inside(loop)
        if loop.kind is LoopKind.BLOCK:
            return replace(site, is_in_block=True)
        site = replace(
            site,
            threads=self.threads | {loop.variable},
            digits=(*self.digits, loop.variable) if is_digit else self.digits,
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

    def shared_start(self, buffer: Buffer) -> int | None:
        """Return the byte that an array begins at, of the shared memory that a launch asks for;
        None if it does not ask."""
        signature = self.signature
        return signature.starts[buffer.memory] if signature.shared_bytes else None

    def workspace(self, buffer: Buffer) -> str:
        """Note an array in global memory; there is no statement for it."""
        if self.depth != 1 or self.is_in_block or self.threads:
            raise self.signature.refused(
                f"{buffer} is in global memory, but not ahead of all loops"
            )
        self.signature.workspaces.append(buffer)
        return ""


def _is_below(number: Code, end: Code) -> Code:
    """Return the test that a number, which is at least 0, is below another one."""
    return compared(number, "==", code("0")) if str(end) == "1" else compared(number, "<", end)


def _stored_buffers(statement: Statement) -> list[Buffer]:
    """Return the buffers that a statement itself stores to."""
    written = [window.buffer for window, is_written in windows_of(statement) if is_written]
    return [*written, *(target.buffer for target in targets_of(statement))]
