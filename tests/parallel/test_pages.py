"""Memory in large pages: of the bytes that are asked for, and placed so that pages can hold it."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from graphc.parallel import pages
from graphc.parallel.pages import large_pages

LARGE = 2**21


@pytest.mark.parametrize("nbytes", [0, 5, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE])
def test_all_bytes_can_be_written(nbytes: int) -> None:
    memory = large_pages(nbytes)
    memory[:] = 7
    assert memory.shape == (nbytes,)
    assert memory.dtype == np.uint8
    assert memory.sum(dtype=int) == 7 * nbytes


def test_what_fills_a_large_page_begins_with_one() -> None:
    assert large_pages(LARGE).ctypes.data % LARGE == 0


def test_what_is_given_back_leaves_what_others_have() -> None:
    kept, dropped = large_pages(LARGE), large_pages(LARGE)
    kept[:] = 1
    dropped[:] = 2
    view = dropped[5:9]
    del dropped
    assert view.tolist() == [2] * 4
    del view
    assert kept.sum(dtype=int) == LARGE


def test_other_systems_have_it_in_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    monkeypatch.setattr(pages.mmap, "mmap", None)  # or this is called
    assert large_pages(LARGE).shape == (LARGE,)
