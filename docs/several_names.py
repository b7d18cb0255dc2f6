"""For the reference: an entry of a docstring that names several arguments becomes one for each.

Docstrings here say ``W_regularizer, b_regularizer: penalties``, of which mkdocstrings would make
one argument.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

# Behind the two names an entry goes on as long as lines are indented further.
_ENTRY = re.compile(r"^    (\w+(?:, \w+)+):(.*(?:\n {5,}\S.*)*)$", re.MULTILINE)
_SECTION = re.compile(r"^(?:Args|Attributes|Keyword arguments):\n(?: {4,}.*\n?|\n(?= {4}))+", re.M)


class SeveralNames(griffe.Extension):
    """Rewrites docstrings as they are read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for each module, class and function."""
        if obj.docstring is not None:
            obj.docstring.value = _SECTION.sub(_with_single_names, obj.docstring.value)


def _with_single_names(section: re.Match[str]) -> str:
    return _ENTRY.sub(_single_names, section[0])


def _single_names(entry: re.Match[str]) -> str:
    return "\n".join(f"    {name}:{entry[2]}" for name in entry[1].split(", "))
