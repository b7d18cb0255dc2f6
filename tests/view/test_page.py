"""The page: it holds its document, hostile texts stay texts, and it is written whole."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path

import pytest

from graphc.errors import MissingFileError, StorageError
from graphc.view import compiled_view, page, write_page
from graphc.view.columns import by_columns, by_rows
from graphc.view.document import NodeView
from graphc.view.page import embedded
from tests.view.steps import HOSTILE, hostile_subject, small_subject


class Elements(HTMLParser):
    """The elements of a page, and the texts of its scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["script"] and data.strip():
            self.scripts.append(data)
        elif self.tags[-1:] == ["title"]:
            self.title += data


def elements(text: str) -> Elements:
    found = Elements()
    found.feed(text)
    found.close()
    return found


def test_the_page_holds_the_document() -> None:
    view = compiled_view(small_subject("small"), 6)
    held = json.loads(elements(page(view)).scripts[0])
    found = held | {"nodes": by_rows(held["nodes"])}
    assert found == json.loads(json.dumps(view.as_dict()))


def test_nodes_by_columns_are_those_of_the_view() -> None:
    view = compiled_view(small_subject("loop"), 5)
    table = json.loads(embedded(view))["nodes"]
    names = [field.name for field in fields(NodeView)]
    assert list(table["rows"]) == list(table["values"]) == names
    for k, node in enumerate(view.nodes):
        row = {name: table["values"][name][table["rows"][name][k]] for name in names}
        assert row == json.loads(json.dumps(vars(node)))
    assert all(len(numbers) == len(view.nodes) for numbers in table["rows"].values())
    phases = table["values"]["phase"]
    assert sorted(phases) == sorted({node.phase for node in view.nodes})


def test_rows_are_what_columns_were_made_of() -> None:
    rows = [{"a": 1, "b": [1, 2]}, {"a": 1.0, "b": None}, {"a": True, "b": [1, 2]}]
    table = by_columns(rows)
    assert table["rows"] == {"a": [0, 1, 2], "b": [0, 1, 0]}
    assert [type(row["a"]) for row in by_rows(table)] == [int, float, bool]
    assert by_rows(table) == rows
    assert by_rows(by_columns([])) == []


def test_hostile_names_add_no_element_and_come_back_as_they_were() -> None:
    plain = elements(page(compiled_view(small_subject("small"), 6)))
    view = compiled_view(hostile_subject(), 2)
    hostile = elements(page(view))
    assert hostile.tags == plain.tags
    assert HOSTILE[0] in hostile.title
    found = json.loads(hostile.scripts[0])
    assert found["kernels"]["model"] == HOSTILE[0]
    assert {layer["name"] for layer in found["layers"]} >= set(HOSTILE)
    assert "<" not in embedded(view)


def test_the_page_needs_no_network() -> None:
    text = page(compiled_view(small_subject("small"), 6))
    head = text.split("</head>")[0]
    assert "default-src 'none'" in head
    assert not re.search(r"<(?:script|img|iframe)[^>]*\bsrc=", text)
    assert re.findall(r'<link[^>]*href="([^"]*)"', text) == ["data:,"]


def test_the_page_is_small() -> None:
    view = compiled_view(small_subject("small"), 6)
    assert len(page(view)) - len(embedded(view)) < 3e6


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    view = compiled_view(small_subject("small"), 6)
    with pytest.raises(MissingFileError, match="no folder"):
        write_page(view, tmp_path / "missing" / "page.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(StorageError, match="no file that could be replaced"):
        write_page(view, tmp_path / "folder.html")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]
    write_page(view, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page(view)
