"""The Jinja environment of the templates, and what every generated kernel begins with."""

from __future__ import annotations

import functools

import jinja2

from graphc.compiler.codegen.c_text import comment
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.table import WIDTH
from graphc.compiler.schedule.kernel import Kernel, Loop, kernels
from graphc.resources import folder

INCLUDES = ("pointwise.cuh", "reduce.cuh", "index.cuh", "random.cuh", "status.cuh")
"""Headers of kernels/ that every translation unit has; a kind's own come on top."""


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(folder("templates"))),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=False,
    )


def render(template: str, **values: object) -> str:
    """The text of a template of templates/; a name that it needs and does not get is an error."""
    return _environment().get_template(template).render(**values)


def header(name: str, kernel: Kernel | Loop, signature: Signature, how: str) -> str:
    """The comment above a kernel function: what it computes, for whom, from what, and how."""
    facts = [
        f"{name}: {', '.join(map(comment, kernel.layers)) or 'no layer'}: {_work(kernel)}",
        how,
        *signature.legend,
        *map(comment, kernel.reasons),
    ]
    return "\n".join(line for fact in facts for line in _wrapped(fact))


def op_names(kernel: Kernel | Loop) -> tuple[str, ...]:
    """What is computed, as op names without repetition, in the order of the body."""
    parts = [kernel] if isinstance(kernel, Kernel) else kernels(kernel.steps)
    nodes = [node for part in parts for node in part.body]
    silent = ("input", "constant", "broadcast", "reshape", "cast", "dim", "iota")
    return tuple(dict.fromkeys(node.op for node in nodes if node.op not in silent))


def _work(kernel: Kernel | Loop) -> str:
    return ", ".join(op_names(kernel)) or "a copy"


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
