"""The code that nvcc makes of the main loop of a large product: python benchmarks/gemm_ptx.py

No card is needed, and no time is measured. For float32 products of 4096 x 4096 by 4096 x 4096, in
all four transpositions, it prints for the loop over k: fused multiply-adds and their share of all
instructions, 16-byte loads from shared and from global memory, accesses to local memory; and for
the kernel: registers, spilled bytes, shared memory and the occupancy that they allow. The
instructions are those of the machine where nvdisasm is on PATH, else those of PTX, before ptxas
allocates registers.

The floor. A product of 4096^3 takes 137.4 GFLOP and moves at least 201 MB: 683 FLOP a byte. A card
of the H100's data sheet (67 TFLOP/s, 3.35 TB/s) is bound by arithmetic, 2.05 ms against 0.06. A
scheduler issues one instruction a cycle, a multiply-add of a warp takes one cycle, so the share of
multiply-adds in the loop bounds what part of the peak it can reach. For each k a thread of 16 x 8
sums reads 24 floats with 6 loads: at most 128 of 134 instructions, 95.5%, are multiply-adds.

The prediction, to be held against a card. Beside these loads a step of 8 along k has 4 loads from
global memory, 4 to 16 stores to shared memory and about 30 instructions for addresses, the loop and
the barrier: a share of 91% to 93%. 1,024 blocks, two a multiprocessor, are 3.9 waves on 132
multiprocessors, of which the last one is nearly full: 97%. So at most 0.88 to 0.90 of the peak.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphc import resources
from graphc.compiler import graph as g
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import launches

SIZE = 4096
TRANSPOSITIONS = {"a b": (False, False), "a bT": (False, True), "aT b": (True, False)}
TRANSPOSITIONS["aT bT"] = (True, True)
FLAGS = ("-std=c++17", "-I", str(resources.folder("kernels")))


@dataclass(frozen=True)
class Card:
    """Limits of a multiprocessor (CUDA C++ Programming Guide, "Compute Capabilities")."""

    arch: str
    registers: int
    shared: int
    warps: int
    blocks: int

    def resident(self, threads: int, registers: int, shared: int) -> int:
        """Blocks that run on a multiprocessor at a time."""
        warps = threads // 32
        each = -(-registers * 32 // 256) * 256 * warps  # registers are given to warps by 256
        limits = [self.warps // warps, self.registers // each, self.blocks]
        return min(*limits, self.shared // (shared + 1024))  # the system takes 1 KB a block


CARDS = (
    Card("sm_80", 65_536, 164 * 1024, 64, 32),
    Card("sm_90", 65_536, 228 * 1024, 64, 32),
)


def loops(lines: Sequence[str]) -> Iterator[list[str]]:
    """The instructions between each label and a later branch back to it."""
    labels: dict[str, int] = {}
    instructions: list[str] = []
    for line in lines:
        label = re.match(r"\s*([.$]L\w+):", line)
        if label:
            labels[label[1]] = len(instructions)
            continue
        found = re.search(r"(?:/\*[0-9a-f]{4,}\*/)?\s*((?:@!?%?\w+ )?[A-Za-z][\w.:]*.*);", line)
        if not found:
            continue
        instructions.append(re.sub(r"^@!?%?\w+\s+", "", found[1].strip()))
        target = re.search(r"^(?:bra|BRA)\b.*?([.$]L\w+)", instructions[-1])
        if target and target[1] in labels:
            yield instructions[labels[target[1]] :]


def main_loop(lines: Sequence[str]) -> Counter[str]:
    """Count the instructions in the loop with the most multiply-adds."""
    counts = (Counter(text.split()[0] for text in loop) for loop in loops(lines))
    return max(counts, key=lambda count: total(count, r"fma\.|FFMA|DFMA"))


def total(counts: Counter[str], pattern: str) -> int:
    """Return the number of instructions whose names begin like the pattern."""
    return sum(count for name, count in counts.items() if re.match(pattern, name))


def report(name: str, source: str, card: Card, threads: int, folder: Path) -> str:
    """One line: what is in a kernel's main loop, and what the kernel takes."""
    path, binary = folder / "kernel.cu", folder / "kernel.cubin"
    path.write_text(source)
    command = ["nvcc", *FLAGS, f"-arch={card.arch}", str(path), "-o", str(binary)]
    said = _run([*command, "-cubin", "-Xptxas", "-v"], errors=True)
    registers = int(re.search(r"Used (\d+) registers", said)[1])
    shared = int(re.search(r"(\d+) bytes smem", said)[1])
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", said)))
    if shutil.which("nvdisasm"):
        text = _run(["nvdisasm", "-c", str(binary)])
    else:
        _run([*command, "-ptx"])
        text = binary.read_text()
    counts = main_loop(text.splitlines())
    multiply_adds = total(counts, r"fma\.|FFMA")
    resident = card.resident(threads, registers, shared)
    return (
        f"{card.arch}  {name:6} {multiply_adds:6} {multiply_adds / counts.total():7.1%}"
        f" {total(counts, r'ld.shared.v4|LDS.128'):11}"
        f" {total(counts, r'ld.global(.nc)?.v4|LDG.E.128'):11}"
        f" {total(counts, r'(ld|st).local|LDL|STL'):6} {registers:10} {spilled:8} {shared:7}"
        f" {resident:7} {resident * threads // 32 / card.warps:10.0%}"
    )


def _run(command: Sequence[str], errors: bool = False) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr if errors else done.stdout


def main() -> None:
    kind = "machine" if shutil.which("nvdisasm") else "PTX (nvdisasm is not on PATH)"
    print(f"float32, {SIZE} x {SIZE} by {SIZE} x {SIZE}; instructions of the {kind}")
    print(
        "arch   what    fma     share  ld.shared.v4 ld.global.v4 local  registers  spilled"
        "  shared  blocks  occupancy"
    )
    for card in CARDS:
        for name, transposed in TRANSPOSITIONS.items():
            factors = [g.input((SIZE, SIZE), "float32") for _ in transposed]
            left, right = (
                g.transpose(x) if turn else x for x, turn in zip(factors, transposed, strict=True)
            )
            program = lower([g.matmul(left, right)])
            (launch,) = launches(program.steps)
            with tempfile.TemporaryDirectory() as folder:
                print(report(name, program.source, card, launch.block[0], Path(folder)))


if __name__ == "__main__":
    main()
