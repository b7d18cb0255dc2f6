"""``graphc view``: one HTML page of how a model was compiled."""

from __future__ import annotations

import argparse
import re
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphc.cli.bench import profile
from graphc.cli.command import Command
from graphc.cli.subject import (
    add_subject_arguments,
    compiled_model,
    compiled_with,
    named_sizes,
)
from graphc.compiler.function import Function
from graphc.config import config
from graphc.engine.training.collecting import collected_models
from graphc.engine.training.model import Model
from graphc.errors import ArgumentError, DeviceError, unknown_name
from graphc.paths import shown_path
from graphc.reference_models import REFERENCE_MODELS
from graphc.scripts.running import read_program, run_program
from graphc.view import Subject, compiled_view, subject_of, write_page, write_trace

_DEVICES = {"cuda": "gpu", "cpu": "cpu"}
_INTERPRETER = "NumPy interpreter"


def _run(arguments: argparse.Namespace) -> None:
    sizes = named_sizes("view", arguments.size)
    path = Path(arguments.output or _page_name(arguments.model))
    if arguments.trace and not arguments.measure:
        raise ArgumentError("view: --trace writes times, which --measure takes; add --measure")
    measured = _measured(arguments) if arguments.measure else None
    with config.changed(device="cpu"):  # lowering needs no GPU, whatever the flag says
        subject = _subject(arguments)
        batch = subject.batch if arguments.batch is None else arguments.batch
        view = compiled_view(subject, batch, sizes, arguments.target, measured)
    write_page(view, path)
    if arguments.trace:
        write_trace(view, arguments.trace)
    print(f"{shown_path(path)}: {path.stat().st_size / 1e6:.1f} MB")
    if arguments.open and not webbrowser.open(path.resolve().as_uri()):
        raise DeviceError(f"view: no browser was found to open {shown_path(path)} with; open it")


def _page_name(model: str) -> str:
    return re.sub(r"[^\w.-]+", "_", Path(model).stem) + ".html"


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what ``graphc bench --json`` prints of a reference model on the target's device."""
    name = arguments.model
    if name not in REFERENCE_MODELS:
        raise ArgumentError(
            f"view: --measure times the reference models ({', '.join(REFERENCE_MODELS)}), which "
            f"bring data of their own, and {name!r} is none; leave --measure out"
        )
    report = profile(name, arguments.batch, _DEVICES[arguments.target])
    if report.executor == _INTERPRETER:
        raise DeviceError(
            "view: --measure: expected native code, whose kernels are timed, and the interpreter "
            f"ran the step: {'; '.join(report.notes) or 'the flag cpu is numpy'}"
        )
    return report.as_dict()


def _subject(arguments: argparse.Namespace) -> Subject:
    if arguments.model.endswith(".py"):
        return _of_program(arguments)
    if arguments.name is not None:
        raise ArgumentError("view: --model chooses among the models of a script; leave it out")
    shown = compiled_model("view", arguments.model, arguments.loss, arguments.optimizer)
    if isinstance(shown.model, Function):
        return Subject(shown.name, shown.summary, shown.model, shown.batch)
    return subject_of(shown.model, shown.name, shown.summary)


def _of_program(arguments: argparse.Namespace) -> Subject:
    """Run a program as ``graphc run`` does, and return the step of the model that it compiles."""
    if arguments.loss is not None or arguments.optimizer is not None:
        raise ArgumentError(
            "view: a script compiles its models itself; leave --loss and --optimizer out"
        )
    program = read_program(arguments.model)
    with collected_models() as models:
        try:
            run_program(program, ())
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
    compiled = [model for model in models if isinstance(model, Model)]
    model = chosen_model(compiled, arguments.model, arguments.name)
    return subject_of(model, model.name, compiled_with(model))


def chosen_model(models: Sequence[Model], program: str, name: str | None) -> Model:
    """Return the model that a program compiled, or the one of several that `name` chooses.

    Raises:
        ArgumentError: there is none, or several, and no name chooses.
        UnknownNameError: none of this name.
    """
    names = [model.name for model in models]
    if not models:
        raise ArgumentError(
            f"view: {shown_path(program)} ran to its end and compiled no model; call "
            "model.compile(...) in it"
        )
    if name is None and len(models) > 1:
        raise ArgumentError(
            f"view: {shown_path(program)} compiled {len(models)} models, {', '.join(names)}; "
            f"choose one with --model, e.g. --model {names[-1]}"
        )
    if name is not None and name not in names:
        raise unknown_name("model", name, names)
    # Of several of one name the last: a program may make its model anew.
    return models[-1] if name is None else models[len(names) - 1 - names[::-1].index(name)]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(REFERENCE_MODELS)
    parser.add_argument(
        "model",
        metavar="MODEL",
        help=f"{names}; the path of an architecture in JSON or YAML, of a saved model (.h5), or of "
        "a program (.py), which is run as by graphc run",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where the page goes (default: MODEL.html)"
    )
    parser.add_argument("--open", action="store_true", help="show the page in a browser")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="time the kernels too, as graphc bench does, of a reference model",
    )
    parser.add_argument(
        "--trace",
        metavar="FILE",
        help="with --measure: write the step in Chrome's trace format too, for Perfetto",
    )
    parser.add_argument(
        "--model",
        dest="name",
        metavar="NAME",
        help="which one, where a program compiles several models",
    )
    add_subject_arguments(parser)


COMMAND = Command(
    name="view",
    summary="write one HTML page of how a model was compiled",
    description="""\
Writes one HTML file that shows how the training step of a model was compiled: its layers, the graph
after each pass and the rules that fired, each kernel with what it costs and its source, and which
value lies where in memory. What is chosen in one pane is marked in all others. The file needs no
network and no graphc.

Its numbers are those of graphc dump --json, graphc dump --memory --json and, with --measure, graphc
bench --json.

examples:
  graphc view mlp --open
  graphc view lstm --target cpu --measure -o lstm.html
  graphc view model.json --optimizer adam
  graphc view saved.h5 --batch 64
  graphc view train.py --model sequential_2     where it compiles several
""",
    run=_run,
    add_arguments=_add_arguments,
)
