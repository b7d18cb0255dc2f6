"""Descriptions of models as JSON and YAML. Reading executes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from graphc.errors import ArgumentError

FORMATS = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}
"""The ends of files' names, and what is in them."""


class _Loader(yaml.SafeLoader):
    """A safe loader that also knows tuples, which is how Keras writes shapes."""


_Loader.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: tuple(loader.construct_sequence(node))
)


def to_text(data: Any, format_name: str, **kwargs: Any) -> str:
    """Data (dicts, lists, texts, numbers) as JSON or YAML; keywords go to the writer."""
    if format_name == "JSON":
        return json.dumps(data, **kwargs)
    return yaml.safe_dump(data, **{"sort_keys": False, **kwargs})


def parsed(text: object, format_name: str, where: str) -> object:
    """What a text in JSON or YAML says; `where` begins the message of an ArgumentError."""
    if not isinstance(text, str):
        raise ArgumentError(f"{where}: expected {format_name} as a text, received {text!r:.60}")
    try:
        if format_name == "JSON":
            return json.loads(text)
        return yaml.load(text, _Loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ArgumentError(f"{where}: not {format_name}: {error}") from error


def read_description(path: str | Path) -> object:
    """What a file in JSON or YAML says. ArgumentError for one that cannot be read."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ArgumentError(
            f"{path}: the name of an architecture's file ends in {', '.join(FORMATS)}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path}: cannot be read ({error})") from error
    return parsed(text, FORMATS[path.suffix.lower()], str(path))
