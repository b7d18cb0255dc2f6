"""Descriptions as JSON and YAML: what is read, and that reading executes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc.errors import ArgumentError
from graphc.files import text as text_module
from graphc.files.text import keywords_of, parsed, read_description, to_text
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


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(".json", "JSON"), (".JSON", "JSON"), (".yaml", "YAML"), (".yml", "YAML")],
)
def test_a_file_is_of_the_kind_that_its_name_says(tmp_path: Path, ending: str, kind: str) -> None:
    path = tmp_path / f"model{ending}"
    path.write_text(to_text(DATA, kind, **{"ensure_ascii": False} if kind == "JSON" else {}))
    assert read_description(str(path)) == DATA
    path.write_text("a: [")
    with pytest.raises(ArgumentError, match=rf"model{ending}: not {kind}"):
        read_description(str(path))


def test_a_file_may_have_four_bytes_a_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "MOST_BYTES", 2)
    path = tmp_path / "model.json"
    path.write_text('"12345"\n')
    assert read_description(str(path)) == "12345"
    path.write_text('"123456"\n')
    with pytest.raises(ArgumentError, match="expected an architecture, received 9 bytes"):
        read_description(str(path))


@pytest.mark.parametrize("path", [Path("model.txt"), "model.json", "a/b.YML", "model.yaml"])
def test_a_path_is_no_description(path: object) -> None:
    with pytest.raises(ArgumentError, match="^m: expected JSON as a text, received the path "):
        parsed(path, "JSON", "m")


@pytest.mark.parametrize("text", [None, 3, {"a": 1}, b"{}"])
def test_a_description_is_a_text(text: object) -> None:
    with pytest.raises(ArgumentError, match="^m: expected YAML as a text, received "):
        parsed(text, "YAML", "m")


def test_a_text_that_ends_like_a_name_and_has_lines_is_none() -> None:
    assert parsed("a: 1\nb: model.json", "YAML", "m") == {"a": 1, "b": "model.json"}


def test_keywords_of_the_writers() -> None:
    assert {"indent", "sort_keys"} <= set(keywords_of("JSON"))
    assert {"indent", "default_flow_style"} <= set(keywords_of("YAML"))
    assert {"obj", "kw"}.isdisjoint(keywords_of("JSON"))
    assert {"documents", "stream", "Dumper"}.isdisjoint(keywords_of("YAML"))
    assert to_text({"b": 1, "a": 2}, "JSON", indent=1, sort_keys=True) == '{\n "a": 2,\n "b": 1\n}'
    assert to_text({"b": 1, "a": 2}, "YAML", sort_keys=True) == "a: 2\nb: 1\n"
