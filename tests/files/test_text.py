"""Descriptions as JSON and YAML: what is read, and that reading executes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc.errors import ArgumentError
from graphc.files.text import parsed, to_text
from graphc.models import load_architecture

DATA = {"b": [1, None, 0.5, True], "a": {"text": "größe", "none": []}}


@pytest.mark.parametrize("kind", ["JSON", "YAML"])
def test_there_and_back(kind: str) -> None:
    text = to_text(DATA, kind)
    assert parsed(text, kind, "m") == DATA
    assert list(parsed(text, kind, "m")) == ["b", "a"]  # in their order


def test_the_one_tag_of_keras() -> None:
    assert parsed("a: !!python/tuple [null, 3]", "YAML", "m") == {"a": (None, 3)}


def test_yaml_executes_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    text = f"!!python/object/apply:os.mkdir ['{marker}']"
    with pytest.raises(ArgumentError, match="m: line 1: asks for code, by the tag 'python/object"):
        parsed(text, "YAML", "m")
    nested = f"class_name: Sequential\nconfig: !!python/tuple [{text}]"
    with pytest.raises(ArgumentError, match="m: line 2: asks for code"):
        parsed(nested, "YAML", "m")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("text", "kind"),
    [("{", "JSON"), ("[" * 100_000, "JSON"), ("a: [", "YAML"), ("- a\nb", "YAML"), ("\t", "YAML")],
)
def test_what_is_no_text_of_its_kind(text: str, kind: str) -> None:
    with pytest.raises(ArgumentError, match=f"^m: not {kind}"):
        parsed(text, kind, "m")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="cannot be read"):
        load_architecture(tmp_path / "nothing.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArgumentError, match="cannot be read"):
        load_architecture(tmp_path / "binary.json")
    with pytest.raises(ArgumentError, match="ends in .json, .yaml, .yml"):
        load_architecture(tmp_path / "model.h5")
