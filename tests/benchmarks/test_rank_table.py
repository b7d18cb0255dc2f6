"""The table of measured steps on ranks: its prediction, its text, and where it is written."""

from __future__ import annotations

import pytest

from benchmarks.rank_table import BEGIN, END, Ranks, Row, inserted, predicted, table
from benchmarks.scaling import Link


def row(plain: float, two_threads: float, shards: float, ranks: dict[int, Ranks]) -> Row:
    return Row("mlp", plain, two_threads, shards, (2.0**20, 2.0**19), (3.0 * 2**20, 2.0**20), ranks)


def test_the_prediction_by_hand() -> None:
    """Of 12 ms: two threads take 3 ms for 4.5, so two cores 8 ms and four 5.33; five transfers to
    each of three others, 1,000 bytes at a microsecond each."""
    link = Link(alpha=1e-4, beta=1e-6)
    measured = row(4.5, 3.0, 12.0, {4: Ranks(0, 0, 0, 1000, 5)})
    assert predicted(measured, 4, link, cores=4) == pytest.approx(16 / 3 + 1.5 + 1.0)
    assert predicted(measured, 4, link, cores=2) == pytest.approx(8.0 + 1.5 + 1.0)


def test_a_row() -> None:
    ranks = {2: Ranks(8.0, 2.0, 1.0, 0, 4), 4: Ranks(10.0, 5.0, 2.5, 0, 4)}
    measured = row(4.0, 3.0, 6.0, ranks)
    head, _, cells = table([measured], Link(0.0, 0.0), cores=2).splitlines()
    assert head.count("|") == cells.count("|")
    expected = "`mlp` 4.00 3.00 6.00 8.00 4.50 25% 12% 10.00 4.50 50% 25% 1.0, 0.5 3.0, 1.0"
    assert cells.replace("|", " ").split() == expected.split()


def test_a_page_gets_a_table_ahead_of_its_last_heading_and_then_in_its_place() -> None:
    page = "# Page\n\ntext\n\n## Last\n\nmore\n"
    once = inserted(page, "one")
    assert once == f"# Page\n\ntext\n\n{BEGIN}\none\n{END}\n\n## Last\n\nmore\n"
    assert inserted(once, "two") == once.replace("one", "two")
