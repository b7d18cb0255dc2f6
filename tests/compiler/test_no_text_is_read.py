"""Code generation, and the pages that show it, decide on data: no text that it has printed is read
again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "graphc"
FOLDERS = ("compiler/lowering", "compiler/loops", "compiler/program", "compiler/targets", "view")

# Functions of strings by which text is read, or edited. What they are called on is not known here,
# so no class of code generation has methods of these names.
READING = {
    *("isalnum", "isalpha", "isdecimal", "isdigit", "isidentifier", "isnumeric", "isspace"),
    *("partition", "replace", "rpartition"),
}

# Each with the text that it reads.
ALLOWED = {
    "compiler/loops/text.py": "lines of a dump that are too long",
    "compiler/loops/rewrites/names.py": "the numbers of copies, at the end of their names",
    "compiler/program/ptxas_text.py": "the report of NVIDIA's assembler",
    "compiler/program/table.py": "cells of a report, for HTML",
    "compiler/targets/c_text.py": "names of users' layers, made harmless for comments",
    "compiler/targets/cpu/facts.py": "the system's tables and the environment",
    "view/page.py": "pages, for the documents in them",
}


def reading(source: str) -> Iterator[str]:
    """Yield each use of what reads text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and any(name.name == "re" for name in node.names):
            yield f"line {node.lineno}: re"
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            yield f"line {node.lineno}: re"
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute) and function.attr in READING:
                yield f"line {node.lineno}: {function.attr}"
            if isinstance(function, ast.Name) and function.id in ("eval", "exec"):
                yield f"line {node.lineno}: {function.id}"


def test_what_reads_text_is_found() -> None:
    source = "import re\nx = y.isdigit() or f(z).replace('a', 'b')\nreplace(one, a=eval(b))\n"
    found = sorted(reading(source))
    assert found == ["line 1: re", "line 2: isdigit", "line 2: replace", "line 3: eval"]


def test_no_text_is_read() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): uses
        for folder in FOLDERS
        for path in (PACKAGE / folder).rglob("*.py")
        if (uses := list(reading(path.read_text(encoding="utf-8"))))
    }
    assert {name: uses for name, uses in found.items() if name not in ALLOWED} == {}
    assert found.keys() == ALLOWED.keys()  # what has become clean is on the list no longer
