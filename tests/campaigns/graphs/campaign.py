"""The campaign of graphs: random graphs on each target, against an evaluator of its own."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.runtime.cpu.toolchain import compiler_path
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.check import SECOND, faults
from tests.campaigns.graphs.differences import gradient_fault
from tests.campaigns.graphs.generator import drawn_program
from tests.campaigns.graphs.printed import as_python
from tests.campaigns.graphs.reducer import reduced
from tests.campaigns.graphs.targets import Target

GROUP = 20  # graphs of two translation units, with passes and without
GRADIENTS = 4  # of one in so many graphs are compared with differences, which take long
REDUCING_SECONDS = 60  # for each failure


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the campaign."""
    parser.add_argument("--compiler", default="", help="g++ or clang++; what graphc finds if none")
    parser.add_argument(
        "--level", type=int, help="of the compiler's -O; without it 3 for 30 %% of the graphs, or 1"
    )
    parser.add_argument(
        "--threads", default="", help="such as 1,2,3: the same bits on each of these numbers"
    )
    parser.add_argument(
        "--cuda",
        action="store_true",
        help="CUDA on the emulated driver instead of native code, by .venv-cuda's Python and with "
        "GRAPHC_CUDA_DRIVER, as make test-cuda sets it",
    )


def missing(options: argparse.Namespace) -> str:
    """Return what the machine lacks."""
    if options.cuda:
        return "" if "GRAPHC_CUDA_DRIVER" in os.environ else "GRAPHC_CUDA_DRIVER is not set"
    if options.compiler and shutil.which(options.compiler) is None:
        return f"there is no {options.compiler}"
    return "" if compiler_path() else "this machine has no C++ compiler"


def run(cases: Cases) -> Iterator[Result]:
    """Yield what became of graphs: interpreted, and compiled in two translation units of many."""
    programs = {index: drawn_program(cases.random(index)) for index in cases}
    found: dict[int, tuple[Target | None, str]] = {}
    for index, program in programs.items():
        text = gradient_fault(program) if index % GRADIENTS == 0 else ""
        if text:
            found[index] = None, text
    for target, chosen in _targets(cases):
        left = [index for index in chosen if index not in found]
        wrong = faults([programs[index] for index in left], target) if left else {}
        found |= {left[k]: (target, text) for k, text in wrong.items()}
    for index, program in programs.items():
        fault = ""
        if index in found:
            fault = _described(program, *found[index])
        yield Result(index, fault, {"nodes": g.count_nodes(program.outputs)})


def _targets(cases: Cases) -> Iterator[tuple[Target, list[int]]]:
    """Yield the targets, each with the graphs that it computes: the interpreter all of them, with
    passes and without, generated code each of them in one of these ways."""
    options = cases.options
    every = list(cases)
    for passes in (False, True):
        yield Target("numpy", passes), every
    level = options.level
    if level is None:
        level = 3 if np.random.default_rng([cases.seed, every[0] // GROUP]).random() < 0.3 else 1
    threads = tuple(int(count) for count in options.threads.split(",") if count)
    for passes in (True, False):
        chosen = [index for index in every if (index % 3 > 0) == passes]
        yield (
            Target("cuda" if options.cuda else "native", passes, level, options.compiler, threads),
            chosen,
        )


def _described(program: Program, target: Target | None, fault: str) -> str:
    """Return the fault of a program, and the smallest program with one of its kind."""

    def fails(candidate: Program) -> str:
        if target is None:
            return gradient_fault(candidate)
        return faults([candidate], target).get(0, "")

    if SECOND in fault and program.grown is not None and fails(program.grown):
        program = program.grown
    smallest, at_last = reduced(program, fault, fails, REDUCING_SECONDS)
    text = as_python(smallest, target)
    return f"{target or 'gradients'}\n{fault}\nreduced: {at_last}\n\n{text}"


CAMPAIGN = Campaign(
    "graphs",
    "random graphs on each target, against an evaluator in extended precision",
    run,
    add_options,
    missing,
    group=GROUP,
    limit=1800,
)
