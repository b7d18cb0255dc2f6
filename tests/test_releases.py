"""The release in force; names of later releases: one line that names the flag."""

from __future__ import annotations

import inspect
import logging

import pytest

from graphc import releases
from graphc.config import config
from graphc.releases import (
    arguments_of_1_2,
    at_least,
    meanings,
    reading_file_of,
    release_in,
    renamed,
    since,
)


@pytest.fixture(autouse=True)
def nothing_logged_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "_logged", set())


@since("1.0.6")
class Later:
    def __init__(self, size: int, *, name: str = "") -> None:
        self.size, self.name = size, name


class OwnOfAUser(Later):
    pass


@since("1.1.1")
def twice(x: int) -> int:
    return 2 * x


@pytest.mark.flags(keras="1.0")
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


def test_nothing_is_said_of_what_a_file_names(caplog: pytest.LogCaptureFixture) -> None:
    with reading_file_of((1, 0, 1)), caplog.at_level(logging.WARNING, "graphc"):
        assert twice(4) == 8
    assert not caplog.records


def test_a_class_of_a_user_is_no_later_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "graphc"):
        assert OwnOfAUser(2).size == 2
    assert not caplog.records


def test_signatures_stay() -> None:
    assert list(inspect.signature(Later).parameters) == ["size", "name"]
    assert list(inspect.signature(twice).parameters) == ["x"]


class Stopping:
    @arguments_of_1_2("monitor", "delta", "patience", patience=5)
    def __init__(self, monitor="loss", patience=0, *, delta=0.0, **others):
        self.all = (monitor, patience, delta, others)


@arguments_of_1_2(scale=2)
def scaled(x, scale=1, *, name=None):
    return x, scale, name


@pytest.mark.parametrize(
    ("release", "of_stopping", "of_scaled"),
    [
        ("1.0", ("acc", 1, 0.0, {"a": 7}), (3, 1, "n")),
        ("1.2", ("acc", 5, 1, {"a": 7}), (3, 2, "n")),
    ],
)
def test_order_and_defaults_are_those_of_the_release(release, of_stopping, of_scaled):
    with config.changed(keras=release):
        assert Stopping("acc", 1, a=7).all == of_stopping
        assert Stopping(patience=2, delta=3).all == ("loss", 2, 3, {})
        assert scaled(3, name="n") == of_scaled
        assert scaled(3, 4) == (3, 4, None)
        with pytest.raises(TypeError, match="too many|takes"):
            scaled(1, 2, 3)


def test_both_signatures_can_be_read():
    assert list(inspect.signature(Stopping).parameters) == [
        *("monitor", "patience", "delta", "others")
    ]
    later = Stopping.__init__.signature_of_1_2
    assert [one.name for one in later.parameters.values()] == [
        *("self", "monitor", "delta", "patience", "others")
    ]
    assert later.parameters["patience"].default == 5
    assert scaled.signature_of_1_2.parameters["scale"].default == 2


@renamed(inputs="X", targets="Y")
def pair(X, Y=2, *others, **more):
    """Give back what it takes."""
    return X, Y, others, more


def test_names_of_later_releases_are_taken_beside_a_functions_own():
    assert pair(inputs=1) == pair(X=1) == pair(1) == (1, 2, (), {})
    assert pair(1, targets=3, other=4) == (1, 3, (), {"other": 4})
    assert pair(1, 5, 6) == (1, 5, (6,), {})
    with pytest.raises(TypeError, match="multiple values"):
        pair(1, inputs=1)
    assert pair.names_of_1_2 == {"inputs": "X", "targets": "Y"}
    assert (pair.__name__, pair.__doc__) == ("pair", "Give back what it takes.")


@pytest.mark.flags(keras="1.0")
def test_the_flag_stands_for_the_first_and_the_last_release() -> None:
    assert (meanings(), at_least("1.0.1"), at_least("1.0.2")) == ("1.0", True, False)
    with config.changed(keras="1.2"):
        assert (meanings(), at_least("1.2.2"), at_least("1.2.3")) == ("1.2", True, False)


@pytest.mark.flags(keras="1.0")
def test_a_file_that_is_read_has_its_own_release() -> None:
    with config.changed(keras="1.2"), reading_file_of((1, 0, 7)):
        assert (meanings(), at_least("1.0.7"), at_least("1.0.8")) == ("1.0", True, False)
        with reading_file_of((1, 1, 0)):
            assert meanings() == "1.2"
        assert meanings() == "1.0"
    assert not at_least("1.0.7")


def test_the_release_that_a_file_names() -> None:
    names = ("1.0.8", "1.2", "0.3.3", "1.1.0rc1", "1", "theano", "1.12345")
    assert [release_in(name) for name in names] == [
        (1, 0, 8), (1, 2, 0), (0, 3, 3), (1, 1, 0), None, None, None,
    ]  # fmt: skip
