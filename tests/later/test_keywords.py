"""Keywords of Keras 2 and 3: the one of ours, or what to do instead."""

from __future__ import annotations

import pytest

from graphc.later.keywords import advice_on, spelling


@pytest.mark.parametrize(
    ("keyword", "allowed", "expected"),
    [
        ("max_value", ("m",), "m"),
        ("max_value", ("low", "high"), "high"),
        ("max_value", ("high", "m"), "m"),
        ("max_value", ("low",), None),
        ("no_such", ("m",), None),
    ],
)
def test_the_first_of_ours_that_is_taken(keyword, allowed, expected):
    assert spelling(keyword, allowed) == expected


@pytest.mark.parametrize(
    ("keyword", "allowed", "expected"),
    [
        ("min_value", ("low",), "here it is 'low' (it came with Keras 2)"),
        (
            "batch_size",
            ("batch_input_shape", "batch_shape"),
            "it came with Keras 2; it is the first size of batch_shape, batch_shape=(batch_size, "
            "...)",
        ),
        (
            "batch_size",
            ("batch_input_shape",),
            "it came with Keras 2; it is the first size of batch_input_shape, "
            "batch_input_shape=(batch_size, ...)",
        ),
        ("batch_size", ("shape",), None),
        ("ragged", (), "it came with Keras 2 or 3; there is nothing like it here"),
        ("no_such", ("low",), None),
    ],
)
def test_what_to_say_of_a_keyword(keyword, allowed, expected):
    assert advice_on(keyword, allowed) == expected
