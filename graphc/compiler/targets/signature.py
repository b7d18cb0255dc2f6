"""The parameters of a function that a loop program becomes, collected while it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import Symbol, symbols
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.value import Argument
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.expressions import ParameterNames


@dataclass(frozen=True)
class StatusWord:
    """The word in which a failed check is reported."""


Given: TypeAlias = Symbol | Argument | LoopVariable | StatusWord | Buffer
"""The meaning of a parameter: a size, a number of the call, a step of a loop around, the status
word, or the memory that a buffer is all of."""


@dataclass(frozen=True)
class FunctionParameter:
    """A parameter of a printed function.

    Attributes:
        name: in the text.
        declared: its declaration.
        given: what it is.
    """

    name: str
    declared: str
    given: Given


class Signature:
    """The parameters of a function, and what else its text needs, collected while it is printed.

    Attributes:
        program: what is printed.
        target: what errors call the target.
        headers: the files of ``kernels/`` that the text needs beside those that every program has.
        names: of the parameters; each is noted when it is asked for.
    """

    def __init__(self, program: LoopProgram, target: str):
        self.program = program
        self.target = target
        self.headers: dict[str, None] = {}
        self._numbers: dict[Given, FunctionParameter] = {}
        self._sizes = 0
        self.names = ParameterNames(self._size, self._argument, self._variable)

    @property
    def parameters(self) -> tuple[FunctionParameter, ...]:
        """Numbers in the order in which they were asked for, then addresses."""
        written = {buffer.memory for buffer in self.program.outputs}
        pointers: dict[str, FunctionParameter] = {}
        for buffer in (*self.program.inputs, *self.program.outputs):
            scalar, name = C_TYPES[buffer.dtype], buffer.memory
            kind = f"{scalar}* " if name in written else f"const {scalar}* __restrict__ "
            pointers.setdefault(name, FunctionParameter(name, kind + name, buffer))
        return (*self._numbers.values(), *pointers.values())

    def status(self) -> str:
        """Return the name of the address of the status word."""
        return self._number(StatusWord(), "status", "gc_uint64* ")

    def refused(self, what: str) -> ValueError:
        """Return the error that the target does not run a program."""
        return ValueError(f"{self.program.name} is not printed for {self.target}: {what}")

    def _size(self, symbol: Symbol) -> str:
        if (symbol,) == symbols(BATCH):
            return self._number(symbol, "batch", "int ")
        if symbol not in self._numbers:
            self._sizes += 1
        return self._number(symbol, f"n{self._sizes - 1}", "int ")

    def _variable(self, variable: LoopVariable) -> str:
        if any(variable is given for given, _ in self.program.indices):
            self._number(variable, variable.name, "int ")
        return variable.name

    def _argument(self, argument: Argument) -> str:
        return self._number(argument, argument.name, f"{C_TYPES[argument.dtype]} ")

    def _number(self, given: Given, name: str, kind: str) -> str:
        return self._numbers.setdefault(given, FunctionParameter(name, kind + name, given)).name
