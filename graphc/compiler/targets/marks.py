"""Marks in the text of a function until it is complete: for its name, ahead of each note, and
behind lines that give variables their values.

Functions are compared without name and notes (`graphc.compiler.lowering.identical`). So a note is
set off from its line, and the name stands nowhere, until the text is made of them. The lines of
variables are known then (`lines_of_variables`), so that nothing looks for them in the text.
"""

from __future__ import annotations

# Characters that no C text has, nor any comment: these are made ASCII that is printed. Jinja
# indents what `str.splitlines` divides, and the last two end no line there.
_NAME, _NOTE, _GIVING = "\x1e", "\x1f", "\x02"

NAME = _NAME
"""The mark that a template prints where the function's name stands."""


def noted(code: str, note: str) -> str:
    """Return a line of code with a note behind it, if there is one; of no code a line of its own,
    which begins with the indentation that `code` is."""
    return f"{code}{_NOTE}{note}" if note else code


def giving(code: str, variable: str) -> str:
    """Return a line of code that gives a variable its value, or goes on with it."""
    return f"{code}{_GIVING}{variable}" if variable else code


def lines_of_variables(text: str) -> dict[int, str]:
    """Return the variable that a line of a function gives a value, by the numbers of the lines."""
    return {
        number: line.split(_NOTE)[0].split(_GIVING)[1]
        for number, line in enumerate(text.split("\n"))
        if _GIVING in line
    }


def with_name(text: str, name: str) -> str:
    """Return the text with a name in its place."""
    return name.join(text.split(_NAME))


def with_name_and_notes(text: str, name: str) -> str:
    """Return the text of a function with a name."""
    lines = with_name(text, name).split("\n")
    for number, line in enumerate(lines):
        code, *notes = line.split(_NOTE)
        code = code.split(_GIVING)[0]
        space = "  " if code.strip() else ""
        lines[number] = f"{code}{space}// {notes[0]}" if notes else code
    return "\n".join(lines)


def without_name_and_notes(text: str) -> str:
    """Return what is compared of the text of a function: equal for functions that do the same."""
    lines = [line.split(_NOTE)[0].split(_GIVING)[0] for line in text.split("\n")]
    return "\n".join(line for line in lines if line.strip())
