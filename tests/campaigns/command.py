"""Running campaigns from the command line.

python -m tests.campaigns graphs --seed 7 --number 1000 --seconds 600
python -m tests.campaigns graphs --seed 7 --only 133
python -m tests.campaigns                               what each commit runs
"""

from __future__ import annotations

import argparse
import shlex
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.campaigns.campaign import Campaign, Cases, Selection
from tests.campaigns.children import run_here, run_in_processes
from tests.campaigns.state import State

FOLDER = Path(__file__).parents[2] / "build" / "campaigns"

_SHARED = ("seed", "number", "seconds", "only", "fresh", "again", "campaign")


def main(
    arguments: Sequence[str],
    campaigns: Mapping[str, Campaign],
    each_commit: Sequence[Selection],
    folder: Path = FOLDER,
) -> int:
    """Run what the arguments say; 1 where a case failed, else 0.

    Args:
        arguments: the command line behind the program's name; a campaign's name is the first.
            Without a name the selection of each commit runs.
        campaigns: the campaigns, by name.
        each_commit: the selection.
        folder: where states are kept.
    """
    if arguments and (arguments[0] in ("-h", "--help") or not arguments[0].startswith("-")):
        options = _parser(campaigns).parse_args(arguments)
        return _run(campaigns[options.campaign], options, folder)
    wrong = 0
    for chosen in each_commit:
        line = [chosen.name, "--number", str(chosen.number), "--fresh", *chosen.options, *arguments]
        wrong |= main(line, campaigns, each_commit, folder / "each-commit")
    return wrong


def _parser(campaigns: Mapping[str, Campaign]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    names = parser.add_subparsers(dest="campaign", required=True, metavar="NAME")
    for campaign in campaigns.values():
        one = names.add_parser(campaign.name, help=campaign.about, description=campaign.about)
        one.add_argument("--seed", type=int, default=0, help="where the cases are drawn from")
        one.add_argument("--number", type=int, help="stop when so many cases are done, in all")
        one.add_argument("--seconds", type=float, help="start no group after this time of this run")
        one.add_argument("--only", type=int, metavar="K", help="run case K alone, in this process")
        one.add_argument("--fresh", action="store_true", help="forget what earlier runs did")
        one.add_argument("--again", action="store_true", help="run the stored failures again first")
        campaign.add_options(one)
    return parser


def _run(campaign: Campaign, options: argparse.Namespace, folder: Path) -> int:
    missing = campaign.missing(options)
    if missing:
        print(f"{campaign.name}: NOT RUN, {missing}", flush=True)
        return 0
    if options.only is not None:
        cases = Cases(options.seed, options.only, options.only + 1, options)
        faults = [result.fault for result in run_here(campaign, cases) if result.fault]
        print(*faults or [f"{campaign.name}: case {options.only} is as it should be"], sep="\n")
        return 1 if faults else 0
    own = {
        name: value
        for name, value in vars(options).items()
        if name not in _SHARED and value is not None and value is not False and value != ""
    }
    state = State(campaign.name, options.seed, own)
    if not options.fresh:
        state = state.restored(folder)
    print(_first_line(state, folder), flush=True)
    with _stopping() as stop:
        if options.again:
            _run_again(campaign, state, options, folder, stop)
        _go_on(campaign, state, options, folder, stop)
    print(_last_line(state, stop), flush=True)
    return 1 if state.failures else 0


def _go_on(
    campaign: Campaign, state: State, options: argparse.Namespace, folder: Path, stop: list[str]
) -> None:
    """Run the cases that are left, group by group, until the number, the time or a signal."""
    started, before = time.monotonic(), state.seconds
    while not stop and (options.number is None or state.done < options.number):
        last = state.done - state.done % campaign.group + campaign.group
        if options.number is not None:
            last = min(last, options.number)
        cases = Cases(options.seed, state.done, last, options)
        for result in run_in_processes(campaign, cases, lambda: bool(stop)):
            if result is None:
                continue
            state.add(result)
            if result.fault:
                _show(campaign, state, result.index)
        passed = time.monotonic() - started
        state.seconds = before + passed
        state.store(folder)
        if options.seconds is not None and passed > options.seconds:
            break


def _run_again(
    campaign: Campaign, state: State, options: argparse.Namespace, folder: Path, stop: list[str]
) -> None:
    """Run the stored failures; those that fail no more are dropped."""
    for index in list(state.failures):
        cases = Cases(options.seed, index, index + 1, options)
        for result in run_in_processes(campaign, cases, lambda: bool(stop)):
            if result is None:
                continue
            if result.fault:
                state.failures[index] = result.fault
                _show(campaign, state, index)
            else:
                del state.failures[index]
                print(f"{campaign.name}: case {index} fails no more", flush=True)
        state.store(folder)


def _show(campaign: Campaign, state: State, index: int) -> None:
    print(f"{campaign.name}: case {index} FAILED", state.failures[index].rstrip(), sep="\n")
    print(f"repeat it alone: {repeating(state, index)}\n", flush=True)


def repeating(state: State, index: int) -> str:
    """Return the command that runs one case of a campaign alone."""
    words = [state.campaign, "--seed", str(state.seed), "--only", str(index)]
    for name, value in state.options.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    return shlex.join(["python", "-m", "tests.campaigns", *words])


def _first_line(state: State, folder: Path) -> str:
    begins = f"{state.campaign}: seed {state.seed}"
    options = ", ".join(f"{name} {value}" for name, value in sorted(state.options.items()))
    begins += f", {options}" if options else ""
    if not state.done:
        return f"{begins}: from the first case on; state in {state.path(folder)}"
    return (
        f"{begins}: goes on at case {state.done}, {len(state.failures)} failed so far, of "
        f"{state.date}; state in {state.path(folder)}"
    )


def _last_line(state: State, stop: list[str]) -> str:
    counts = "".join(f", {count} {name}" for name, count in state.counts.items())
    failed = " ".join(map(str, state.failures))
    return (
        f"{state.campaign}: {f'stopped by {stop[0]}, ' if stop else ''}{state.done} cases, "
        f"{len(state.failures)} failures{f' ({failed})' if failed else ''}{counts}, "
        f"{state.seconds:.0f} seconds, {state.date}"
    )


@contextmanager
def _stopping() -> Iterator[list[str]]:
    """Yield a list that an interrupt or a termination puts its name into."""
    stop: list[str] = []

    def noted(number: int, frame: FrameType | None) -> None:
        stop.append(signal.Signals(number).name)

    before = {number: signal.signal(number, noted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
