"""Philox4x32-10: the published vectors, and where each word of a draw comes from."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.compiler.interpret.random import philox4x32
from graphc.errors import ArgumentError
from tests.compiler.philox_reference import philox, random_words, words_of_part

# kat_vectors of Random123 for philox4x32 with 10 rounds: counter, key, words.
ONES = 0xFFFFFFFF
PUBLISHED = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([ONES] * 4, [ONES] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), PUBLISHED)
def test_published_vectors(counter, key, words):
    arrays = [np.array([word], np.uint64) for word in counter]
    assert [int(word[0]) for word in philox4x32(arrays, tuple(key))] == words
    assert philox(counter, key) == words  # the reference of the other tests


@pytest.mark.parametrize("shape", [(), (1,), (4,), (7,), (3, 5), (2, 0)])
@pytest.mark.parametrize(("scan_step", "call_step"), [(0, 0), (3, 1), (0, 2**32 + 5), (1, 2**63)])
def test_words_follow_element_step_call_and_key(shape, scan_step, call_step):
    words = g.random.bits(shape, seed=0xDEADBEEF, stream=17, scan_step=scan_step)
    (drawn,) = evaluate([words], call_step=call_step)
    expected = random_words(shape, 0xDEADBEEF, 17, scan_step, call_step)
    np.testing.assert_array_equal(drawn, expected)
    assert drawn.dtype == np.uint32


def test_long_draws_are_the_same_words_wherever_they_are_cut():
    count = 70_001
    (drawn,) = evaluate([g.random.bits((count,), seed=1, stream=2)], call_step=9)
    for element in (0, 65_535, 65_536, 65_539, 70_000):
        block = philox([element // 4, 0, 9, 0], [1, 2])
        assert drawn[element] == block[element % 4]


def test_a_draw_in_a_loop_has_new_words_at_each_step():
    steps = g.iota(3)
    _, (drawn,) = g.scan(
        lambda carries, slices: ((), (g.random.bits((5,), 7, 8, scan_step=slices[0]),)), [], [steps]
    )
    (words,) = evaluate([drawn], call_step=4)
    for step in range(3):
        np.testing.assert_array_equal(words[step], random_words((5,), 7, 8, step, 4))


# The shape, the axis that is longer in the whole draw, its length there, and where the range
# begins.
PARTS = [
    ((3, 5), 0, 8, 2),  # from element 10 on, inside of a block of four
    ((3, 5), 1, 9, 4),
    ((2, 3, 7), 1, 11, 8),  # as the pairs of normals
    ((5, 1, 3), 1, 4, 3),
    ((4, 2, 3), 2, 7, 3),
    ((2, 2), 0, 2, 0),  # all of it
    ((0, 3), 0, 5, 1),
    ((0, 2, 3), 1, 5, 1),
]


@pytest.mark.parametrize(("shape", "axis", "whole", "first"), PARTS)
def test_a_part_has_the_words_of_its_place_in_the_whole(shape, axis, whole, first):
    words = g.random.bits(shape, seed=9, stream=8, scan_step=2)
    (drawn,) = evaluate([g.random.range_of_draw(words, axis, whole, first)], call_step=2**32 + 1)
    longer = (*shape[:axis], whole, *shape[axis + 1 :])
    expected = random_words(longer, 9, 8, 2, 2**32 + 1)
    positions = range(first, first + shape[axis])
    np.testing.assert_array_equal(drawn, np.take(expected, positions, axis))


def test_a_part_may_begin_behind_what_32_bits_count():
    words = g.random.bits((2, 3), seed=9, stream=8)
    whole, first = g.input((), "int64"), g.input((), "int64")
    part = g.random.range_of_draw(words, 0, whole, first)
    feeds = {whole: np.array(2**40), first: np.array(2**33 // 3)}
    (drawn,) = evaluate([part], feeds, call_step=3)
    expected = words_of_part((2, 3), 0, 2**40, 2**33 // 3, 9, 8, 0, 3)
    np.testing.assert_array_equal(drawn, expected)


def test_what_is_computed_from_a_draw_is_no_draw_to_place():
    words = g.random.bits((4,), seed=1)
    part = g.random.range_of_draw(words, 0, 8, 4)
    for node in (g.random.bernoulli((4,), 0.5, seed=1), part):
        with pytest.raises(ArgumentError, match="expected a draw .* received .*; pass"):
            g.random.range_of_draw(node, 0, 8, 4)


def test_a_part_keeps_its_place_under_another_key():
    part = g.random.range_of_draw(g.random.bits((4,), seed=1, stream=2), 0, 16, 9)
    (drawn,) = evaluate([g.random.with_key(part, 7, 8)])
    np.testing.assert_array_equal(drawn, random_words((16,), 7, 8, 0, 0)[9:13])


def test_the_printed_form_says_of_a_part_alone_where_it_is():
    words = g.random.bits((4,), seed=1, stream=2)
    assert "random(%0; seed=1, stream=2)\n" in g.format_graph([words])
    part = g.random.range_of_draw(words, 0, 16, 9)
    assert "random(%0, %1, %2; seed=1, stream=2, axis=0)\n" in g.format_graph([part])


def test_masks_are_the_same_in_every_dtype_and_differ_by_stream_and_call():
    keep = g.random.bernoulli((1000,), 0.7, seed=3, stream=1)
    other = g.random.bernoulli((1000,), 0.7, seed=3, stream=2)
    first, second = evaluate([keep, other], call_step=0)
    (later,) = evaluate([keep], call_step=1)
    np.testing.assert_array_equal(first, random_words((1000,), 3, 1, 0, 0) < int(0.7 * 2**32))
    assert (first != second).any()
    assert (first != later).any()


def test_uniform_takes_the_upper_24_bits():
    for dtype in ("float32", "float64"):
        (drawn,) = evaluate([g.random.uniform((64,), dtype=dtype, seed=5, stream=6)])
        words = random_words((64,), 5, 6, 0, 0).astype("int64")
        np.testing.assert_array_equal(drawn, (words >> 8).astype(dtype) / 2**24)
        assert drawn.dtype == dtype


def test_normal_has_mean_and_deviation():
    (drawn,) = evaluate([g.random.normal((20_000,), 2.0, 3.0, "float64", seed=11)])
    # Five standard errors of the mean and of the deviation.
    assert abs(drawn.mean() - 2.0) < 5 * 3.0 / np.sqrt(20_000)
    assert abs(drawn.std() - 3.0) < 5 * 3.0 / np.sqrt(40_000)
