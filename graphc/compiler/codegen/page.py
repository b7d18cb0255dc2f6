"""Generated text fits 80 columns: those of a terminal, of a page of the manual, of a notebook."""

from __future__ import annotations

import re
import textwrap
from typing import NamedTuple

from graphc.compiler.targets.page import WIDTH

_DEEPER = "    "
"""How much further in the rest of a broken line stands."""

_OPENING, _CLOSING = "([{", ")]}"
# What stands in front of a place where a line may be broken; of those inside of equally many
# brackets the first of these is the best.
_PLACES = (
    (r", ", r"; "),
    (r" [+*^|&]?= ",),
    (r" \? ", r" : "),
    (r" && ", r" \|\| "),
    (r" [<>+-] ", r" [<>=!]= "),
    (r" [*/%] ",),
    (r"\(",),
)
_PLACE = re.compile("|".join(f"({'|'.join(group)})" for group in _PLACES))
# A line's columns, and the characters of the place behind the last one.
_SEEN = WIDTH + 8
# Between the clauses of a directive.
_CLAUSE = re.compile(r" (?=\w+ ?\()")


class Fitted(NamedTuple):
    """Text in lines that fit.

    Attributes:
        text: the text.
        starts: for each line that was given, the number of the one in which its code begins.
    """

    text: str
    starts: list[int]


def fitted(text: str) -> Fitted:
    """C text in lines of at most `WIDTH` columns.

    A line is broken inside of as few brackets as can be. The comment behind it stays on its last
    part, or stands above it where there is no room. What has no place to be broken at stays.
    """
    found: list[str] = []
    starts = []
    for line in text.split("\n"):
        above, parts = _parts(line)
        starts.append(len(found) + len(above))
        found += [*above, *parts]
    return Fitted("\n".join(found), starts)


def _parts(line: str) -> tuple[list[str], list[str]]:
    """The lines of a comment that stands above a line of code, and those of the code."""
    if len(line) <= WIDTH:
        return [], [line]
    content = line.lstrip()
    indent = " " * (len(line) - len(content))
    if content.startswith("//"):
        return [], _comment(content[2:].strip(), indent)
    if content.startswith("#"):
        return [], _directive(line, indent + _DEEPER)
    code, _, note = line.partition("  // ")
    parts = _broken(code, indent + _DEEPER)
    if not note:
        return [], parts
    last = f"{parts[-1]}  // {note}"
    return ([], [*parts[:-1], last]) if len(last) <= WIDTH else (_comment(note, indent), parts)


def _comment(text: str, indent: str) -> list[str]:
    start = f"{indent}// "
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _directive(line: str, indent: str) -> list[str]:
    end = " \\"
    parts = []
    while len(line) > WIDTH:
        fits = WIDTH - len(end)
        depths = _depths(line[: fits + 2])
        place = 0
        for match in _CLAUSE.finditer(line):
            if match.start() > fits:
                break
            place = place if depths[match.start()] else match.start()
        if place <= len(indent):
            break
        parts.append(line[:place] + end)
        line = indent + line[place + 1 :]
    return [*parts, line]


def _broken(code: str, indent: str) -> list[str]:
    """Only the start of what is left is looked at for a place: long lines take no longer a part."""
    parts = []
    lead, done = "", 0  # what stands in front of the rest of the code, and where that begins
    while len(lead) + len(code) - done > WIDTH:
        seen = lead + code[done : done + _SEEN]
        depths = _depths(seen)
        found = [
            (depths[match.end()], match.lastindex, -match.end())
            for match in _PLACE.finditer(seen, len(seen) - len(seen.lstrip()))
            if len(seen[: match.end()].rstrip()) <= WIDTH
            and done + match.end() - len(lead) < len(code)
        ]
        if not found:
            break
        depth, _, nearest = min(found)
        place = -nearest
        is_deeper = depth > 0 and seen.startswith(indent)  # in what is the rest of a line itself
        indent += _DEEPER if is_deeper else ""
        parts.append(seen[:place].rstrip())
        lead, done = indent, done + place - len(lead)
    return [*parts, lead + code[done:]]


def _depths(code: str) -> list[int]:
    """How many brackets are open in front of each character, those of templates too, and at the
    end."""
    depths, depth = [], 0
    for k, char in enumerate(code):
        depths.append(depth)
        before, behind = code[k - 1 : k], code[k + 1 : k + 2]
        if char in _OPENING or (char == "<" and before.isalnum() and not behind.isspace()):
            depth += 1
        elif char in _CLOSING or (char == ">" and not before.isspace()):
            depth -= 1
    return [*depths, depth]
