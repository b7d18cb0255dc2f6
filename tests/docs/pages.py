"""The code blocks of the manual's pages, and what is said to stand below them.

A ```python block is run, and a ```sh block with a ```text block right below it. That is what is
printed, standard error included; a last line ``graphc.errors.ShapeError: ...`` is the error that
ends a block. Above a block may stand a comment for the test:

- ``<!-- test: not run, REASON -->``: above a block that is only shown;
- ``<!-- test: about TOLERANCE -->``: above a ```text block whose decimals may differ by so much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- test: (.*?) -->\s*\Z")
_NUMBER = re.compile(r"\d+\.\d+(?:e-?\d+)?")


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        language: behind the opening fence.
        text: its lines.
        line: the number of the opening fence's line.
        start, end: where `text` lies in the page.
        mark: what the comment above it says to the test.
        output: the block right below it that has its output.
    """

    language: str
    text: str
    line: int
    start: int
    end: int
    mark: str
    output: Block | None = None

    @property
    def is_run(self) -> bool:
        shows_it = self.language == "python" or (self.language == "sh" and self.output is not None)
        return shows_it and not self.mark.startswith("not run")


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def blocks(text: str) -> list[Block]:
    """The blocks of a page in order, each with its output, which is none of its own."""
    return list(_joined(list(_found(text)), text))


def _found(text: str) -> Iterator[Block]:
    end = 0
    for match in _FENCE.finditer(text):
        mark = _MARK.search(text[end : match.start()])
        line = text.count("\n", 0, match.start()) + 1
        yield Block(match[1], match[2], line, match.start(2), match.end(2), mark[1] if mark else "")
        end = match.end()


def _joined(found: list[Block], text: str) -> Iterator[Block]:
    rest = iter(enumerate(found))
    for k, block in rest:
        output = found[k + 1] if k + 1 < len(found) else None
        if output is not None and not _is_output(block, output, text):
            output = None
        yield replace(block, output=output)
        if output is not None:
            next(rest)


def _is_output(block: Block, following: Block, text: str) -> bool:
    """Return True if a block is the ```text block right below one that is run."""
    between = text[block.end + len("```") : following.start - len("```text\n")]
    below = following.language == "text" and not _MARK.sub("", between).strip()
    return block.language in ("python", "sh") and below


def difference(shown: Block, printed: str) -> str | None:
    """Return what is wrong with an output, None if nothing is. Times are not compared, nor empty
    lines at the end."""
    wanted, received = (without_times(text).rstrip() for text in (shown.text, printed))
    if not shown.mark.startswith("about"):
        return None if wanted == received else f"shown:\n{wanted}\nprinted:\n{received}"
    tolerance = float(shown.mark.split()[1])
    if _NUMBER.sub("NUMBER", wanted) == _NUMBER.sub("NUMBER", received):
        pairs = zip(_NUMBER.findall(wanted), _NUMBER.findall(received), strict=True)
        if all(abs(float(a) - float(b)) <= tolerance for a, b in pairs):
            return None
    return f"shown (to {tolerance}):\n{wanted}\nprinted:\n{received}"


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ ?s\b", "TIME", text)


def updated(text: str, printed: dict[int, str]) -> str:
    """The page with other outputs.

    Args:
        printed: the start of a ```text block -> what it shows from now on. A block whose old text
            passes as it stands is best left out.
    """
    found = {block.output.start: block.output for block in blocks(text) if block.output}
    for start in sorted(printed, reverse=True):
        text = text[:start] + printed[start].rstrip() + "\n" + text[found[start].end :]
    return text
