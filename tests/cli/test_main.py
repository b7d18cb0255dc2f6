"""The command line: help that teaches, exit statuses, errors without a traceback."""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphc import cli
from graphc.cli.command import Command
from graphc.errors import ArgumentError
from graphc.package_version import __version__

ROOT = Path(__file__).resolve().parents[2]


def command(run: object) -> Command:
    return Command("broken", "a command for this test", "", run)


def test_help_lists_every_command_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "examples:" in text
    for entry in cli.COMMANDS:
        assert f"    {entry.name} " in text


@pytest.mark.parametrize("entry", cli.COMMANDS, ids=lambda entry: entry.name)
def test_each_command_teaches_by_examples(
    entry: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([entry.name, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  graphc {entry.name}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], *([entry.name] for entry in cli.COMMANDS)], ids=str)
def test_help_fits_a_terminal_of_80_columns(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([*words, "--help"])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


def test_python_minus_m_prints_the_version() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "graphc", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (0, f"graphc {__version__}\n")


def test_an_error_of_graphc_is_one_paragraph_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> None:
        raise ArgumentError("expected this, received that")

    monkeypatch.setattr(cli, "COMMANDS", (command(run),))
    assert cli.main(["broken"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: expected this, received that\n"
    assert captured.out == ""


def test_messages_of_the_library_fit_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/a" + "/long" * 20

    def run(arguments: argparse.Namespace) -> None:
        logging.getLogger("graphc").warning("no compiler: %s %s", "install one, " * 20, path)

    monkeypatch.setattr(cli, "COMMANDS", (command(run),))
    for _ in range(2):  # one command leaves nothing behind for the next
        assert cli.main(["broken"]) == 0
        *lines, last = capsys.readouterr().err.splitlines()
        assert " ".join(lines).split() == ["no", "compiler:", *["install", "one,"] * 20]
        assert max(map(len, lines)) <= 80
        assert last == path  # for copying


def test_a_lack_of_memory_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> None:
        raise MemoryError("unable to allocate 29 TiB")

    monkeypatch.setattr(cli, "COMMANDS", (command(run),))
    assert cli.main(["broken"]) == 2
    assert capsys.readouterr().err.endswith("not enough memory: unable to allocate 29 TiB\n")


def test_a_letter_that_the_terminal_lacks_is_escaped(tmp_path: Path) -> None:
    network = tmp_path / "n.json"
    config = {"output_dim": 3, "input_dim": 4, "name": "\u00fcber"}
    layer = {"class_name": "Dense", "config": config}
    network.write_text(json.dumps({"class_name": "Sequential", "config": [layer]}))
    run = subprocess.run(
        [sys.executable, "-m", "graphc", "dump", str(network)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "\\xfcber" in run.stdout


def test_a_defect_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(arguments: argparse.Namespace) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(cli, "COMMANDS", (command(run),))
    with pytest.raises(KeyError):
        cli.main(["broken"])


def test_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(arguments: argparse.Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "COMMANDS", (command(run),))
    assert cli.main(["broken"]) == 130


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "examples:" in capsys.readouterr().err


def test_an_unknown_command_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["trian"])
    assert ended.value.code == 2
    text = capsys.readouterr().err
    assert all(entry.name in text for entry in cli.COMMANDS)


def test_a_wrong_flag_ends_the_demo_with_an_error() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "graphc", "demo"],
        cwd=ROOT,
        env={**os.environ, "GRAPHC_FLAGS": "devise=cpu"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 2
    assert run.stderr.startswith("error: GRAPHC_FLAGS: unknown flag 'devise'.")
    assert "Traceback" not in run.stderr


def test_nobody_reads_the_output_any_more() -> None:
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "graphc", "doctor"],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(write)
    assert (run.returncode, run.stderr) == (141, "")
