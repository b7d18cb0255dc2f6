"""The line of a user's program that an error is about, and its being an import statement."""

from __future__ import annotations

import dis
import sys
import warnings
from pathlib import Path
from types import FrameType

PACKAGE = str(Path(__file__).resolve().parents[1])
_IMPORT_FROM = dis.opmap["IMPORT_FROM"]
_IMPORTLIB = ("<frozen importlib", "<frozen runpy")


def user_frame() -> FrameType | None:
    """Return the innermost frame that is neither of graphc nor of the import machinery."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((PACKAGE, *_IMPORTLIB)):
        frame = frame.f_back
    return frame


def user_line() -> str:
    """Return ``file:line`` of that frame."""
    frame = user_frame()
    return "?" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def warn(message: str) -> None:
    """Warn at that frame's line."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)


def imports_name(frame: FrameType) -> bool:
    """Return True where a frame reads an attribute for ``from module import name``.

    The statement reads it with an instruction of its own; of a package, the import machinery looks
    first.
    """
    code = frame.f_code
    if code.co_name == "_handle_fromlist" and code.co_filename.startswith(_IMPORTLIB):
        return True
    return frame.f_lasti >= 0 and code.co_code[frame.f_lasti] == _IMPORT_FROM
