"""The values of C expressions: by the operations that they were put together from, and as a C++
compiler finds them in their text."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from graphc.compiler.codegen import expression
from graphc.compiler.codegen.expression import Arithmetic, Expression, Parameter, Variable
from graphc.compiler.runtime.cpu.toolchain import compiler_path

Number = TypeVar("Number", int, np.ndarray)

OPERATIONS: Mapping[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.floor_divide,  # as C divides what is not negative
    "%": np.remainder,
}


def value_of(formula: Expression, variables: Mapping[str, Number]) -> Number:
    """Return the value of an expression of + - * / % whose variables are these, by its operations:
    its text is not read."""
    if isinstance(formula, Arithmetic):
        left, right = (value_of(operand, variables) for operand in formula.operands)
        return OPERATIONS[formula.operation](left, right)
    if isinstance(formula, expression.Number):
        return np.array(formula.value)
    assert isinstance(formula, Variable | Parameter)
    return variables[formula.name]


def assert_values_in_c(
    claims: Iterable[tuple[Expression, int]], variables: Mapping[str, int], head: str = ""
) -> None:
    """Fail where a C++ compiler finds another value in an expression's text than is claimed.

    Args:
        claims: expressions, each with its value.
        variables: what the expressions read.
        head: text ahead of them, as definitions of the functions that they call.
    """
    lines = [head, *(f"constexpr int {name} = {value};" for name, value in variables.items())]
    lines += [f'static_assert(({text}) == ({value}), "");' for text, value in claims]
    command = [str(compiler_path()), "-std=c++17", "-fsyntax-only", "-x", "c++", "-"]
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
