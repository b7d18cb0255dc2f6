"""``graphc run``: run a program that was written for Keras 1, unedited."""

from __future__ import annotations

import argparse
import sys

from graphc.cli.command import Command
from graphc.errors import MissingFileError
from graphc.scripts.running import read_program, run_program


def _run(arguments: argparse.Namespace) -> None:
    try:
        program = read_program(arguments.script)
    except MissingFileError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    run_program(program, arguments.arguments)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("script", metavar="SCRIPT", help="the program, a file in Python")
    parser.add_argument(
        "arguments",
        metavar="ARGUMENT",
        nargs=argparse.REMAINDER,
        help="arguments of the program; all that follows SCRIPT is one of them",
    )


COMMAND = Command(
    name="run",
    summary="run a program that imports keras, as it is",
    description="""\
Runs a program that was written for Keras 1, without an edit: `import keras` gives graphc in it.
All else is as with `python script.py`: sys.argv, __main__, the folder that imports come from,
tracebacks and the exit status.

An `import theano` or `import tensorflow` that the program makes no use of passes where the package
is missing; a use is an error that names the line and what to call instead. A program for Python 2
gets a message with the command that converts it.

GRAPHC_FLAGS=keras=1.2 gives layers and models the meanings of Keras 1.2.

examples:
  graphc run mnist_cnn.py
  python -m graphc run train.py --epochs 3     with arguments of its own
  GRAPHC_FLAGS=keras=1.2 graphc run train.py
""",
    run=_run,
    add_arguments=_add_arguments,
    is_program=True,
)
