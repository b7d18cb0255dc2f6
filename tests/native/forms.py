"""Products of native programs that no mapping takes."""

from __future__ import annotations

from graphc.compiler.lowering.cpu import NativeProgram
from graphc.compiler.program.launch import launches


def in_order(program: NativeProgram) -> list[str]:
    """Return the names of products that no mapping but the last one takes."""
    return [
        one.name
        for one in launches(program.program.steps)
        if one.kernel.kind == "matmul" and one.how.endswith(", in order")
    ]
