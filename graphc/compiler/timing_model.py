"""The time of a launch on a card, from what it demands: a roofline with waves, tails and latency.

A launch takes as long as its scarcest resource: an issue slot, a pipeline, shared memory, the L2
cache, device memory. What a multiprocessor does is counted for the one that has most blocks, so a
last wave that is not full costs what it does. Where warps are too few to hide latencies, a launch
takes as long as its blocks one after another. To the larger of the two comes what each launch
costs.

No GPU has checked this model. What is assumed is in the constants below; the facts of the cards are
in `cards`.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.cards import WARP, Card

VERSION = 1
"""Of the formulas and the constants: predictions name it."""

LAUNCH_SECONDS = 2e-6
"""The cost of each launch on the device, beside its work. Assumed: NVIDIA's "Getting Started with
CUDA Graphs" has about 1 microsecond between two kernels, and calls one of 3 microseconds short."""

MEMORY_SUSTAINED, L2_SUSTAINED = 0.9, 0.65
"""The part of these bandwidths that kernels reach. Assumed, as copies are said to do."""

ISSUE_INTERVAL = 2
"""Cycles between two instructions of one warp: 4 where one needs the other's result, 1 where not
(Jia et al., "Dissecting the NVIDIA Turing T4 GPU"); assumed between."""

BARRIER_CYCLES = 30
"""Cycles that a barrier of a block takes, as an access to shared memory does. Assumed."""

BLOCK_SHARED = 1024
"""Bytes of shared memory that the system takes of each block, from compute capability 8.0 on (CUDA
C++ Programming Guide)."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The amounts of a card's resources that one launch needs, all blocks and warps together.

    Attributes:
        blocks, threads: blocks of the grid, threads of a block.
        registers: of a thread; None where they are not known and do not limit the occupancy.
        shared: bytes of shared memory of a block.
        instructions: that warps issue.
        float32, float64, special, shuffles: lanes' results of these pipelines; a multiply-add is
            one.
        data_path: bytes by which shared memory and the L1 cache are busy: 128 a pass.
        l2: bytes that are moved between the L2 cache and the multiprocessors.
        memory: bytes of device memory that have to be moved: each input once, each output once.
        round_trips: loads that a warp waits for one after another.
        ahead: whether it computes meanwhile, as products do, which load the next tile.
        barriers: of a block.
    """

    blocks: int
    threads: int
    registers: int | None = None
    shared: int = 0
    instructions: float = 0
    float32: float = 0
    float64: float = 0
    special: float = 0
    shuffles: float = 0
    data_path: float = 0
    l2: float = 0
    memory: float = 0
    round_trips: float = 0
    ahead: bool = False
    barriers: float = 0

    @property
    def warps(self) -> int:
        """Warps of a block."""
        return -(-self.threads // WARP)


@dataclass(frozen=True)
class Occupancy:
    """The blocks of a launch that a multiprocessor has at a time.

    Attributes:
        blocks: how many; 0 where not one fits.
        warps: the part of the warps that it could have, from 0 to 1.
        limiter: what keeps it from having more: 'registers', 'shared memory', 'warps' or 'blocks'.
    """

    blocks: int
    warps: float
    limiter: str


@dataclass(frozen=True)
class Estimate:
    """The estimated time of one launch.

    Attributes:
        seconds: with what a launch costs by itself.
        limiter: a key of `resources`, that which takes longest; 'launch' where that cost is more.
        resources: seconds that each resource takes alone, and 'latency'.
        occupancy: of a multiprocessor.
        waves: the grid's blocks, of those that all multiprocessors have at a time.
        tail: the part of the multiprocessors' time in which they have no block, since another still
            has one.
    """

    seconds: float
    limiter: str
    resources: dict[str, float]
    occupancy: Occupancy
    waves: float
    tail: float


def occupancy(demand: Demand, card: Card) -> Occupancy:
    """Return how many blocks of a launch are resident on a multiprocessor."""
    facts = card.multiprocessor
    limits = {"warps": facts.warps // demand.warps, "blocks": facts.blocks}
    if demand.registers:
        unit = facts.register_unit
        of_warp = -(-demand.registers * WARP // unit) * unit
        # Warps belong to schedulers, of which each has its part of the registers.
        resident = facts.registers // facts.schedulers // of_warp * facts.schedulers
        limits["registers"] = resident // demand.warps
    of_block = demand.shared + (BLOCK_SHARED if card.capability >= (8, 0) else 0)
    if demand.shared:
        limits["shared memory"] = facts.shared // of_block
    limiter = min(limits, key=lambda name: limits[name])
    blocks = limits[limiter]
    return Occupancy(blocks, blocks * demand.warps / facts.warps, limiter)


def estimate(demand: Demand, card: Card, cold: bool = False) -> Estimate:
    """Estimate the time of a launch.

    Args:
        demand: of a launch of one block at least, of which one at least fits a multiprocessor.
        cold: whether nothing is in the L2 cache before; else all that a launch moves is, unless it
            is more than the cache holds.
    """
    resident = occupancy(demand, card)
    if not resident.blocks:
        raise ValueError(
            f"a block of {demand.threads} threads, {demand.registers} registers and "
            f"{demand.shared} bytes of shared memory does not fit a multiprocessor of {card.title}"
        )
    busiest = -(-demand.blocks // card.multiprocessors)  # the blocks of one multiprocessor
    from_memory = cold or demand.memory > card.l2
    resources = _on_multiprocessor(demand, card, busiest / demand.blocks)
    resources["L2"] = max(
        resources["L2"], demand.l2 / (card.l2_bytes_a_clock * L2_SUSTAINED * card.clock)
    )
    resources["memory"] = (
        demand.memory / (card.memory_bandwidth * MEMORY_SUSTAINED) if from_memory else 0.0
    )
    turns = -(-busiest // resident.blocks)
    resources["latency"] = turns * _serial_seconds(demand, card, from_memory)
    longest = max(resources, key=lambda name: resources[name])
    return Estimate(
        seconds=LAUNCH_SECONDS + resources[longest],
        limiter=longest if resources[longest] > LAUNCH_SECONDS else "launch",
        resources=resources,
        occupancy=resident,
        waves=demand.blocks / (card.multiprocessors * resident.blocks),
        tail=1 - demand.blocks / (card.multiprocessors * busiest),
    )


def _on_multiprocessor(demand: Demand, card: Card, part: float) -> dict[str, float]:
    """Return the seconds that the resources of a multiprocessor are busy with a part of a launch's
    work."""
    facts = card.multiprocessor
    cycles = {
        "issue": demand.instructions / facts.schedulers,
        "float32": demand.float32 / facts.float32,
        "float64": demand.float64 / facts.float64,
        "special": demand.special / facts.special,
        "shuffles": demand.shuffles / facts.shuffles,
        "shared/L1": demand.data_path / facts.data_path,
        "L2": demand.l2 / facts.l2_path,
    }
    return {name: part * count / card.clock for name, count in cycles.items()}


def _serial_seconds(demand: Demand, card: Card, from_memory: bool) -> float:
    """Return the seconds of a block that has a multiprocessor for itself, by latencies alone."""
    latency = card.memory_latency if from_memory else card.l2_latency
    waiting = demand.round_trips * latency
    computing = ISSUE_INTERVAL * demand.instructions / (demand.blocks * demand.warps)
    both = max(waiting, computing) if demand.ahead else waiting + computing
    return (both + demand.barriers * BARRIER_CYCLES) / card.clock
