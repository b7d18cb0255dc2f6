"""The Jinja environment of the templates, and where its bytecode is kept."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER
from typing import Protocol

import jinja2
from jinja2.bccache import Bucket

from graphc.compiler.targets.marks import giving
from graphc.resources import folder


class BytecodeFiles(Protocol):
    """Where bytecode is kept: what is read is whole, and as this user wrote it."""

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, content: bytes) -> None: ...


class Bytecode(jinja2.BytecodeCache):
    """Cache of templates' bytecode, which takes longer to make than all else for most programs.

    Attributes:
        files: gives the place where it is kept; None, as long as no higher floor has set one: each
            process makes it anew.
    """

    files: Callable[[], BytecodeFiles] | None = None

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
def environment() -> jinja2.Environment:
    """Return the environment of templates/; a name that a template needs and does not get is an
    error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(folder("templates"))),
        undefined=jinja2.StrictUndefined,
        optimized=False,  # few constants are folded, and looking for them takes a fifth of the time
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=False,
        bytecode_cache=BYTECODE,
    )
    made.globals["giving"] = giving
    return made
