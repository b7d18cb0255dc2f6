"""examples/writer.py, cut down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.examples.running import ROOT, module, run


def test_the_readme_and_the_same_again(tmp_path: Path) -> None:
    found = [run("writer.py", tmp_path) for _ in range(2)]
    letters = (ROOT / "README.md").read_text(encoding="utf-8")
    assert found[0].lines[0] == f"data: README.md, {len(letters)} letters"
    results = found[0].results
    assert results["bits_a_letter"] < np.log2(len(set(letters)))  # as if nothing was known
    assert [text[:40] for text in results["texts"]] == [letters[:40]] * 3
    assert {len(text) for text in results["texts"]} == {100}
    assert set("".join(results["texts"])) <= set(letters)
    first, again = ({**one.results, "seconds": None} for one in found)
    assert first == again


def test_another_text(tmp_path: Path) -> None:
    """A text that repeats itself is learned."""
    book = tmp_path / "book.txt"
    book.write_text("abcdefgh\n" * 6000, encoding="utf-8")
    found = run("writer.py", tmp_path, "--data", book)
    assert found.lines[0] == f"data: {book}, 54000 letters"
    assert found.results["bits_a_letter"] < 0.5


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch):
    return module(monkeypatch, "writer")


def test_each_stream_goes_on_in_the_next_batch(writer) -> None:
    codes = np.arange(3 * writer.STREAMS * writer.WINDOW + 17)
    x, y = writer.windows(codes)
    assert x.shape == (3 * writer.STREAMS, writer.WINDOW)
    np.testing.assert_array_equal(y[..., 0], x + 1)
    strips = x.reshape(3, writer.STREAMS, writer.WINDOW).transpose(1, 0, 2)
    np.testing.assert_array_equal(strips.ravel(), codes[: x.size])


def test_what_is_written_is_likely_where_the_temperature_is_low(writer, monkeypatch) -> None:
    """Against the model itself, which reads the text as a whole: letter by letter, with the state
    carried on, the most likely letter is taken."""
    monkeypatch.setattr(writer, "TEMPERATURES", (1e-6, 1.0))
    letters = "abcdefgh"
    np.random.seed(2)
    model = writer.build(len(letters), streams=1, window=12, units=7)
    model.set_weights([3 * w for w in model.get_weights()])
    likely, other = writer.write(model, letters, start="abc", count=10)
    assert len(likely) == len(other) == 13
    codes = np.array([letters.index(letter) for letter in likely])
    chances = model.predict(codes[None, :12], batch_size=1)[0]
    np.testing.assert_array_equal(chances[2:].argmax(axis=1), codes[3:])
    assert len(set(likely)) > 1
    assert other != likely
