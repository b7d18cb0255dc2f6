"""Flags: who wins, what is refused and how the message helps."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.config import FLAGS, Config, Flag
from graphc.errors import FlagError


def make(tmp_path: Path, flags: str = "", rc: str | None = None) -> Config:
    """A Config of its own, over GRAPHC_FLAGS=`flags` and a file with the text `rc`."""
    file = tmp_path / "graphcrc"
    if rc is not None:
        file.write_text(rc, encoding="utf-8")
    return Config({"GRAPHC_FLAGS": flags}, file)


def test_defaults(tmp_path: Path) -> None:
    config = make(tmp_path)
    assert (config.device, config.floatX, config.mode, config.dump) == (
        "cpu",
        "float32",
        "FAST_RUN",
        "",
    )
    assert {config.source(flag.name) for flag in FLAGS} == {"default"}


def test_python_over_environment_over_file_over_default(tmp_path: Path) -> None:
    rc = "# mine\n[global]\n; comment\ndevice = auto\nfloatX=float64\nmode = DebugMode\n"
    config = make(tmp_path, "mode=FAST_COMPILE, floatX=float32,", rc)
    config.floatX = "float64"
    assert (config.device, config.source("device")) == ("auto", f"{tmp_path}/graphcrc:4")
    assert (config.mode, config.source("mode")) == ("FAST_COMPILE", "GRAPHC_FLAGS")
    assert (config.floatX, config.source("floatX")) == ("float64", "set in Python")
    assert (config.dump, config.source("dump")) == ("", "default")


def test_file_in_the_home_folder_is_read_and_shown_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".graphcrc").write_text("\nfloatX = float64\n")
    config = Config({})
    assert (config.floatX, config.source("floatX")) == ("float64", "~/.graphcrc:2")


def test_last_of_equal_names_in_the_environment_wins(tmp_path: Path) -> None:
    assert make(tmp_path, "floatX=float32,floatX=float64").floatX == "float64"


def test_a_name_twice_in_the_file_is_refused_with_both_lines(tmp_path: Path) -> None:
    config = make(tmp_path, rc="device=cpu\n\ndevice=auto\n")
    with pytest.raises(FlagError, match=r"graphcrc:3: flag 'device' was set already at .*rc:1"):
        _ = config.device


@pytest.mark.parametrize("flags", ["devise=cpu", "floatX=float32,devise=cpu"])
def test_unknown_flag_lists_all_and_names_the_nearest(tmp_path: Path, flags: str) -> None:
    with pytest.raises(FlagError) as caught:
        _ = make(tmp_path, flags).floatX
    assert str(caught.value) == (
        "GRAPHC_FLAGS: unknown flag 'devise'. The flags are device, cpu, floatX, keras, "
        "image_dim_ordering, epsilon, mode, shards, memory, ranks, dump, cuda_cache, "
        "cache_size, lowering, compile_limit, described_weights, read_window, shuffle_folder. "
        "Did you mean 'device'?"
    )


def test_unknown_value_lists_all_and_names_the_nearest_whatever_the_case(tmp_path: Path) -> None:
    with pytest.raises(FlagError) as caught:
        _ = make(tmp_path, "mode=fast_run").floatX
    assert str(caught.value) == (
        "GRAPHC_FLAGS: flag 'mode' takes FAST_RUN, FAST_COMPILE, DebugMode or NanGuardMode, "
        "received 'fast_run'. Did you mean 'FAST_RUN'?"
    )


def test_a_wrong_line_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlagError, match=r"graphcrc:2: flag 'floatX' takes float32 or float64"):
        _ = make(tmp_path, rc="device=cpu\nfloatX=float16\n").device


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("device", "expected name=value, received 'device'"),
        ("[nvcc]", r"expected no heading but \[global\], received \[nvcc\]"),
    ],
)
def test_a_line_that_is_no_setting(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FlagError, match=message):
        _ = make(tmp_path, rc=text).device


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "rc").write_bytes(b"device=\xff\xfe")
    with pytest.raises(FlagError, match="cannot be read"):
        _ = Config({}, tmp_path / "rc").device


def test_assignment_is_checked(tmp_path: Path) -> None:
    config = make(tmp_path)
    with pytest.raises(FlagError, match="config: flag 'floatX' takes .* received 'float23'"):
        config.floatX = "float23"
    with pytest.raises(FlagError, match="received 64"):
        config.floatX = 64
    with pytest.raises(FlagError, match="unknown flag 'floatx'.*Did you mean 'floatX'"):
        config.floatx = "float64"
    assert (config.floatX, config.source("floatX")) == ("float32", "default")


def test_reading_an_unknown_flag_is_an_attribute_error_too(tmp_path: Path) -> None:
    config = make(tmp_path)
    assert not hasattr(config, "optimizer")
    with pytest.raises(FlagError):
        _ = config.optimizer
    with pytest.raises(FlagError, match=r"config\.source: unknown flag 'optimizer'"):
        config.source("optimizer")
    assert copy.copy(config).floatX == "float32"


def test_dump_takes_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = make(tmp_path, f"dump={tmp_path}/new")
    assert config.dump == f"{tmp_path}/new"
    config.dump = tmp_path
    assert config.dump == str(tmp_path)
    config.dump = "~/passes"
    assert config.dump == str(tmp_path / "passes")
    (tmp_path / "file").touch()
    with pytest.raises(FlagError, match="which is a file"):
        config.dump = tmp_path / "file"


def test_changed_restores_values_and_sources(tmp_path: Path) -> None:
    config = make(tmp_path, "floatX=float64")
    with pytest.raises(ZeroDivisionError), config.changed(floatX="float32", mode="DebugMode"):
        config.device = "auto"
        assert (config.floatX, config.mode) == ("float32", "DebugMode")
        raise ZeroDivisionError
    assert (config.floatX, config.mode, config.device) == ("float64", "FAST_RUN", "cpu")
    assert config.source("floatX") == "GRAPHC_FLAGS"
    assert config.source("device") == "default"


def test_changed_with_a_wrong_value_changes_nothing(tmp_path: Path) -> None:
    config = make(tmp_path)
    with pytest.raises(FlagError), config.changed(floatX="float64", mode="fastest"):
        pass
    assert config.floatX == "float32"


def test_table_has_a_documented_row_for_every_flag(tmp_path: Path) -> None:
    rows = make(tmp_path, "device=auto").table()
    assert [row.name for row in rows] == [flag.name for flag in FLAGS]
    assert all(row.meaning and row.takes for row in rows)
    assert rows[0].value == "auto"
    assert rows[0].source == "GRAPHC_FLAGS"
    assert rows[0].default == "cpu"


def test_import_does_not_read_flags_and_the_first_use_does() -> None:
    """A wrong GRAPHC_FLAGS must leave `graphc doctor` able to start and say so."""
    program = "from graphc.config import config; print('imported'); config.device"
    environ = {**os.environ, "GRAPHC_FLAGS": "devise=cpu"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60
    )
    assert run.stdout == "imported\n"
    assert run.returncode == 1
    assert "device" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_the_bounds_of_what_a_flag_takes(flag: Flag) -> None:
    assert flag.checked(flag.default, "here") == flag.default
    if flag.below is not None:
        taken, refused = [flag.below / 2, "0.125"], [0, -1e-9, flag.below, True, "x", None]
    elif flag.is_size:
        taken, refused = ["1B", 4096, " 2 MB "], ["0", "2 XB", -1, None, True]
    elif flag.least is not None:
        taken, refused = [flag.least, f" {flag.least + 1} "], [flag.least - 1, 1.5, True, "x", "-3"]
    elif flag.choices:
        taken, refused = list(flag.choices), ["no such", "", 1, None, flag.choices[0].upper() + "_"]
    else:
        taken, refused = ["", Path("somewhere")], [3, None, __file__]
    for value in taken:
        assert flag.checked(value, "here").strip() == str(value).strip()
    for value in refused:
        with pytest.raises(FlagError, match=f"here: flag '{flag.name}' takes .*, received"):
            flag.checked(value, "here")


def test_flags_are_listed_and_shown_with_their_sources(tmp_path: Path) -> None:
    config = make(tmp_path, "mode=DebugMode")
    config.floatX = "float64"
    assert {flag.name for flag in FLAGS} <= set(dir(config))
    shown = repr(config)
    assert shown.startswith("Config(")
    assert "mode=DebugMode (GRAPHC_FLAGS)" in shown
    assert "floatX=float64 (set in Python)" in shown
    assert "device=cpu (default)" in shown
