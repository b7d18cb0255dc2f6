"""``graphc dump``: the kernels that a model's training step becomes, on a GPU or as native code."""

from __future__ import annotations

import argparse
import json

from graphc.cli.command import Command
from graphc.cli.subject import add_subject_arguments, compiled_model, named_sizes
from graphc.compiler.cards import CARDS
from graphc.compiler.function.loop_programs import LoopPrograms
from graphc.compiler.function.pass_list import PassList
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.memory_report import MemoryReport
from graphc.compiler.program.table import wrapped
from graphc.config import config
from graphc.errors import ArgumentError
from graphc.reference_models import REFERENCE_MODELS


def _run(arguments: argparse.Namespace) -> None:
    shown_alone = ("loops", "memory", "passes", "source")
    several = [f"--{one}" for one in shown_alone if getattr(arguments, one)]
    if len(several) > 1:
        raise ArgumentError(
            f"dump: {' and '.join(several)} show different things; leave all but one out"
        )
    if arguments.passes and (arguments.batch is not None or arguments.size):
        raise ArgumentError("dump: --passes holds for all sizes; leave --batch and --size out")
    sizes = named_sizes("dump", arguments.size)
    target, card = arguments.target, arguments.card
    with config.changed(device="cpu"):  # lowering needs no GPU, whatever the flag says
        shown = compiled_model("dump", arguments.model, arguments.loss, arguments.optimizer)
        batch = shown.batch if arguments.batch is None else arguments.batch
        report: KernelList | MemoryReport | LoopPrograms | PassList
        if arguments.passes:
            report = shown.model.passes(target=target, card=card)
        elif arguments.loops:
            report = shown.model.loop_programs(batch, sizes, target=target, card=card)
        elif arguments.memory:
            report = shown.model.memory_report(batch, sizes, target=target, card=card)
        else:
            report = shown.model.kernels(batch, sizes, target=target, card=card)
        estimated = None
        if card is not None and not several:
            estimated = shown.model.time_report(batch, sizes, card=card)
    if arguments.source and isinstance(report, KernelList):
        print(report.source, end="")
    elif arguments.json:
        head = {"model": shown.name, "summary": shown.summary}
        tail = {} if estimated is None else {"estimate": estimated.as_dict()}
        print(json.dumps(head | report.as_dict() | tail, indent=1))
    else:
        print("\n".join(wrapped(f"{shown.name}: {shown.summary}", "")), end="\n\n")
        print(report)
        if estimated is not None:
            print(f"\n{estimated}")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(REFERENCE_MODELS)
    parser.add_argument(
        "model",
        metavar="MODEL",
        help=f"{names}, or the path of an architecture in JSON or YAML, or of a saved model (.h5)",
    )
    add_subject_arguments(parser)
    parser.add_argument(
        "--card",
        choices=CARDS,
        help="a GPU: the kernels that it would run, and an estimate of their time, for which nvcc "
        "is run where it is on PATH (default: kernels that fit all of these)",
    )
    parser.add_argument(
        "--memory", action="store_true", help="show the memory that a step takes, value by value"
    )
    parser.add_argument(
        "--loops", action="store_true", help="show each kernel as loops over elements of arrays"
    )
    parser.add_argument(
        "--passes", action="store_true", help="show what each pass changes in the graph"
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
compiler. With --card the time of each kernel on that GPU is estimated, too: its limiter, the part
of the warps that are resident, waves of blocks, and the idle tail of the last one. No card has
checked these estimates. With --target cpu a kernel is a function of the C++ program that runs a
step on a CPU. With --loops each kernel is a loop program: what it computes, as loops over elements
of arrays. A kernel that runs by a mapping is shown as it runs, too, with the mapping's name, and
why not by those that are tried ahead of it. With --passes the passes over the graph are listed,
those of the target last, with the rules that applied, and why a target has them;
GRAPHC_FLAGS=dump=FOLDER writes the graph after each of them to a file.

An architecture is what Keras 1.0's model.to_json() or to_yaml() wrote, a saved model what
model.save() did; nothing in them is executed.

examples:
  graphc dump mlp
  graphc dump mlp --source > mlp.cu         the CUDA source of all kernels
  graphc dump mlp --target cpu --source     the C++ that a CPU runs
  graphc dump lstm --batch 8 --json         the same facts for a program to read
  graphc dump lstm --card h100              that GPU's kernels, and their times
  graphc dump cnn --memory                  what a step takes of a GPU's memory
  graphc dump mlp --loops                   what each kernel computes, as loops
  graphc dump lstm --passes                 what each pass changes in the graph
  graphc dump model.json --optimizer adam   a network of your own
""",
    run=_run,
    add_arguments=_add_arguments,
)
