"""docs/contributing/ranks.md names a test for each rule."""

from __future__ import annotations

from tests.test_differences import ROOT, problems

TEXT = (ROOT / "docs" / "contributing" / "ranks.md").read_text(encoding="utf-8")


def test_each_rule_names_tests_that_there_are() -> None:
    rules = [line for line in TEXT.splitlines() if line.startswith("- ")]
    assert len(rules) > 20
    assert problems(rules) == []
