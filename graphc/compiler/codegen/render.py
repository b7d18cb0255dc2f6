"""The Jinja environment of the templates, and what every generated kernel begins with."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from importlib.util import MAGIC_NUMBER
from typing import Protocol

import jinja2
from jinja2.bccache import Bucket

from graphc.compiler.codegen.c_text import comment
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.table import WIDTH
from graphc.compiler.schedule.kernel import Kernel, Loop, kernels
from graphc.resources import folder

INCLUDES = ("pointwise.cuh", "reduce.cuh", "index.cuh", "random.cuh", "status.cuh")
"""Headers of kernels/ that every translation unit has; a kind's own come on top."""


class Files(Protocol):
    """Where bytecode is kept: what is read is whole, and as this user wrote it."""

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, content: bytes) -> None: ...


class Bytecode(jinja2.BytecodeCache):
    """What Jinja makes of templates: making it takes longer than all else for most programs.

    Attributes:
        files: gives the place where it is kept; None, as long as no higher floor has set one: each
            process makes it anew.
    """

    files: Callable[[], Files] | None = None

    def load_bytecode(self, bucket: Bucket) -> None:
        found = self.files().read(_entry(bucket)) if self.files is not None else None
        if found is not None:
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if self.files is not None:
            self.files().write(_entry(bucket), bucket.bytecode_to_string())


def _entry(bucket: Bucket) -> str:
    """A name for a template's bytecode, by what decides it."""
    of = bucket.environment
    options = (of.trim_blocks, of.lstrip_blocks, of.keep_trailing_newline, of.autoescape)
    parts = (bucket.key, bucket.checksum, options, jinja2.__version__, MAGIC_NUMBER)
    return f"{hashlib.sha256(repr(parts).encode()).hexdigest()[:40]}.j2"


BYTECODE = Bytecode()


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
        bytecode_cache=BYTECODE,
    )


def render(template: str, **values: object) -> str:
    """The text of a template of templates/; a name that it needs and does not get is an error."""
    return _environment().get_template(template).render(**values)


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


def op_names(kernel: Kernel | Loop) -> tuple[str, ...]:
    """What is computed, as op names without repetition, in the order of the body."""
    parts = [kernel] if isinstance(kernel, Kernel) else kernels(kernel.steps)
    nodes = [node for part in parts for node in part.body]
    silent = ("input", "constant", "broadcast", "reshape", "cast", "dim", "iota")
    return tuple(dict.fromkeys(node.op for node in nodes if node.op not in silent))


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
