"""Every kernel of the reference models, at their true sizes, compiled for each card we aim at.

    python -m tests.nvcc.gate             compile, and compare with ledger.json
    python -m tests.nvcc.gate --update    compile, and write ledger.json

A spill, a stack frame (local memory) or a warning of the compiler fails. So does any difference to
the ledger, which is printed as a table, so that a change shows what it did to the kernels: run with
--update and commit the ledger with the change. Registers depend on the toolkit; another one than
the ledger's compares the kernels alone, and says so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from graphc import resources
from graphc.compiler.codegen.kernel_list import KernelList
from graphc.compiler.runtime.gpu.nvcc import FLAGS
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS

LEDGER = Path(__file__).with_name("ledger.json")
CARDS = ("sm_75", "sm_80", "sm_90")
MOST_KERNELS = {"mlp": 20}

_ENTRY = re.compile(r"Compiling entry function '(\w+)'")
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")
_PROBLEM = re.compile(r"^(?!Remark).*\b(warning|error|fatal)\b")
_TOOLKIT = re.compile(r"V(\d+\.\d+\.\d+)")

_MEASURED = ("registers", "shared")

Kernels = dict[str, dict[str, dict[str, int]]]
"""Kernel, card -> registers a thread and bytes of shared memory a block."""
Ledger = dict[str, Kernels]
"""A model's kernels, in the order of running."""


@dataclass(frozen=True)
class Resources:
    """The resources of one kernel by ptxas: all in bytes, but `registers`."""

    registers: int
    shared: int
    frame: int
    spilled: int


def read_ptxas(text: str) -> dict[str, Resources]:
    """The kernels in the output of ``-Xptxas -v``, by name."""
    found: dict[str, Resources] = {}
    for part in re.split(r"(?=ptxas info\s*: Compiling entry)", text):
        name, frame, used = _ENTRY.search(part), _FRAME.search(part), _USED.search(part)
        if name is None or frame is None or used is None:
            continue
        shared = _SHARED.search(part)
        found[name[1]] = Resources(
            registers=int(used[1]),
            shared=int(shared[1]) if shared else 0,
            frame=int(frame[1]),
            spilled=int(frame[2]) + int(frame[3]),
        )
    return found


def compiled(nvcc: str, source: str, card: str) -> tuple[dict[str, Resources], list[str]]:
    """Return the resources of each kernel of a source, and the problems that the compiler found."""
    with tempfile.TemporaryDirectory(prefix="graphc-gate-") as folder:
        path = Path(folder, "kernels.cu")
        path.write_text(source, encoding="utf-8")
        include = f"-I{resources.folder('kernels')}"
        flags = [*FLAGS, "-Xptxas", "-v", f"-arch={card}", include]
        output = str(path.with_suffix(".cubin"))
        done = subprocess.run(
            [nvcc, *flags, str(path), "-o", output], capture_output=True, text=True, check=False
        )
    said = (done.stdout + done.stderr).replace(f"{folder}{os.sep}", "")
    problems = [line for line in said.splitlines() if _PROBLEM.search(line)]
    if done.returncode and not problems:
        problems = said.splitlines()[:20]
    return read_ptxas(said), problems


def problems_of(model: str, card: str, kernels: Mapping[str, Resources]) -> list[str]:
    """A sentence for each kernel that spills or uses local memory."""
    return [
        f"{model} {name} for {card}: {used.spilled} bytes spilled, {used.frame} bytes of stack"
        for name, used in kernels.items()
        if used.spilled or used.frame
    ]


def differences(before: Ledger, after: Ledger, counts_only: bool) -> list[tuple[str, ...]]:
    """Rows (model, kernel, card, registers, shared) of what has changed, ``40 -> 48``."""
    rows: list[tuple[str, ...]] = []
    for model in dict.fromkeys((*before, *after)):
        old, new = before.get(model, {}), after.get(model, {})
        if len(old) != len(new):
            rows.append((model, f"{len(old)} -> {len(new)} kernels", "", "", ""))
        if counts_only:
            continue
        for was, now in _changed_kernels(old, new):
            name = was if was == now else f"{was or 'none'} -> {now or 'none'}"
            for card in CARDS:
                before_it, after_it = (
                    kernels.get(kernel, {}).get(card, {})
                    for kernels, kernel in ((old, was), (new, now))
                )
                other_kind = before_it and _unnumbered(was) != _unnumbered(now)
                if before_it != after_it or other_kind:
                    cells = (_change(before_it, after_it, what) for what in _MEASURED)
                    rows.append((model, name, card, *cells))
    return rows


def _changed_kernels(old: Kernels, new: Kernels) -> list[tuple[str, str]]:
    """Names before and after, '' for none, of the kernels that are not as they were.

    Kernels are numbered in the order of running, so one that is new renames all behind it: what is
    compared is the order of the kinds.
    """
    sides = [[_unnumbered(name) for name in kernels] for kernels in (old, new)]
    names = [list(old), list(new)]
    pairs: list[tuple[str, str]] = []
    for tag, i0, i1, j0, j1 in SequenceMatcher(None, *sides, autojunk=False).get_opcodes():
        matched = zip_longest(names[0][i0:i1], names[1][j0:j1], fillvalue="")
        pairs += [pair for pair in matched if tag != "equal" or old[pair[0]] != new[pair[1]]]
    return pairs


def _unnumbered(name: str) -> str:
    return re.sub(r"^k\d+_", "", name)


def _change(before: Mapping[str, int], after: Mapping[str, int], what: str) -> str:
    was, now = before.get(what, "none"), after.get(what, "none")
    return str(now) if was == now else f"{was} -> {now}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows below the heads of `differences`."""
    rows = [("model", "kernel", "card", "registers", "shared"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def lowered(models: Sequence[str]) -> dict[str, KernelList]:
    """The kernels of each model's training step at its own batch."""
    with config.changed(device="cpu"):
        references = [REFERENCE_MODELS[name] for name in models]
        return {
            one.name: one.build().function().kernels(one.batch, target="cuda") for one in references
        }


def measured(nvcc: str, models: Mapping[str, KernelList]) -> tuple[Ledger, list[str]]:
    """All models compiled for all cards, and what is wrong with them."""
    jobs = [(model, card) for model in models for card in CARDS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: compiled(nvcc, models[job[0]].source, job[1]), jobs))
    ledger: Ledger = {}
    problems: list[str] = []
    for (model, card), (kernels, said) in zip(jobs, results, strict=True):
        problems += [f"{model} for {card}: {line}" for line in said]
        problems += problems_of(model, card, kernels)
        dynamic: dict[str, int] = {}  # of a function that several launches share, the most
        for kernel in models[model]:
            function = kernel.repeats or kernel.name
            dynamic[function] = max(dynamic.get(function, 0), kernel.shared)
        rows = ledger.setdefault(model, {name: {} for name in dynamic})
        for name, used in kernels.items():
            shared = used.shared + dynamic[name]
            rows[name][card] = {"registers": used.registers, "shared": shared}
    for model, most in MOST_KERNELS.items():
        if model in models and len(models[model]) > most:
            problems.append(f"{model}: {len(models[model])} kernels, at most {most}")
    return ledger, problems


def toolkit(nvcc: str) -> str:
    """The toolkit's version, ``13.0.88``."""
    text = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    found = _TOOLKIT.search(text)
    return found[1] if found else text.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 where a kernel is not as it should be, or not as it was."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="write the ledger")
    update = parser.parse_args(arguments).update
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        print("nvcc gate: there is no nvcc on PATH", file=sys.stderr)
        return 2
    version = toolkit(nvcc)
    models = lowered(list(REFERENCE_MODELS))
    ledger, problems = measured(nvcc, models)
    for model, kernels in models.items():
        print(f"{model}: {len(kernels)} kernels, {kernels.launches} launches a step")
    recorded = json.loads(LEDGER.read_text(encoding="utf-8")) if LEDGER.is_file() else {}
    known = recorded.get("toolkit")
    if known not in (None, version):
        print(
            f"the toolkit is {version}, the ledger's is {known}: only the numbers of kernels are "
            "compared"
        )
    rows = differences(recorded.get("models", {}), ledger, known not in (None, version))
    if rows:
        print(f"\nchanged since the ledger:\n{table(rows)}")
    if problems:
        print("\nwrong:\n" + "\n".join(problems))
    if update:
        text = json.dumps({"toolkit": version, "models": ledger}, indent=1)
        LEDGER.write_text(_compact(text) + "\n", encoding="utf-8")
        print(f"\n{LEDGER.name} is written")
    elif rows:
        print("\nif this is what the change was to do: make nvcc-gate UPDATE=1")
    return 1 if problems or (rows and not update) else 0


def _compact(text: str) -> str:
    """JSON with the innermost objects on one line: a line of a diff is a kernel on a card."""
    return re.sub(r"\{\s*(\"registers\": \d+),\s*(\"shared\": \d+)\s*\}", r"{\1, \2}", text)


if __name__ == "__main__":
    sys.exit(main())
