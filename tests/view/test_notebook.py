"""`Model.view`: a page that a notebook shows in a frame, and that can be saved."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from graphc.errors import NotCompiledError
from graphc.layers.core import Dense
from graphc.models import Sequential
from graphc.view import page
from tests.view.steps import HOSTILE, hostile_model


class Frames(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_notebook_shows_the_page_in_one_frame(tmp_path: Path) -> None:
    shown = hostile_model().view(batch=3)
    frames = Frames()
    frames.feed(shown._repr_html_())
    ((tag, attributes),) = frames.found
    assert tag == "iframe"
    assert attributes["srcdoc"] == page(shown.document)
    assert attributes["sandbox"] == "allow-scripts"
    assert shown.document.kernels["sizes"] == {"batch": 3}
    assert HOSTILE[0] in repr(shown)
    shown.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page(shown.document)


def test_the_batch_is_that_of_kernels() -> None:
    model = Sequential([Dense(2, input_dim=3)])
    model.compile("sgd", "mse")
    kernels = model.kernels(target="cpu")
    assert model.view(target="cpu").document.kernels["totals"] == kernels.as_dict()["totals"]


def test_before_compile() -> None:
    with pytest.raises(NotCompiledError, match="view"):
        Sequential([Dense(2, input_dim=3)]).view()
