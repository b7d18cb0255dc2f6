"""Tables for people: plain text that fits 80 columns, and HTML for notebooks."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 80
_PREFIXES = ("", " k", " M", " G", " T")


def quantity(value: int, unit: str = "") -> str:
    """A count in powers of 1000: ``1.23 MB``."""
    power, scaled = 0, float(value)
    while scaled >= 999.5 and power < len(_PREFIXES) - 1:
        power, scaled = power + 1, scaled / 1000
    digits = max(0, 2 - int(math.log10(scaled))) if power else 0
    prefix = _PREFIXES[power] or (" " if unit else "")
    return f"{scaled:.{digits}f}{prefix}{unit}"


def wrapped(text: str, indent: str = "    ") -> list[str]:
    """Text as lines of the table, whatever whitespace is in it; a terminal shows it and obeys
    none of it."""
    shown = "".join(
        char if char.isprintable() or char.isspace() else ascii(char)[1:-1] for char in text
    )
    return textwrap.wrap(
        shown, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", drop_whitespace=True
    )


def by(sizes: Iterable[int]) -> str:
    """``256 x 2``, without ones at the end."""
    sizes = list(sizes)
    while len(sizes) > 1 and sizes[-1] == 1:
        sizes.pop()
    return " x ".join(map(str, sizes))


def html_rows(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of text."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heads)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{html.escape(cell).replace(chr(10), '<br>')}</td>" for cell in row)
        + "</tr>"
        for row in rows
    )
    return f"<p>{html.escape(title)}</p><table><tr>{head}</tr>{body}</table>"
