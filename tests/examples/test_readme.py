"""examples/README.md: every example has a section, pictures are shown and small."""

from __future__ import annotations

import pytest

from tests.examples.running import EXAMPLES

TEXT = (EXAMPLES / "README.md").read_text(encoding="utf-8")
SCRIPTS = [
    path.name for path in sorted(EXAMPLES.glob("*.py")) if "__main__" in path.read_text("utf-8")
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_example_has_its_command(script: str) -> None:
    assert f"({script})" in TEXT
    assert f"python examples/{script}" in TEXT


def test_pictures_are_small_and_shown() -> None:
    pictures = sorted((EXAMPLES / "images").iterdir())
    assert len(pictures) >= 3
    for picture in pictures:
        assert f"(images/{picture.name})" in TEXT
        assert picture.stat().st_size < 60_000
