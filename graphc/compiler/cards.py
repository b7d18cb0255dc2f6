"""GPUs that code can be generated for without having one, and the facts that a kernel's time
depends on.

Nothing here was measured by graphc. Each number names its source: one of NVIDIA's documents, a
published measurement, or an assumption, which is said to be one.
The documents were not at hand as the numbers were written down: compare before relying on one.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.errors import ArgumentError, suggestion

WARP = 32
"""Lanes of a warp."""


@dataclass(frozen=True)
class Multiprocessor:
    """The facts of a multiprocessor (SM) by its compute capability.

    Source: CUDA C++ Programming Guide, the tables "Technical Specifications per Compute Capability"
    and "Throughput of Native Arithmetic Instructions".

    Attributes:
        float32, float64: results a clock of additions, multiplications and multiply-adds.
        warps, blocks: the most that are resident.
        shared: bytes of shared memory.
    """

    float32: int
    float64: int
    warps: int
    blocks: int
    shared: int

    # The same for each capability below.
    registers = 65_536
    """Registers of 32 bits."""
    register_unit = 256
    """Registers are given to a warp in units of so many (NVIDIA's occupancy calculator)."""
    schedulers = 4
    """Instructions of warps that are issued a clock (tuning guides of Turing to Hopper)."""
    special = 16
    """Results a clock of reciprocals, roots, exponentials, logarithms and sines."""
    shuffles = 32
    """Lanes a clock of shuffles between the lanes of a warp."""
    data_path = 128
    """Bytes a clock of shared memory: 32 banks of 4; loads of the L1 cache share the path."""
    l2_path = 64
    """Bytes a clock between the L2 cache and one multiprocessor (Volta's white paper; assumed of
    the others)."""


MULTIPROCESSORS = {
    (7, 5): Multiprocessor(64, 2, 32, 16, 64 << 10),
    (8, 0): Multiprocessor(64, 32, 64, 32, 164 << 10),
    (8, 6): Multiprocessor(128, 2, 48, 16, 100 << 10),
    (8, 9): Multiprocessor(128, 2, 48, 24, 100 << 10),
    (9, 0): Multiprocessor(128, 64, 64, 32, 228 << 10),
}
"""The facts of a multiprocessor by compute capability."""


@dataclass(frozen=True)
class Card:
    """A GPU: what decides which kernels a graph becomes, and what decides how long they take.

    Attributes:
        name: by which commands and functions know it.
        title: the maker's name for it.
        capability: its compute capability, (major, minor).
        most_shared: bytes of shared memory that a block may have, after it asked for more than
            48 KB (CUDA C++ Programming Guide, table "Technical Specifications per Compute
            Capability").
        multiprocessors: how many it has.
        clock: cycles a second of its multiprocessors, boosted.
        l2: bytes of its L2 cache.
        l2_bytes_a_clock: between the L2 cache and all multiprocessors.
        memory_bandwidth: bytes a second of its device memory.
        l2_latency, memory_latency: cycles until a load has its value.
        source: where the last seven come from.
    """

    name: str
    title: str
    capability: tuple[int, int]
    most_shared: int
    multiprocessors: int
    clock: float
    l2: int
    l2_bytes_a_clock: int
    memory_bandwidth: float
    l2_latency: int
    memory_latency: int
    source: str

    @property
    def arch(self) -> str:
        """Its architecture as nvcc spells it: ``sm_75``."""
        return f"sm_{self.capability[0]}{self.capability[1]}"

    @property
    def multiprocessor(self) -> Multiprocessor:
        """The facts of one of its multiprocessors."""
        return MULTIPROCESSORS[self.capability]

    def peak_flops(self, dtype: str = "float32") -> float:
        """Return the most floating-point operations a second, outside of tensor cores."""
        return peak_flops(self.capability, self.multiprocessors, self.clock, dtype)


_LATENCIES = (
    "pointer chases of github.com/markdewing/AI_kernels, in cycles: V100 221 and 460, RTX 4090 296 "
    "and 636, GH200 281 and 690"
)

CARDS = {
    card.name: card
    for card in (
        Card(
            name="t4",
            title="NVIDIA T4",
            capability=(7, 5),
            most_shared=64 << 10,
            multiprocessors=40,
            clock=1.59e9,
            l2=4 << 20,
            l2_bytes_a_clock=1024,
            memory_bandwidth=320e9,
            l2_latency=221,
            memory_latency=460,
            source="T4 data sheet (8.1 TFLOP/s, 320 GB/s) and Turing's white paper. Assumed: 16 "
            f"slices of L2 of 64 bytes a clock; V100's latencies, of {_LATENCIES}",
        ),
        Card(
            name="rtx4090",
            title="NVIDIA GeForce RTX 4090",
            capability=(8, 9),
            most_shared=99 << 10,
            multiprocessors=128,
            clock=2.52e9,
            l2=72 << 20,
            l2_bytes_a_clock=2048,
            memory_bandwidth=1008e9,
            l2_latency=296,
            memory_latency=636,
            source="Ada's white paper (82.6 TFLOP/s, 1008 GB/s, 72 MB of L2). Assumed: 2048 bytes "
            f"of L2 a clock. Latencies: {_LATENCIES}",
        ),
        Card(
            name="a100",
            title="NVIDIA A100",
            capability=(8, 0),
            most_shared=163 << 10,
            multiprocessors=108,
            clock=1.41e9,
            l2=40 << 20,
            l2_bytes_a_clock=5120,
            memory_bandwidth=1555e9,
            l2_latency=251,
            memory_latency=575,
            source="A100's white paper (SXM4, 40 GB: 19.5 TFLOP/s, 1555 GB/s, 5120 bytes of L2 a "
            f"clock). Assumed: latencies midway between V100's and GH200's, of {_LATENCIES}",
        ),
        Card(
            name="h100",
            title="NVIDIA H100",
            capability=(9, 0),
            most_shared=227 << 10,
            multiprocessors=132,
            clock=1.98e9,
            l2=50 << 20,
            l2_bytes_a_clock=5120,
            memory_bandwidth=3350e9,
            l2_latency=281,
            memory_latency=690,
            source="H100's data sheet and white paper (SXM5: 67 TFLOP/s, 3.35 TB/s). Assumed: "
            f"bytes of L2 a clock as of A100; GH200's latencies, of {_LATENCIES}",
        ),
    )
}
"""One card of each size of shared memory, by name."""


def card_named(name: str, whose: str) -> Card:
    """Return a card by its name; `whose` begins the ArgumentError for another name."""
    if name not in CARDS:
        hint, known = suggestion(name, CARDS), ", ".join(CARDS)
        listed = "" if known in hint else f" Known names: {known}."
        raise ArgumentError(f"{whose}: no card is named {name!r}. {hint}{listed}")
    return CARDS[name]


def peak_flops(
    capability: tuple[int, int], multiprocessors: int, clock: float, dtype: str = "float32"
) -> float:
    """Return the most floating-point operations a second that a GPU does outside of its tensor
    cores: a multiply-add is two. ArgumentError for a compute capability without facts."""
    if capability not in MULTIPROCESSORS:
        given, *known = (f"{major}.{minor}" for major, minor in (capability, *MULTIPROCESSORS))
        raise ArgumentError(
            f"no facts are known of a GPU of compute capability {given}; known are "
            f"{', '.join(known)}"
        )
    facts = MULTIPROCESSORS[capability]
    lanes = facts.float64 if dtype == "float64" else facts.float32
    return 2.0 * lanes * multiprocessors * clock
