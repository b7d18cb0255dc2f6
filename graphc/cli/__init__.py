"""The command ``graphc``: a table of subcommands and the parser over it."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from graphc.cli import bench, cache, demo, doctor, dump, run, view
from graphc.compiler.program.table import WIDTH
from graphc.errors import GraphcError
from graphc.package_version import __version__

COMMANDS = (
    run.COMMAND,
    demo.COMMAND,
    doctor.COMMAND,
    dump.COMMAND,
    view.COMMAND,
    bench.COMMAND,
    cache.COMMAND,
)

_DESCRIPTION = """\
graphc compiles neural networks written with the Keras 1.0 API. From Python:

  from graphc.models import Sequential
  from graphc.layers.core import Dense

This command tries an installation out and looks into what it does.
"""

_EPILOG = """\
examples:
  graphc run train.py    run a program that imports keras, as it is
  graphc doctor          what is installed, what is missing, every flag
  graphc demo            train a network, in under a minute
  graphc dump mlp        the CUDA kernels of a model's training step
  graphc view mlp        a page of how the model was compiled
  graphc bench           where a training step's time goes
  graphc cache           what is kept of compiled kernels, and how much
  graphc demo --help     more about one command
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line in `arguments` (default: the process's own); returns the exit status.

    0 for success, 2 for an error of graphc or of the command line and for a lack of memory, 130
    after Ctrl-C, 141 where nobody reads the output any more. A program that is run ends as by
    itself: what it raises leaves this function.
    """
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if not hasattr(parsed, "command"):
        parser.print_help(sys.stderr)
        return 2
    if parsed.command.is_program:
        parsed.command.run(parsed)
        return 0
    for stream in (sys.stdout, sys.stderr):
        # Names of layers may have letters that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _messages_that_fit():
            parsed.command.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # as of `graphc dump mlp | head`
        # The interpreter flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except GraphcError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"error: this machine has not enough memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


class _Paragraphs(logging.Formatter):
    """Messages of the library as paragraphs of 80 columns; commands in them are not broken."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).splitlines()
        return "\n".join(
            textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)
            for line in lines
        )


@contextmanager
def _messages_that_fit() -> Iterator[None]:
    """Print the warnings of graphc's log, e.g. that there is no compiler, for a terminal of 80
    columns."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Paragraphs())
    logger = logging.getLogger("graphc")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _parser() -> argparse.ArgumentParser:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="graphc", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=as_written
    )
    parser.add_argument("--version", action="version", version=f"graphc {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=_fitted(command.description),
            formatter_class=as_written,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(command=command)
    return parser


def _fitted(text: str) -> str:
    """Return a description whose paragraphs fit the terminal of 80 columns; indented lines stay."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        indented = any(line.startswith(" ") for line in paragraph.splitlines())
        lines += [paragraph if indented else textwrap.fill(paragraph, WIDTH), ""]
    return "\n".join(lines[:-1])
