"""The model of scaling: its formula beside what the slices of a step send, and its limits."""

from __future__ import annotations

import pytest

from benchmarks.scaling import Link, bytes_sent, efficiency, last_paying, moving_seconds, table
from graphc.parallel import slices

PARAMETERS = 64 * slices.BLOCK_ELEMENTS


@pytest.mark.parametrize("ranks", [1, 2, 4, 16, 64])
def test_the_bytes_are_those_that_slices_send(ranks: int) -> None:
    owned = slices.slices([slices.Parameter(PARAMETERS)], ranks)
    sizes = [slices.count_elements(one) for one in owned]
    for rank in range(ranks):
        sent = sum(slices.bytes_sent(sizes, ranks, ranks, rank))
        assert bytes_sent(PARAMETERS, ranks) == sent


def test_two_ranks_by_hand() -> None:
    """1,000 parameters: 2,000 bytes of gradients and 2,000 of values, each one message."""
    link = Link(alpha=1e-5, beta=1e-9)
    assert moving_seconds(1000, 2, link) == pytest.approx(2e-5 + 4e-6)
    assert efficiency(24e-6, 1000, 2, link) == pytest.approx(0.5)
    assert efficiency(24e-6, 1000, 1, link) == 1.0


def test_where_it_stops_paying() -> None:
    """With a latency alone: 2 (R - 1) alpha is 1 ms for 51 ranks."""
    link = Link(alpha=1e-5, beta=0.0)
    assert last_paying(1e-3, 1000, link, range(1, 100)) == 51
    assert last_paying(1e-9, 1000, link, range(1, 100)) == 1


def test_the_table() -> None:
    text = table({"mlp": (1000, 0.024)}, Link(1e-5, 1e-9)).splitlines()
    assert text[0].startswith("| model | parameters | step (ms) | 2 ranks | 4 ranks | 16 ranks |")
    assert text[2].startswith("| `mlp` | 1,000 | 24.0 | 100% |")
