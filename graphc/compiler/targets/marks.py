"""Marks in the text of a function until it is complete: for its name, and ahead of each note.

Functions are compared without both (`graphc.compiler.codegen.identical`). So a note is set apart
from its line, and the name stands nowhere, until the text is made of them.
"""

from __future__ import annotations

# Characters that no C text has, nor any comment: these are made ASCII that is printed.
_NAME, _NOTE = "\x1e", "\x1f"

NAME = _NAME
"""The mark that a template prints where the function's name stands."""


def noted(code: str, note: str) -> str:
    """Return a line of code with a note behind it, if there is one; of no code a line of its own,
    which begins with the indentation that `code` is."""
    return f"{code}{_NOTE}{note}" if note else code


def with_name(text: str, name: str) -> str:
    """Return the text with a name in its place."""
    return name.join(text.split(_NAME))


def with_name_and_notes(text: str, name: str) -> str:
    """Return the text of a function with a name."""
    lines = with_name(text, name).split("\n")
    for number, line in enumerate(lines):
        if _NOTE in line:
            code, note = line.split(_NOTE)
            space = "  " if code.strip() else ""
            lines[number] = f"{code}{space}// {note}"
    return "\n".join(lines)


def without_name_and_notes(text: str) -> str:
    """Return what is compared of the text of a function: equal for functions that do the same."""
    lines = [line.split(_NOTE)[0] for line in text.split("\n")]
    return "\n".join(line for line in lines if line.strip())
