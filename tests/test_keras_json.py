"""Keras' own file of settings: what counts of it, what overrides it, one line that says so."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from graphc.config import Config
from graphc.errors import FlagError

WHOLE = (
    '{"floatx": "float64", "epsilon": 1e-05, "image_dim_ordering": "tf", "backend": "tensorflow"}'
)


def make(tmp_path: Path, text: str, flags: str = "", rc: str = "") -> Config:
    """A Config over a keras.json, GRAPHC_FLAGS=`flags` and a .graphcrc."""
    (tmp_path / "keras.json").write_text(text, encoding="utf-8")
    (tmp_path / "graphcrc").write_text(rc, encoding="utf-8")
    return Config({"GRAPHC_FLAGS": flags}, tmp_path / "graphcrc", tmp_path / "keras.json")


def test_three_of_its_settings_count_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = make(tmp_path, WHOLE)
    with caplog.at_level(logging.WARNING, "graphc"):
        assert (config.floatX, config.epsilon, config.image_dim_ordering) == (
            "float64",
            "1e-05",
            "tf",
        )
    assert config.source("epsilon") == f"{tmp_path}/keras.json"
    [record] = caplog.records
    assert record.getMessage() == (
        f"{tmp_path}/keras.json: floatx 'float64', epsilon 1e-05, image_dim_ordering 'tf' count "
        "here too, and what else it sets (backend) is ignored; GRAPHC_FLAGS and ~/.graphcrc "
        "override them"
    )


def test_python_and_the_environment_and_graphcrc_override_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = make(tmp_path, WHOLE, "floatX=float32", "epsilon = 1e-7\n")
    with caplog.at_level(logging.WARNING, "graphc"):
        config.image_dim_ordering = "th"
    assert (config.floatX, config.epsilon, config.image_dim_ordering) == ("float32", "1e-07", "th")
    [record] = caplog.records  # of what counted before Python set it
    assert "floatx" not in record.getMessage()
    assert "epsilon" not in record.getMessage()


@pytest.mark.parametrize(
    "text", ['{"floatx": "float32", "epsilon": 1e-07, "backend": "theano"}', "{}"]
)
def test_what_says_the_defaults_is_no_line(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "graphc"):
        assert make(tmp_path, text).floatX == "float32"
    assert not caplog.records


def test_the_file_is_that_of_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(WHOLE, encoding="utf-8")
    config = Config({})
    assert (config.floatX, config.source("floatX")) == ("float64", "~/.keras/keras.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"floatx": ', r"keras\.json: cannot be read \(.*\); correct or remove the file"),
        ("[1]", r"keras\.json: expected an object, received \[1\]"),
        ("[" * 100_000, r"keras\.json: cannot be read"),
        (
            '{"floatx": "float16"}',
            r"keras\.json: flag 'floatX' takes float32 or float64, received 'float16'",
        ),
        ('{"epsilon": 0}', r"flag 'epsilon' takes a number above 0 and below 0\.5, received 0"),
        ('{"epsilon": "small"}', r"flag 'epsilon' takes a number .* received 'small'"),
        ('{"image_dim_ordering": "tv"}', r"flag 'image_dim_ordering' takes default, th or tf"),
    ],
)
def test_a_broken_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FlagError, match=message):
        _ = make(tmp_path, text).floatX


def test_what_is_overridden_may_be_anything(tmp_path: Path) -> None:
    assert make(tmp_path, '{"floatx": "float16"}', "floatX=float32").floatX == "float32"
