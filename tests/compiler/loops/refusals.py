"""The text of programs, and of the errors of rewrites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.text import body_lines
from graphc.errors import RewriteError


def lines(program: LoopProgram) -> list[str]:
    """Return the lines of a program's body."""
    return [line.rstrip() for line in body_lines(program.body)]


def refusal(rewrite: Callable[..., LoopProgram], program: LoopProgram, *args: Any) -> str:
    """Return the first line of the error of a rewrite, whose others are the program."""
    with pytest.raises(RewriteError) as raised:
        rewrite(program, *args)
    first, *others = str(raised.value).splitlines()
    assert others[0].startswith(f"kernel {program.name}(")
    return first
