"""``graphc dump``: the kernels that a model's training step becomes, on a GPU or as native code."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

from graphc import activations
from graphc.cli.command import Command
from graphc.compiler.codegen.kernel_list import KernelList
from graphc.compiler.codegen.memory_report import MemoryReport
from graphc.compiler.codegen.table import wrapped
from graphc.compiler.function import TARGETS, Function
from graphc.config import config
from graphc.errors import ArgumentError, UnknownNameError, suggestion
from graphc.files.text import FORMATS
from graphc.models import Model, load_architecture
from graphc.reference_models import REFERENCE_MODELS

_OPTIMIZER = "rmsprop"
_LOSSES = {
    activations.softmax: "categorical_crossentropy",
    activations.sigmoid: "binary_crossentropy",
}
_OTHER_LOSS = "mse"


@dataclass(frozen=True)
class Shown:
    """A model to look into: a description of it, a function that shows its kernels, and the
    batch."""

    name: str
    summary: str
    model: Function | Model
    batch: int | None


def compiled_model(name: str, loss: str | None, optimizer: str | None) -> Shown:
    """Return a model's training step.

    Args:
        name: a key of `REFERENCE_MODELS`, or the path of an architecture.
        loss, optimizer: of an architecture, which has none; by default the loss that fits its last
            activation, and rmsprop. A reference model has its own.

    Raises:
        UnknownNameError: neither a model nor a file of an architecture.
        ArgumentError: a loss or an optimizer for a reference model, or no architecture in the file.
    """
    if name in REFERENCE_MODELS:
        if loss is not None or optimizer is not None:
            raise ArgumentError(
                f"dump: the reference model {name!r} has a loss and an optimizer of its own; "
                "leave --loss and --optimizer out"
            )
        reference = REFERENCE_MODELS[name]
        return Shown(name, reference.summary, reference.build().function(), reference.batch)
    if not name.lower().endswith(tuple(FORMATS)):
        raise UnknownNameError(
            f"dump: no reference model is named {name!r}, and it is no path of an architecture "
            f"({', '.join(FORMATS)}). {suggestion(name, REFERENCE_MODELS)}"
        )
    network = load_architecture(name)
    loss, optimizer = loss or _fitting_loss(network), optimizer or _OPTIMIZER
    network.compile(optimizer, loss)
    return Shown(name, f"loss {loss}, optimizer {optimizer}", network, None)


def _fitting_loss(network: Model) -> str:
    activation = getattr(network.layers[-1], "activation", None)
    return _LOSSES.get(activation, _OTHER_LOSS) if activation is not None else _OTHER_LOSS


def _run(arguments: argparse.Namespace) -> None:
    if arguments.memory and arguments.source:
        raise ArgumentError("dump: --memory shows no source; leave one of the two out")
    sizes = dict(map(_size, arguments.size))
    with config.changed(device="cpu"):  # lowering needs no GPU, whatever the flag says
        shown = compiled_model(arguments.model, arguments.loss, arguments.optimizer)
        batch = shown.batch if arguments.batch is None else arguments.batch
        report: KernelList | MemoryReport
        if arguments.memory:
            report = shown.model.memory_report(batch, sizes, target=arguments.target)
        else:
            report = shown.model.kernels(batch, sizes, target=arguments.target)
    if arguments.source and isinstance(report, KernelList):
        print(report.source, end="")
    elif arguments.json:
        head = {"model": shown.name, "summary": shown.summary}
        print(json.dumps(head | report.as_dict(), indent=1))
    else:
        print("\n".join(wrapped(f"{shown.name}: {shown.summary}", "")), end="\n\n")
        print(report)


def _size(text: str) -> tuple[str, int]:
    name, equals, number = text.rpartition("=")
    if not equals or not number.strip().isdecimal():
        raise ArgumentError(f"dump: --size takes NAME=N, e.g. --size time=100, received {text!r}")
    return name.strip(), int(number)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(REFERENCE_MODELS)
    parser.add_argument(
        "model", metavar="MODEL", help=f"{names}, or the path of an architecture in JSON or YAML"
    )
    parser.add_argument(
        "--batch", type=int, metavar="N", help="samples a step (default: the model's own, else 32)"
    )
    parser.add_argument(
        "--size",
        action="append",
        default=[],
        metavar="NAME=N",
        help="a number for another size that only a call knows; may be repeated",
    )
    parser.add_argument(
        "--loss", metavar="NAME", help="of an architecture (default: what fits its last activation)"
    )
    parser.add_argument(
        "--optimizer", metavar="NAME", help=f"of an architecture (default: {_OPTIMIZER})"
    )
    parser.add_argument(
        "--memory", action="store_true", help="show the memory that a step takes, value by value"
    )
    parser.add_argument(
        "--target",
        choices=TARGETS,
        default=TARGETS[0],
        help="CUDA, or native code for this machine's CPU (default: %(default)s)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--source", action="store_true", help="print the source alone")
    form.add_argument("--json", action="store_true", help="print JSON")


COMMAND = Command(
    name="dump",
    summary="show the kernels of a model's training step, as CUDA or as native code",
    description="""\
Lists each kernel of a training step: its launch (blocks, threads, bytes of shared memory), how
often a step launches it, its FLOPs and bytes (each input read once, each output written once), the
layers and operations that it computes, and why it was not fused further. No GPU is needed, and no
compiler. With --target cpu a kernel is a function of the C++ program that runs a step on a CPU.

An architecture is what Keras 1.0's model.to_json() or to_yaml() wrote; nothing in it is executed.

examples:
  graphc dump mlp
  graphc dump mlp --source > mlp.cu         the CUDA source of all kernels
  graphc dump mlp --target cpu --source     the C++ that a CPU runs
  graphc dump lstm --batch 8 --json         the same facts for a program to read
  graphc dump cnn --memory                  what a step takes of a GPU's memory
  graphc dump model.json --optimizer adam   a network of your own
""",
    run=_run,
    add_arguments=_add_arguments,
)
