"""Names of later releases: one line that names the flag."""

from __future__ import annotations

import inspect
import logging

import pytest

from graphc import releases
from graphc.config import config
from graphc.releases import since


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "_told", set())


@since("1.0.6")
class Later:
    def __init__(self, size: int, *, name: str = "") -> None:
        self.size, self.name = size, name


class OwnOfAUser(Later):
    pass


@since("1.1.1")
def twice(x: int) -> int:
    return 2 * x


def test_the_first_use_of_a_later_name_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "graphc"):
        assert Later(3, name="a").size == 3
        assert twice(4) == 8
    [record] = caplog.records
    assert record.getMessage().startswith("Later came with Keras 1.0.6")
    assert "GRAPHC_FLAGS=keras=1.2" in record.getMessage()


def test_nothing_is_said_where_the_flag_says_1_2(caplog: pytest.LogCaptureFixture) -> None:
    with config.changed(keras="1.2"), caplog.at_level(logging.WARNING, "graphc"):
        assert twice(4) == 8
    assert not caplog.records


def test_a_class_of_a_user_is_no_later_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "graphc"):
        assert OwnOfAUser(2).size == 2
    assert not caplog.records


def test_signatures_stay() -> None:
    assert list(inspect.signature(Later).parameters) == ["size", "name"]
    assert list(inspect.signature(twice).parameters) == ["x"]
