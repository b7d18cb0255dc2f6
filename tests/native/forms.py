"""The forms in which native code computes kernels: which lowering takes each.

Lowerings are counted as they are called. No test reads the text that they print.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest import mock

from graphc.compiler.codegen.native import NativeProgram, lower_native
from graphc.compiler.codegen.native.pooled_winograd import PooledWinograd
from graphc.compiler.codegen.native.winograd import Winograd
from graphc.compiler.graph import Node
from graphc.compiler.program.launch import launches
from graphc.compiler.schedule import Kernel

# By the form, what prints a product, a convolution, or a part of a kernel in it.
_PRINTERS: dict[str, Sequence[tuple[Any, str]]] = {
    "Winograd": ((Winograd, "_forward"),),
    "pooled Winograd": ((PooledWinograd, "lines"),),
    "Winograd gradient": ((Winograd, "_gradient"),),
}


def forms(outputs: Sequence[Node]) -> Counter[str]:
    """Return how often each form is printed for a program; products are counted one by one."""
    return lowered(outputs)[1]


def lowered(outputs: Sequence[Node]) -> tuple[NativeProgram, Counter[str]]:
    """Return a native program, and how often each form is printed for it."""
    found: Counter[str] = Counter()
    with _counted(found):
        return lower_native(outputs), found


def in_order(program: NativeProgram) -> list[str]:
    """Return the names of products that no mapping but the last one takes."""
    return [
        one.name
        for one in launches(program.program.steps)
        if one.kernel.kind == "matmul" and one.how.endswith(", in order")
    ]


@contextmanager
def _counted(found: Counter[str]) -> Iterator[None]:
    with ExitStack() as patches:
        for form, printers in _PRINTERS.items():
            for owner, name in printers:
                counting = _counting(owner, name, form, found)
                patches.enter_context(mock.patch.object(owner, name, counting))
        yield


def _counting(owner: Any, name: str, form: str, found: Counter[str]) -> Any:
    printer = getattr(owner, name)

    @wraps(printer)
    def counting(first: Any, *rest: Any, **keywords: Any) -> Any:
        if isinstance(first, Kernel):
            count = len(first.anchors)  # a function of a whole kernel prints all of its products
        else:
            count = 1
        found[form] += count
        return printer(first, *rest, **keywords)

    return counting
