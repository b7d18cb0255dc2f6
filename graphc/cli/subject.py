"""The training step that a command looks into: of a reference model, or of a model in a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass

from graphc import activations
from graphc.compiler.function import TARGETS, Function
from graphc.errors import ArgumentError, UnknownNameError, suggestion
from graphc.files.text import FORMATS
from graphc.models import Model, load_architecture, load_model
from graphc.reference_models import REFERENCE_MODELS

OPTIMIZER = "rmsprop"
_LOSSES = {
    activations.softmax: "categorical_crossentropy",
    activations.sigmoid: "binary_crossentropy",
}
_OTHER_LOSS = "mse"
_HDF5 = (".h5", ".hdf5")


@dataclass(frozen=True)
class Shown:
    """A model to look into: a description of it, a function that shows its kernels, and the
    batch."""

    name: str
    summary: str
    model: Function | Model
    batch: int | None


def add_subject_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say of which training step, but for the model itself."""
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
        "--optimizer", metavar="NAME", help=f"of an architecture (default: {OPTIMIZER})"
    )
    parser.add_argument(
        "--target",
        choices=TARGETS,
        default=TARGETS[0],
        help="CUDA, or native code for this machine's CPU (default: %(default)s)",
    )


def named_sizes(command: str, texts: Iterable[str]) -> dict[str, int]:
    """Return the sizes that texts like ``time=100`` give. ArgumentError for others."""
    found = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not equals or not number.strip().isdecimal():
            raise ArgumentError(
                f"{command}: --size takes NAME=N, e.g. --size time=100, received {text!r}"
            )
        found[name.strip()] = int(number)
    return found


def compiled_model(command: str, name: str, loss: str | None, optimizer: str | None) -> Shown:
    """Return a model's training step.

    Args:
        command: whose messages errors are.
        name: a key of `REFERENCE_MODELS`, or the path of an architecture, or of a model that
            `model.save` wrote.
        loss, optimizer: of what has none: by default the loss that fits its last activation, and
            rmsprop.

    Raises:
        UnknownNameError: neither a model nor a file of one.
        ArgumentError: a loss or an optimizer for a model that has its own, or no model in the file.
    """
    if name in REFERENCE_MODELS:
        _refuse_own(command, f"the reference model {name!r}", loss, optimizer)
        reference = REFERENCE_MODELS[name]
        return Shown(name, reference.summary, reference.build().function(), reference.batch)
    if not name.lower().endswith((*FORMATS, *_HDF5)):
        raise UnknownNameError(
            f"{command}: no reference model is named {name!r}, and it is no path of an "
            f"architecture ({', '.join(FORMATS)}) or of a saved model ({', '.join(_HDF5)}). "
            f"{suggestion(name, REFERENCE_MODELS)}"
        )
    if name.lower().endswith(_HDF5):
        network = load_model(name, restore_generator=False)
        if hasattr(network, "optimizer"):  # it is compiled
            _refuse_own(command, f"the model of {name!r}", loss, optimizer)
            return Shown(name, compile_title(network), network, None)
    else:
        network = load_architecture(name)
    network.compile(optimizer or OPTIMIZER, loss or _fitting_loss(network))
    return Shown(name, compile_title(network), network, None)


def compile_title(model: Model) -> str:
    """The loss and the optimizer of a compiled model, for a heading."""
    loss = model.loss
    named = loss if isinstance(loss, str) else getattr(loss, "__name__", str(loss))
    return f"loss {named}, optimizer {type(model.optimizer).__name__.lower()}"


def _refuse_own(command: str, what: str, loss: str | None, optimizer: str | None) -> None:
    if loss is not None or optimizer is not None:
        raise ArgumentError(
            f"{command}: {what} has a loss and an optimizer of its own; leave --loss and "
            "--optimizer out"
        )


def _fitting_loss(network: Model) -> str:
    activation = getattr(network.layers[-1], "activation", None)
    return _LOSSES.get(activation, _OTHER_LOSS) if activation is not None else _OTHER_LOSS
