"""The parts of a subcommand of ``graphc``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments, for a subcommand that takes nothing but ``--help``."""


@dataclass(frozen=True)
class Command:
    """One subcommand.

    `summary` is its line in ``graphc --help``; `description` (with examples, shown as it is
    written) is the text of its own ``--help``. `run` gets the parsed arguments; a `GraphcError`
    that leaves it is printed without a traceback and ends the program with status 2, unless
    `is_program` says that what the command raises and logs is that of a user's program.
    """

    name: str
    summary: str
    description: str
    run: Callable[[argparse.Namespace], None]
    add_arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    is_program: bool = False
