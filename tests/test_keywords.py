"""Keywords that a call does not take."""

from __future__ import annotations

import pytest

from graphc.errors import KeywordError
from graphc.keywords import refuse_unknown


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("learning_rate", ": here it is 'lr'"),
        ("beta1", ": here it is 'beta_1'"),
        ("momentun", ". Did you mean 'momentum'"),
        ("q", ". Known names: lr, momentum, beta_1"),
    ],
)
def test_a_keyword_that_is_not_taken_is_refused_with_a_hint(keyword: str, hint: str) -> None:
    with pytest.raises(KeywordError, match=f"^SGD: unknown keyword '{keyword}'{hint}"):
        refuse_unknown("SGD", [keyword], ["lr", "momentum", "beta_1"])
