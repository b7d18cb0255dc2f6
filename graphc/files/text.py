"""Descriptions of models as JSON and YAML. Reading executes nothing."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import yaml
from yaml import YAMLError

from graphc.errors import ArgumentError, GraphcError
from graphc.files.limits import MOST_BYTES, check_data, check_length
from graphc.files.safe_yaml import load_yaml
from graphc.paths import shown_path

FORMATS = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}
"""The ends of files' names, and what is in them."""


def keywords_of(format_name: str) -> list[str]:
    """Return the keywords that `to_text` takes for a format."""
    writer = json.dumps if format_name == "JSON" else yaml.dump_all
    fixed = ("obj", "documents", "stream", "Dumper", "kw")
    return [name for name in inspect.signature(writer).parameters if name not in fixed]


def to_text(data: Any, format_name: str, **kwargs: Any) -> str:
    """Return data (dicts, lists, texts, numbers) as JSON or YAML; keywords go to the writer."""
    if format_name == "JSON":
        return json.dumps(data, **kwargs)
    text: str = yaml.safe_dump(data, **{"sort_keys": False, **kwargs})
    return text


def parsed(text: object, format_name: str, where: str) -> object:
    """Return the data of a text in JSON or YAML: texts, numbers, lists and dicts by texts.

    `where` begins the message of an ArgumentError: another kind of text, a key that is there twice,
    a tag of YAML that names a class, or more than `limits` allow.
    """
    if _is_path(text):
        raise ArgumentError(
            f"{where}: expected {format_name} as a text, received the path {text!r:.60}; pass what "
            "is in the file, open(path).read(), or call graphc.models.load_architecture(path)"
        )
    if not isinstance(text, str):
        raise ArgumentError(f"{where}: expected {format_name} as a text, received {text!r:.60}")
    check_length(text, where)
    try:
        if format_name == "JSON":
            data = json.loads(text, object_pairs_hook=lambda pairs: _distinct(pairs, where))
        else:
            data = load_yaml(text, where)
    except GraphcError:
        raise
    # PyYAML raises many kinds of errors for values that do not fit their tags.
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, YAMLError) as error:
        raise ArgumentError(f"{where}: not {format_name}: {error}") from error
    check_data(data, where)
    return data


def _is_path(text: object) -> bool:
    if isinstance(text, str):
        return "\n" not in text and text.lower().endswith(tuple(FORMATS))
    return isinstance(text, Path)


def _distinct(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    """Return the pairs of a JSON object as a dict. ArgumentError for a repeated key."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ArgumentError(f"{where}: the key {key!r:.60} is there twice in one object")
        found[key] = value
    return found


def read_description(path: str) -> object:
    """Return the data of a file in JSON or YAML. ArgumentError for one that cannot be read."""
    file, shown = Path(path), shown_path(path)
    if file.suffix.lower() not in FORMATS:
        raise ArgumentError(
            f"{shown}: the name of an architecture's file ends in {', '.join(FORMATS)}"
        )
    try:
        if file.stat().st_size > 4 * MOST_BYTES:  # a character has up to 4 bytes
            raise ArgumentError(
                f"{shown}: expected an architecture, received {file.stat().st_size} bytes"
            )
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{shown}: cannot be read ({error})") from error
    return parsed(text, FORMATS[file.suffix.lower()], shown)
