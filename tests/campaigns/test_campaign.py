"""The framework of the campaigns: planted failures are found, kept, and repeated by one command."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.campaign import Campaign, Cases, Result, Selection
from tests.campaigns.command import main

BAD = 13


def drawn(cases: Cases, index: int) -> int:
    return int(cases.random(index).integers(2**31))


def run(cases: Cases) -> Iterator[Result]:
    """Case 13 fails; so does what the option names."""
    for index in cases:
        value = drawn(cases, index)
        if index == BAD:
            yield Result(index, f"drew {value} with {cases.options.level}")
        elif index == cases.options.raises:
            raise ValueError("planted")
        elif index == cases.options.crashes:
            os.kill(os.getpid(), signal.SIGKILL)
        elif index == cases.options.hangs:
            time.sleep(60)
        else:
            yield Result(index, counts={"nodes": 2})


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", default="2")
    for name in ("raises", "crashes", "hangs"):
        parser.add_argument(f"--{name}", type=int)


def planted(group: int = 4, limit: float = 30) -> dict[str, Campaign]:
    campaign = Campaign("planted", "one failure", run, add_options, group=group, limit=limit)
    return {campaign.name: campaign}


def test_a_failure_is_found_and_its_command_repeats_it(tmp_path, capsys):
    line = ["planted", "--seed", "7", "--number", "20", "--level", "3"]
    assert main(line, planted(), (), tmp_path) == 1
    text = capsys.readouterr().out
    assert "case 13 FAILED" in text
    fault = re.search(r"drew \d+ with 3", text).group()
    command = shlex.split(re.search(r"repeat it alone: (.*)", text).group(1))
    assert command[:3] == ["python", "-m", "tests.campaigns"]
    assert main(command[3:], planted(group=1), (), tmp_path) == 1
    assert capsys.readouterr().out.strip() == fault


def test_an_option_that_is_zero_is_repeated_too(tmp_path, capsys):
    assert main(["planted", "--number", "1", "--raises", "0"], planted(), (), tmp_path) == 1
    assert "--only 0 --level 2 --raises 0" in capsys.readouterr().out


def test_the_last_line_has_the_figures(tmp_path, capsys):
    assert main(["planted", "--number", "20"], planted(), (), tmp_path) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r"planted: 20 cases, 1 failures \(13\), 38 nodes, \d+ seconds, \d{4}-\d\d-\d\d", last
    )


@pytest.mark.parametrize("group", [1, 4, 50])
def test_cases_depend_on_seed_and_index_alone(group, tmp_path, capsys):
    main(["planted", "--seed", "7", "--number", "20"], planted(group), (), tmp_path)
    expected = drawn(Cases(7, 0, 1, argparse.Namespace()), BAD)
    assert f"drew {expected} with 2" in capsys.readouterr().out


def test_a_run_goes_on_where_it_was_stopped(tmp_path, capsys):
    assert main(["planted", "--number", "10"], planted(), (), tmp_path) == 0
    assert "from the first case on" in capsys.readouterr().out.splitlines()[0]
    assert main(["planted", "--number", "16"], planted(), (), tmp_path) == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert "goes on at case 10, 0 failed" in first
    assert last.startswith("planted: 16 cases, 1 failures (13), 30 nodes")
    # A failure of before is one still.
    assert main(["planted", "--number", "16"], planted(), (), tmp_path) == 1
    assert "goes on at case 16, 1 failed" in capsys.readouterr().out
    # Another seed, or other options, is another run.
    assert main(["planted", "--number", "3", "--seed", "1"], planted(), (), tmp_path) == 0
    assert main(["planted", "--number", "3", "--level", "1"], planted(), (), tmp_path) == 0
    assert main(["planted", "--number", "3", "--fresh"], planted(), (), tmp_path) == 0


def test_options_longer_than_a_name_may_be_have_a_state_of_their_own(tmp_path, capsys):
    for level in ("x" * 300, "x" * 299 + "y"):
        assert main(["planted", "--number", "3", "--level", level], planted(), (), tmp_path) == 0
        assert "from the first case on" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 2


def test_failures_that_fail_no_more_are_dropped(tmp_path, capsys):
    def mended(cases: Cases) -> Iterator[Result]:
        return map(Result, cases)

    assert main(["planted", "--number", "16"], planted(), (), tmp_path) == 1
    better = {"planted": Campaign("planted", "none", mended, add_options)}
    assert main(["planted", "--number", "16", "--again"], better, (), tmp_path) == 0
    assert "case 13 fails no more" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "limit", "message"),
    [
        ("--raises", 30, "ValueError: planted"),
        ("--crashes", 30, "the process was ended by SIGKILL"),
        ("--hangs", 1, "no answer after 1 seconds"),
    ],
)
def test_a_case_that_ends_or_stops_its_process_alone_fails(
    option, limit, message, tmp_path, capsys
):
    line = ["planted", "--number", "12", option, "6"]
    assert main(line, planted(limit=limit), (), tmp_path) == 1
    text = capsys.readouterr().out
    assert message in text
    assert "12 cases, 1 failures (6), 22 nodes" in text


def test_what_is_missing_is_printed(tmp_path, capsys):
    lacking = Campaign("planted", "", run, missing=lambda options: "this machine has no compiler")
    assert main(["planted"], {"planted": lacking}, (), tmp_path) == 0
    assert capsys.readouterr().out == "planted: NOT RUN, this machine has no compiler\n"


def test_the_selection_of_each_commit(tmp_path, capsys):
    chosen = (Selection("planted", 5), Selection("planted", 14, ("--level", "9")))
    for _ in range(2):  # it is made anew each time
        assert main(["--seed", "2"], planted(), chosen, tmp_path) == 1
        text = capsys.readouterr().out
        assert "planted: 5 cases, 0 failures" in text
        assert "planted: 14 cases, 1 failures" in text
        assert "with 9" in text


def test_the_time_ends_a_run(tmp_path, capsys):
    assert main(["planted", "--seconds", "0"], planted(), (), tmp_path) == 0
    assert "planted: 4 cases, 0 failures" in capsys.readouterr().out


ENDLESS = """
import sys, time
from pathlib import Path
from tests.campaigns.campaign import Campaign, Result
from tests.campaigns.command import main

def run(cases):
    for index in cases:
        yield Result(index)
        if index == 5:
            print("waits", flush=True)
            time.sleep(60)

campaign = Campaign("endless", "", run, group=4)
sys.exit(main(["endless", "--number", "100"], {"endless": campaign}, (), Path(sys.argv[1])))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(number, tmp_path):
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line == "waits\n":
            break
    process.send_signal(number)
    text, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert f"stopped by {number.name}, 6 cases, 0 failures" in text
    campaign = {"endless": Campaign("endless", "", lambda cases: map(Result, cases))}
    assert main(["endless", "--number", "7"], campaign, (), tmp_path) == 0
