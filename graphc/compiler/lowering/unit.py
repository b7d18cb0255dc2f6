"""What every generated kernel begins with, and the translation unit of a program."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.program.describe import op_names
from graphc.compiler.program.launch import Launch
from graphc.compiler.targets.c_text import comment
from graphc.compiler.targets.page import WIDTH

INCLUDES = ("pointwise.cuh", "reduce.cuh", "index.cuh", "random.cuh", "status.cuh")
"""Headers of kernels/ that every translation unit has; a kind's own come on top."""


def header(launches: Sequence[Launch]) -> str:
    """Return the comment above the function that launches share: what it computes, for which layers
    and how; then the parameters of the first of them, and why it was not fused further."""
    first = launches[0]
    layers = dict.fromkeys(name for one in launches for name in one.kernel.layers)
    facts = [
        f"{first.name}: {', '.join(map(comment, layers)) or 'no layer'}: {_work(launches)}",
        *dict.fromkeys("; ".join([one.how, *one.notes]) for one in launches),
    ]
    if len(launches) > 1:
        facts.append(f"one function for {len(launches)} launches; names below are of the first")
    facts += [*first.legend, *map(comment, first.kernel.reasons)]
    return "\n".join(line for fact in facts for line in _wrapped(fact))


def _work(launches: Sequence[Launch]) -> str:
    ops = dict.fromkeys(op for launch in launches for op in op_names(launch.kernel))
    return ", ".join(ops) or "a copy"


def _wrapped(text: str) -> list[str]:
    """The text as comment lines that fit the page."""
    lines, line = [], "//"
    for word in text.split():
        if len(line) + 1 + len(word) > WIDTH and line != "//":
            lines.append(line)
            line = "//  "
        line += f" {word}"
    return [*lines, line]


def unit(texts: list[str], includes: tuple[str, ...]) -> str:
    """One translation unit."""
    heads = "\n".join(f'#include "{name}"' for name in includes)
    return "\n\n".join([heads, *texts]) + "\n"
