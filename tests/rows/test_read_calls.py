import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.rows.read_calls import Extent, read_calls


def found(wanted, extents, most=1000):
    return [
        (one.first, one.stop, one.begin, one.end, one.chunks)
        for one in read_calls(np.array(wanted), extents, most)
    ]


def test_rows_of_one_chunk_and_of_neighbours_are_read_at_once():
    chunks = [Extent(0, 100, rows=10, beside=3, chunked=True)]
    # Chunks 0 and 1, then 4, then 9; each has three parts.
    assert found([3, 8, 10, 41, 99], chunks) == [
        (3, 11, 0, 3, 6),
        (41, 42, 3, 4, 3),
        (99, 100, 4, 5, 3),
    ]


def test_a_call_reads_whole_chunks_up_to_a_size():
    chunks = [Extent(0, 100, rows=10, chunked=True)]
    assert found(range(35), chunks, most=20) == [(0, 20, 0, 20, 2), (20, 35, 20, 35, 2)]
    assert found(range(35), chunks, most=25) == [(0, 20, 0, 20, 2), (20, 35, 20, 35, 2)]
    # One chunk at least, though it is larger.
    assert found([2, 9, 10], chunks, most=3) == [(2, 10, 0, 2, 1), (10, 11, 2, 3, 1)]


def test_chunks_that_begin_before_the_rows():
    # Rows 4 to 23 of a data set with chunks of 10: the first chunk has six of them.
    chunks = [Extent(0, 20, rows=10, origin=-4, chunked=True)]
    assert found([0, 5, 6, 19], chunks) == [(0, 20, 0, 4, 3)]
    assert found([5, 16], chunks) == [(5, 6, 0, 1, 1), (16, 17, 1, 2, 1)]
    assert chunks[0].units == 3


def test_pages_are_no_chunks():
    assert found([0, 1, 7, 9], [Extent(0, 10, rows=4)]) == [(0, 10, 0, 4, 0)]
    assert found([0, 9], [Extent(0, 10, rows=4)]) == [(0, 1, 0, 1, 0), (9, 10, 1, 2, 0)]


def test_no_call_reads_of_two_files():
    files = [Extent(0, 5, rows=4), Extent(0, 0, rows=4).shifted(5), Extent(0, 5, 2).shifted(5)]
    assert [one[:2] for one in found([4, 5, 9], files)] == [(4, 5), (5, 6), (9, 10)]
    assert found([], files) == []


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 199), unique=True).map(sorted),
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 25), st.integers(0, 9)), min_size=4),
    st.integers(1, 50),
)
def test_each_wanted_row_is_read_once_and_no_unit_twice(wanted, files, most):
    extents, start = [], 0
    for count, rows, before in [*files, (200, 7, 0)]:
        extents.append(Extent(0, count, rows, 1, -before, True).shifted(start))
        start += count
    calls = list(read_calls(np.array(wanted, int), extents, most))
    assert [k for one in calls for k in range(one.begin, one.end)] == list(range(len(wanted)))
    touched = []
    for one in calls:
        assert (one.first, one.stop - 1) == (wanted[one.begin], wanted[one.end - 1])
        extent = next(e for e in extents if e.start <= one.first < e.stop)
        assert one.stop <= extent.stop
        units = {(row - extent.origin) // extent.rows for row in range(one.first, one.stop)}
        assert one.chunks == len(units)
        assert one.stop - one.first <= most or len(units) == 1
        touched += [(extent.start, unit) for unit in units]
    assert len(touched) == len(set(touched))
    needed = {
        (extent.start, (row - extent.origin) // extent.rows)
        for row in wanted
        for extent in extents
        if extent.start <= row < extent.stop
    }
    assert set(touched) == needed


@pytest.mark.parametrize(("rows", "windows"), [(1, 9), (16, 5), (4, 1)])
def test_expected_reads_of_a_unit(rows, windows):
    random = np.random.RandomState(0)
    measured = [len(set(random.randint(windows, size=rows))) for _ in range(4000)]
    expected = Extent(0, 1000, rows).expected_reads(windows)
    assert expected == pytest.approx(np.mean(measured), rel=0.02)


@pytest.mark.parametrize(
    ("first", "stop", "units"),
    [(0, 0, 0), (5, 4, 0), (0, 1, 1), (5, 6, 1), (5, 7, 2), (6, 16, 1), (6, 17, 2), (0, 20, 3)],
)
def test_units_between_rows(first, stop, units):
    # Chunks of 10 that begin at -4, 6 and 16.
    assert Extent(0, 20, rows=10, origin=-4).between(first, stop) == units
    assert Extent(0, 20, rows=10, beside=3, origin=-4).between(first, stop) == 3 * units


def test_an_extent_is_shifted_and_cut():
    one = Extent(10, 30, rows=4, beside=2, origin=8, chunked=True)
    assert one.shifted(5) == Extent(15, 35, rows=4, beside=2, origin=13, chunked=True)
    assert one.cut(0, 100) == one
    assert one.cut(12, 29) == Extent(12, 29, rows=4, beside=2, origin=8, chunked=True)
    assert (one.cut(0, 10), one.cut(30, 40), one.cut(20, 20)) == (None, None, None)
    assert one.cut(29, 40) == Extent(29, 30, rows=4, beside=2, origin=8, chunked=True)
