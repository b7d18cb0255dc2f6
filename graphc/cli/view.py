"""``graphc view``: one HTML page of how a model was compiled, or of how two builds differ."""

from __future__ import annotations

import argparse
import re
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphc.backend.settings import own_uids
from graphc.cli.bench import profile
from graphc.cli.command import Command
from graphc.cli.subject import (
    add_subject_arguments,
    compile_title,
    compiled_model,
    named_sizes,
)
from graphc.compiler.function import TARGETS, Function
from graphc.config import config
from graphc.engine.training.collecting import collected_models
from graphc.engine.training.model import Model
from graphc.errors import ArgumentError, DeviceError, suggestion, unknown_name
from graphc.paths import shown_path
from graphc.reference_models import REFERENCE_MODELS
from graphc.scripts.running import read_program, run_program
from graphc.view import (
    COMPILE_FLAGS,
    ComparedBuilds,
    CompiledView,
    Subject,
    compare,
    compiled_view,
    read_page,
    subject_of,
    write_page,
    write_trace,
)

_DEVICES = {"cuda": "gpu", "cpu": "cpu"}
_INTERPRETER = "NumPy interpreter"


_PAGE = ".html"
_OPTIONS = ("batch", "target", "loss", "optimizer")
"""Options that --right sets for the second build, beside the flags."""


def _run(arguments: argparse.Namespace) -> None:
    if arguments.trace and not arguments.measure:
        raise ArgumentError("view: --trace writes times, which --measure takes; add --measure")
    if arguments.other is not None or arguments.right:
        made: CompiledView | ComparedBuilds = _compared(arguments)
    elif _is_page(arguments.model):
        raise ArgumentError(
            f"view: {arguments.model} is a page already: open it; or name a second build, to see "
            "what differs"
        )
    else:
        made = _built(arguments)
    path = Path(arguments.output or _page_name(arguments))
    write_page(made, path)
    if arguments.trace and isinstance(made, CompiledView):
        write_trace(made, arguments.trace)
    print(f"{shown_path(path)}: {path.stat().st_size / 1e6:.1f} MB")
    if arguments.open and not webbrowser.open(path.resolve().as_uri()):
        raise DeviceError(f"view: no browser was found to open {shown_path(path)} with; open it")


def _built(arguments: argparse.Namespace) -> CompiledView:
    """Build a model, and return its document."""
    sizes = named_sizes("view", arguments.size)
    measured = _measured(arguments) if arguments.measure else None
    with config.changed(device="cpu"), own_uids():  # lowering needs no GPU, whatever the flag says
        subject = _subject(arguments)
        batch = subject.batch if arguments.batch is None else arguments.batch
        return compiled_view(subject, batch, sizes, arguments.target, measured)


def _compared(arguments: argparse.Namespace) -> ComparedBuilds:
    """Return the documents of two builds, and what differs between them."""
    first, second = arguments.model, arguments.other or arguments.model
    _check_compared(arguments, first, second)
    changes = dict(map(_right, arguments.right))
    options = {name: text for name, text in changes.items() if name in _OPTIONS}
    flags = {name: text for name, text in changes.items() if name not in options}
    before = read_page(first) if _is_page(first) else _built(arguments).as_dict()
    if _is_page(second):
        after = read_page(second)
    else:
        given = argparse.Namespace(**(vars(arguments) | {"model": second} | _parsed(options)))
        with config.changed(**flags):
            after = _built(given).as_dict()
    named = ", ".join((second, *arguments.right))
    names = (first, named) if first != named else (f"{first} (1)", f"{named} (2)")
    return compare(before, after, (shown_path(names[0]), shown_path(names[1])))


def _check_compared(arguments: argparse.Namespace, first: str, second: str) -> None:
    """Raise ArgumentError for options that two builds would ignore."""
    if arguments.trace:
        raise ArgumentError("view: --trace writes a step of one build; leave one of the two out")
    if arguments.right and _is_page(second):
        raise ArgumentError(
            f"view: --right changes how a model is built, and {second} is a page of one that was; "
            "leave --right out"
        )
    if _is_page(first) and _is_page(second):
        names = ("measure", "name", "batch", "size", "loss", "optimizer")
        given = ["model" if name == "name" else name for name in names if vars(arguments)[name]]
        if given:
            raise ArgumentError(
                f"view: two pages are compared as they are, and nothing is built; leave "
                f"{', '.join(f'--{name}' for name in given)} out"
            )


def _right(text: str) -> tuple[str, str]:
    """Return the name and the value of one --right."""
    name, equals, value = (part.strip() for part in text.partition("="))
    allowed = (*_OPTIONS, *COMPILE_FLAGS)
    if not equals:
        raise ArgumentError(
            f"view: --right takes NAME=VALUE, e.g. --right batch=64, received {text!r}"
        )
    if name not in allowed:
        raise ArgumentError(
            f"view: --right changes {', '.join(allowed)} of the second build, received {name!r}. "
            f"{suggestion(name, allowed)}"
        )
    return name, value


def _parsed(options: Mapping[str, str]) -> dict[str, str | int]:
    """The options as the command line's own ones are."""
    found: dict[str, str | int] = dict(options)
    if "batch" in options:
        if not options["batch"].isdecimal():
            raise ArgumentError(
                f"view: --right batch=N: expected a whole number, received {options['batch']!r}"
            )
        found["batch"] = int(options["batch"])
    if options.get("target", TARGETS[0]) not in TARGETS:
        raise ArgumentError(
            f"view: --right target: expected {' or '.join(TARGETS)}, received {options['target']!r}"
        )
    return found


def _is_page(name: str) -> bool:
    return name.lower().endswith(_PAGE)


def _page_name(arguments: argparse.Namespace) -> str:
    stems = [Path(arguments.model).stem]
    if arguments.other is not None or arguments.right:
        stems.append(Path(arguments.other or arguments.model).stem)
    return re.sub(r"[^\w.-]+", "_", "_to_".join(stems)) + _PAGE


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what ``graphc bench --json`` prints of a reference model on the target's device."""
    name = arguments.model
    if name not in REFERENCE_MODELS:
        raise ArgumentError(
            f"view: --measure times the reference models ({', '.join(REFERENCE_MODELS)}), which "
            f"bring data of their own, and {name!r} is none; leave --measure out"
        )
    with own_uids():
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
    return subject_of(model, model.name, compile_title(model))


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
        "a program (.py), which is run as by graphc run; beside OTHER also of a page (.html)",
    )
    parser.add_argument(
        "other",
        nargs="?",
        metavar="OTHER",
        help="a second build, to see what differs: as MODEL, or a page that graphc view wrote",
    )
    parser.add_argument(
        "--right",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what is different in the second build, which is of MODEL too if there is no OTHER: "
        f"{', '.join((*_OPTIONS, *COMPILE_FLAGS))}; may be repeated",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="where the page goes (default: MODEL.html, or MODEL_to_OTHER.html)",
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
    summary="write one HTML page of how a model was compiled, or of what differs in two builds",
    description="""\
Writes one HTML file that shows how the training step of a model was compiled: its layers, the graph
after each pass and the rules that fired, each kernel with what it costs and its source, and which
value lies where in memory. What is chosen in one pane is marked in all others. The file needs no
network and no graphc.

With a second build, or --right, the page shows what differs between the two: the kernels, matched
by what they compute, with their times, FLOPs and bytes; the memory; the layers; and each build as a
page of its own. A page that was written before, by another version too, can be either of them.

Its numbers are those of graphc dump --json, graphc dump --memory --json and, with --measure, graphc
bench --json.

examples:
  graphc view mlp --open
  graphc view lstm --target cpu --measure -o lstm.html
  graphc view model.json --optimizer adam
  graphc view saved.h5 --batch 64
  graphc view train.py --model sequential_2     where it compiles several
  graphc view cnn --right batch=64              what another batch changes
  graphc view lstm --right mode=FAST_COMPILE    what the passes are good for
  graphc view before.html after.html            two pages written earlier
""",
    run=_run,
    add_arguments=_add_arguments,
)
