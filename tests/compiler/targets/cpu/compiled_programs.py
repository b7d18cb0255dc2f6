"""Loop programs as functions of this process: printed, compiled in one run of the machine's C++
compiler, and called with NumPy arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.compiler.graph.dim import Symbol, evaluate
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.value import Argument
from graphc.compiler.lowering.unit import INCLUDES
from graphc.compiler.runtime.cpu.compiler import loaded
from graphc.compiler.targets.cpu.printer import PrintedProgram, print_program
from graphc.compiler.targets.signature import FunctionParameter

STATUS_FINE = 2**64 - 1
_HEADERS = (*INCLUDES, "lanes.h", "host_random.h", "scratch.h")
_NUMBERS = {"int32": np.int32, "int64": np.int64, "uint32": np.uint32, "uint64": np.uint64}


class CompiledPrograms:
    """Programs of one translation unit; their names are different.

    Attributes:
        printed: each program's text, by its name.
    """

    def __init__(self, programs: Sequence[LoopProgram]):
        self._programs = {program.name: program for program in programs}
        assert len(self._programs) == len(programs)
        self.printed = {program.name: print_program(program) for program in programs}
        headers = dict.fromkeys((*_HEADERS, *(x for p in self.printed.values() for x in p.headers)))
        source = "\n".join(
            [
                *(f'#include "{header}"' for header in headers),
                *(printed.text for printed in self.printed.values()),
                *map(_exported, self.printed, self.printed.values()),
                'extern "C" GC_EXPORTED void graphc_step() {}',
            ]
        )
        self._library = loaded(source, {}, "programs of a test")

    def __call__(
        self,
        name: str,
        arrays: Mapping[str, np.ndarray],
        sizes: Mapping[Symbol, int] | None = None,
        arguments: Mapping[str, int] | None = None,
        indices: Mapping[str, int] | None = None,
    ) -> tuple[dict[str, np.ndarray], int]:
        """Return what a program makes of arrays, by the name of the memory, and its status word.

        Args:
            arrays: of each memory that is read.
            sizes: of each symbol.
            arguments: the numbers of the call, by name.
            indices: the variables that the call gives, by name.
        """
        program, printed = self._programs[name], self.printed[name]
        memory = {name: np.array(array, order="C") for name, array in arrays.items()}
        for buffer in program.outputs:
            if buffer.memory not in memory:
                shape = [evaluate(size, sizes or {}) for size in buffer.shape]
                made = np.full(shape, 77, buffer.dtype)
                memory[buffer.memory] = made
        status = np.full((), STATUS_FINE, "uint64")

        def passed(parameter: FunctionParameter) -> Any:
            given = parameter.given
            if isinstance(given, Buffer):
                return ctypes.c_void_p(memory[given.memory].ctypes.data)
            if isinstance(given, Symbol):
                return ctypes.c_int((sizes or {})[given])
            if isinstance(given, LoopVariable):
                return ctypes.c_int((indices or {})[given.name])
            if isinstance(given, Argument):
                number = _NUMBERS[given.dtype]((arguments or {})[given.name])
                return np.ctypeslib.as_ctypes_type(number.dtype)(int(number))
            return ctypes.c_void_p(status.ctypes.data)

        function = self._library.functions[f"run_{name}"]
        function.restype = None
        function(*map(passed, printed.parameters))
        written = {buffer.memory for buffer in program.outputs}
        return {name: memory[name] for name in written}, int(status)


def _exported(name: str, printed: PrintedProgram) -> str:
    declared = ", ".join(one.declared for one in printed.parameters)
    given = ", ".join(one.name for one in printed.parameters)
    return f'extern "C" GC_EXPORTED void run_{name}({declared}) {{ {name}({given}); }}'
