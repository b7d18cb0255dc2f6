"""Every kernel of the reference models, at their true sizes, as each card would run it: lowered for
its shared memory, compiled for its architecture.

    python -m tests.nvcc.gate             compile, and compare with ledger.json
    python -m tests.nvcc.gate --update    compile, and write ledger.json

A spill, a stack frame (local memory) or a warning of the compiler fails, and so does a kernel that
needs more shared memory than the card has. So does any difference to the ledger, which is printed
as a table, so that a change shows what it did to the kernels: run with --update and commit the
ledger with the change. Its numbers depend on the toolkit; another one than the ledger's compares
the kernels alone, and says so.
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
from graphc.compiler.cards import CARDS, Card
from graphc.compiler.program.kernel_list import KernelList
from graphc.compiler.program.ptxas_text import Resources, read_ptxas
from graphc.compiler.runtime.gpu.nvcc import FLAGS
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS
from tests.nvcc import sass

LEDGER = Path(__file__).with_name("ledger.json")
MOST_KERNELS = {"mlp": 20}

_PROBLEM = re.compile(r"^(?!Remark).*\b(warning|error|fatal)\b")
_TOOLKIT = re.compile(r"V(\d+\.\d+\.\d+)")

_CUBIN = "kernels.cubin"
_MEASURED = ("registers", "shared", "loop", "fma")
_SELDOM = ("matrix", "copies", "local")  # in a row of the ledger only where there are any

Kernels = dict[str, dict[str, int]]
"""Kernel, in the order of running -> registers a thread, bytes of shared memory a block; the
instructions of its main loop and how many of them are multiply-adds; see `sass.Mix` for these and
for `_SELDOM`."""
Ledger = dict[str, dict[str, Kernels]]
"""Model, card -> its kernels."""


@dataclass(frozen=True)
class Tools:
    """The paths of nvcc and nvdisasm."""

    nvcc: str
    nvdisasm: str


@dataclass(frozen=True)
class Compiled:
    """The kernels of one source: resources and instructions by name, and the compiler's problems
    with it."""

    resources: dict[str, Resources]
    mixes: dict[str, sass.Mix]
    problems: list[str]


def assembled(nvcc: str, source: str, arch: str) -> tuple[dict[str, Resources], list[str]]:
    """Compile a source for an architecture, ``sm_75``. Return the resources of each kernel, and the
    problems that the compiler found."""
    with tempfile.TemporaryDirectory(prefix="graphc-gate-") as folder:
        return _assembled(nvcc, source, arch, Path(folder))


def compiled(tools: Tools, source: str, arch: str) -> Compiled:
    """Compile a source for an architecture, and count the instructions of its kernels."""
    with tempfile.TemporaryDirectory(prefix="graphc-gate-") as folder:
        resources_of, problems = _assembled(tools.nvcc, source, arch, Path(folder))
        cubin = Path(folder, _CUBIN)
        mixes = sass.mixes(tools.nvdisasm, cubin) if cubin.is_file() else {}
    return Compiled(resources_of, mixes, problems)


def _assembled(
    nvcc: str, source: str, arch: str, folder: Path
) -> tuple[dict[str, Resources], list[str]]:
    path = folder / "kernels.cu"
    path.write_text(source, encoding="utf-8")
    include = f"-I{resources.folder('kernels')}"
    flags = [*FLAGS, "-Xptxas", "-v", f"-arch={arch}", include]
    command = [nvcc, *flags, str(path), "-o", str(folder / _CUBIN)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).replace(f"{folder}{os.sep}", "")
    problems = [line for line in said.splitlines() if _PROBLEM.search(line)]
    if done.returncode and not problems:
        problems = said.splitlines()[:20]
    return read_ptxas(said), problems


def problems_of(model: str, card: str, kernels: Mapping[str, Resources]) -> list[str]:
    """A sentence for each kernel that spills or uses local memory."""
    return [
        f"{model} {name} on {card}: {used.spilled} bytes spilled, {used.frame} bytes of stack"
        for name, used in kernels.items()
        if used.spilled or used.frame
    ]


def differences(before: Ledger, after: Ledger, counts_only: bool) -> list[tuple[str, ...]]:
    """Rows (model, card, kernel, numbers) of what has changed, ``40 -> 48``; the numbers are those
    of `_MEASURED`, and behind them what is seldom there."""
    rows: list[tuple[str, ...]] = []
    for model in dict.fromkeys((*before, *after)):
        for card in CARDS:
            old, new = (ledger.get(model, {}).get(card, {}) for ledger in (before, after))
            if len(old) != len(new):
                counts = f"{len(old)} -> {len(new)} kernels"
                rows.append((model, card, counts, *[""] * len(_MEASURED), ""))
            if counts_only:
                continue
            for was, now in _changed_kernels(old, new):
                name = was if was == now else f"{was or 'none'} -> {now or 'none'}"
                pair = old.get(was, {}), new.get(now, {})
                cells = [_change(*pair, what) for what in _MEASURED]
                seldom = ((what, *(kernel.get(what, 0) for kernel in pair)) for what in _SELDOM)
                others = [f"{what} {one} -> {other}" for what, one, other in seldom if one != other]
                rows.append((model, card, name, *cells, ", ".join(others)))
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
    was, now = (kernel.get(what, 0) if kernel else "none" for kernel in (before, after))
    return str(now) if was == now else f"{was} -> {now}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows below the heads of `differences`."""
    rows = [("model", "card", "kernel", *_MEASURED, ""), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def lowered(models: Sequence[str]) -> dict[tuple[str, str], KernelList]:
    """The kernels of each model's training step at its own batch, by model and card."""
    found: dict[tuple[str, str], KernelList] = {}
    with config.changed(device="cpu"):
        for reference in map(REFERENCE_MODELS.__getitem__, models):
            step = reference.build().function()
            for card in CARDS:
                found[reference.name, card] = step.kernels(reference.batch, card=card)
    return found


def measured(tools: Tools, lists: Mapping[tuple[str, str], KernelList]) -> tuple[Ledger, list[str]]:
    """All models compiled for all cards, and what is wrong with them."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [(tools, kernels.source, CARDS[card].arch) for (_, card), kernels in lists.items()]
        results = list(pool.map(lambda job: compiled(*job), jobs))
    ledger: Ledger = {}
    problems: list[str] = []
    for ((model, card), kernels), made in zip(lists.items(), results, strict=True):
        problems += [f"{model} on {card}: {line}" for line in made.problems]
        problems += problems_of(model, card, made.resources)
        rows = _rows(kernels, made)
        ledger.setdefault(model, {})[card] = rows
        problems += _too_much_shared(model, CARDS[card], rows)
        most = MOST_KERNELS.get(model)
        if most is not None and len(kernels) > most:
            problems.append(f"{model} on {card}: {len(kernels)} kernels, at most {most}")
    return ledger, problems


def _rows(kernels: KernelList, made: Compiled) -> Kernels:
    dynamic: dict[str, int] = {}  # of a function that several launches share, the most
    for kernel in kernels:
        function = kernel.repeats or kernel.name
        dynamic[function] = max(dynamic.get(function, 0), kernel.shared)
    rows: Kernels = {}
    for name, shared in dynamic.items():
        used, mix = made.resources.get(name), made.mixes.get(name)
        if used is None or mix is None:  # it did not compile
            continue
        seldom = {what: getattr(mix, what) for what in _SELDOM if getattr(mix, what)}
        rows[name] = {
            "registers": used.registers,
            "shared": used.shared + shared,
            "loop": mix.loop,
            "fma": mix.multiply_adds,
            **seldom,
        }
    return rows


def _too_much_shared(model: str, card: Card, kernels: Kernels) -> list[str]:
    return [
        f"{model} {name} on {card.name}: {row['shared']} bytes of shared memory a block, of "
        f"{card.most_shared}"
        for name, row in kernels.items()
        if row["shared"] > card.most_shared
    ]


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
    nvcc, nvdisasm = shutil.which("nvcc"), sass.nvdisasm()
    if nvcc is None:
        print("nvcc gate: there is no nvcc on PATH", file=sys.stderr)
        return 2
    if nvdisasm is None:
        print("nvcc gate: there is no nvdisasm; pip install '.[gate]' brings it", file=sys.stderr)
        return 2
    version = toolkit(nvcc)
    lists = lowered(list(REFERENCE_MODELS))
    ledger, problems = measured(Tools(nvcc, nvdisasm), lists)
    for (model, card), kernels in lists.items():
        print(f"{model} on {card}: {len(kernels)} kernels, {kernels.launches} launches a step")
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
    return re.sub(
        r"\{[^{}]*\}",
        lambda row: " ".join(row[0].split()).replace("{ ", "{").replace(" }", "}"),
        text,
    )


if __name__ == "__main__":
    sys.exit(main())
