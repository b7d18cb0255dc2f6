"""A campaign: many cases drawn from a seed, run in pieces, each failure repeatable alone.

A campaign is a name, a few options, and a function that runs the cases [first, last) of a seed. A
case is drawn from (seed, index) alone, so it is the same however many run and whatever ran before.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Result:
    """One case that was run.

    Attributes:
        index: the number of the case.
        fault: what failed, in one or many lines; empty where nothing did.
        counts: what a report adds up over all cases, by name.
    """

    index: int
    fault: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Cases:
    """The cases that one call of a campaign's function runs.

    Attributes:
        seed: of the campaign.
        first: the first case.
        last: the one behind the last case.
        options: the campaign's own, by name.
    """

    seed: int
    first: int
    last: int
    options: argparse.Namespace

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last))

    def random(self, index: int) -> np.random.Generator:
        """Return the generator from which the case of this number is drawn."""
        return np.random.default_rng([self.seed, index])


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Add no option."""


def _ready(options: argparse.Namespace) -> str:
    return ""


@dataclass(frozen=True)
class Campaign:
    """A campaign as the command line knows it.

    Attributes:
        name: the name on the command line.
        about: one line for ``--help``.
        run: yields a `Result` for each of the cases, in their order. It runs in a process of its
            own, forked for each group, so it may crash, leak or set the environment.
        add_options: adds the campaign's own options to a parser. They are part of its state's name.
        missing: returns what the machine lacks to run it, empty where nothing is.
        group: the number of cases that run in one process.
        limit: the seconds that a group may take before it counts as hanging.
    """

    name: str
    about: str
    run: Callable[[Cases], Iterator[Result]]
    add_options: Callable[[argparse.ArgumentParser], None] = _no_options
    missing: Callable[[argparse.Namespace], str] = _ready
    group: int = 1
    limit: float = 600


@dataclass(frozen=True)
class Selection:
    """A part of a campaign that each commit runs.

    Attributes:
        name: of the campaign.
        number: of cases.
        options: the campaign's own, as on the command line.
    """

    name: str
    number: int
    options: Sequence[str] = ()
