"""The settings in ``~/.keras/keras.json``, the file of Keras itself, that count here too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from graphc.errors import FlagError

FLAGS_OF_KEYS: Mapping[str, str] = MappingProxyType(
    {"floatx": "floatX", "epsilon": "epsilon", "image_dim_ordering": "image_dim_ordering"}
)
"""Keys of the file -> the flags that they set."""


def home_file() -> Path | None:
    """Return the path of the user's file; None for a user without a home folder."""
    try:
        return Path.home() / ".keras" / "keras.json"
    except RuntimeError:
        return None


def read(path: Path, shown: str) -> dict[str, Any]:
    """Return what the file holds, by key; nothing where there is no file.

    FlagError, which begins with `shown`, for a file that is not a JSON object.
    """
    if not path.exists():
        return {}
    hint = "correct or remove the file"
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise FlagError(f"{shown}: cannot be read ({error}); {hint}.") from error
    if not isinstance(found, dict):
        raise FlagError(f"{shown}: expected an object, received {found!r:.60}; {hint}.")
    return found
