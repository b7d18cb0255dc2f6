"""The machine code of kernels (SASS), disassembled by nvdisasm: which instructions, and in which
loop most of the arithmetic is.

nvdisasm is a wheel, nvidia-cuda-nvdisasm (`pip install '.[gate]'`), since not every toolkit has it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_WHEEL = "nvidia/cu13/bin/nvdisasm"

_FUNCTION = re.compile(r"^\.text\.(\w+):$")
_LABEL = re.compile(r"^(\.L\w+):$")
_INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]+)\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*)")
_BRANCH = re.compile(r"`\((\.L\w+)\)")

_MULTIPLY_ADDS = ("FFMA", "DFMA", "HFMA2")
_LOCAL = ("LDL", "STL")


@dataclass(frozen=True)
class Instruction:
    """One machine instruction: its opcode with modifiers, ``LDG.E.128``, and the label that it
    branches to, if it does."""

    opcode: str
    target: str | None

    @property
    def base(self) -> str:
        """The opcode without modifiers."""
        return self.opcode.partition(".")[0]


@dataclass(frozen=True)
class Mix:
    """The instructions of one kernel.

    Attributes:
        instructions: of the whole kernel, padding excluded.
        loop: instructions of the main loop: the innermost loop with the most multiply-adds, or with
            the most instructions where none multiplies; 0 without a loop.
        multiply_adds: those of the main loop on the cores for float32 and float64.
        matrix: instructions of the kernel for the tensor cores (HMMA, IMMA, DMMA, GMMA).
        copies: asynchronous copies from global into shared memory (LDGSTS).
        local: loads from local memory, and stores to it (LDL, STL): spills, and arrays that no
            register holds.
    """

    instructions: int
    loop: int
    multiply_adds: int
    matrix: int
    copies: int
    local: int


def nvdisasm() -> str | None:
    """Return the path of nvdisasm: the wheel's, or the toolkit's on PATH; None without one."""
    wheel = Path(sysconfig.get_path("purelib"), _WHEEL)
    return str(wheel) if wheel.is_file() else shutil.which("nvdisasm")


def mixes(tool: str, cubin: Path) -> dict[str, Mix]:
    """Return the instruction mix of each kernel of a cubin, by name."""
    done = subprocess.run([tool, "-c", str(cubin)], capture_output=True, text=True, check=True)
    return read_mixes(done.stdout)


def read_mixes(text: str) -> dict[str, Mix]:
    """Return the instruction mix of each kernel in what nvdisasm wrote, by name."""
    found: dict[str, Mix] = {}
    body: list[Instruction] = []
    labels: dict[str, int] = {}
    name = ""
    for line in [*text.splitlines(), ".text.end:"]:
        if function := _FUNCTION.match(line):
            if name:
                found[name] = _mix(body, labels)
            name, body, labels = function[1], [], {}
        elif label := _LABEL.match(line):
            labels[label[1]] = len(body)
        elif (instruction := _INSTRUCTION.match(line)) and instruction[2] != "NOP":
            branch = _BRANCH.search(instruction[3])
            jumps = branch is not None and instruction[2].startswith(("BRA", "BRX"))
            body.append(Instruction(instruction[2], branch[1] if branch and jumps else None))
    return found


def _mix(body: Sequence[Instruction], labels: dict[str, int]) -> Mix:
    # A branch to itself ends each function; nothing comes to it.
    ends = bool(body) and labels.get(body[-1].target or "") == len(body) - 1
    body = body[:-1] if ends else body
    loops = [body[start : end + 1] for start, end in _innermost(_loops(body, labels))]
    main = max(loops, key=lambda loop: (_count(loop, _MULTIPLY_ADDS), len(loop)), default=())
    return Mix(
        instructions=len(body),
        loop=len(main),
        multiply_adds=_count(main, _MULTIPLY_ADDS),
        matrix=sum(one.base.endswith("MMA") for one in body),
        copies=_count(body, ("LDGSTS",)),
        local=_count(body, _LOCAL),
    )


def _loops(body: Sequence[Instruction], labels: dict[str, int]) -> set[tuple[int, int]]:
    """The first and last instruction of each loop: from where a branch backwards leads to the
    branch."""
    ends = ((labels.get(one.target or "", end + 1), end) for end, one in enumerate(body))
    return {(start, end) for start, end in ends if start <= end}


def _innermost(loops: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The loops that hold no other one."""
    loops = list(loops)
    return [
        (start, end)
        for start, end in loops
        if not any(
            start <= first and last <= end and (first, last) != (start, end)
            for first, last in loops
        )
    ]


def _count(body: Iterable[Instruction], bases: Sequence[str]) -> int:
    return sum(one.base in bases for one in body)
