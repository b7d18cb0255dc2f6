"""The timing model on made-up launches, whose times are computed by hand; facts of cards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.cards import CARDS, Card, card_named, peak_flops
from graphc.compiler.timing_model import Demand, estimate, occupancy
from graphc.errors import ArgumentError

# 10 multiprocessors of compute capability 8.0 at 1 GHz: of float32 64 lanes, 4 instructions a clock
# each; 0.65 * 1000 bytes of L2 a clock together, 0.9 * 100 GB/s of device memory.
CARD = Card("made-up", "made up", (8, 0), 163 << 10, 10, 1e9, 1 << 20, 1000, 100e9, 200, 500, "")
LAUNCH = 2e-6
FULL = Demand(blocks=10, threads=1024)


def test_bound_by_device_memory() -> None:
    found = estimate(replace(FULL, memory=9e6, l2=9e6), CARD)
    assert found.limiter == "memory"
    assert found.seconds == pytest.approx(LAUNCH + 100e-6)  # 9 MB at 90 GB/s


def test_what_the_l2_cache_holds_is_read_from_memory_only_when_cold() -> None:
    demand = replace(FULL, memory=0.9e6, l2=6.5e6)
    assert estimate(demand, CARD).resources["memory"] == 0
    warm, cold = estimate(demand, CARD), estimate(demand, CARD, cold=True)
    # 6.5 MB at 650 GB/s take 10 us; through the 64 bytes a clock of each of ten, 10.16 us.
    assert (warm.limiter, warm.seconds) == ("L2", pytest.approx(LAUNCH + 6.5e6 / 640e9))
    assert cold.resources["memory"] == pytest.approx(10e-6)


def test_bound_by_multiply_adds() -> None:
    found = estimate(replace(FULL, float32=64e6, instructions=2e6), CARD)
    assert found.limiter == "float32"
    assert found.seconds == pytest.approx(LAUNCH + 100e-6)  # 640 a clock of all ten
    assert found.resources["issue"] == pytest.approx(50e-6)  # 40 a clock


def test_bound_by_latency() -> None:
    """Two warps a multiprocessor wait for 100 loads, one after another."""
    demand = Demand(blocks=10, threads=64, round_trips=100, instructions=20 * 1000, barriers=10)
    found = estimate(demand, CARD)
    assert found.limiter == "latency"
    # 100 * 200 cycles; 1000 instructions a warp, every second cycle; 10 * 30 cycles.
    assert found.seconds == pytest.approx(LAUNCH + 22.3e-6)
    assert estimate(demand, CARD, cold=True).seconds == pytest.approx(LAUNCH + 52.3e-6)
    # Loads ahead of need: 2000 cycles of instructions are behind the 20000 of loads.
    assert estimate(replace(demand, ahead=True), CARD).seconds == pytest.approx(LAUNCH + 20.3e-6)


def test_one_block_has_one_multiprocessor() -> None:
    found = estimate(Demand(blocks=1, threads=1024, float32=6.4e6), CARD)
    assert found.seconds == pytest.approx(LAUNCH + 100e-6)  # 64 a clock
    assert found.tail == pytest.approx(0.9)
    assert found.waves == pytest.approx(1 / 20)  # two blocks of 32 warps fit each


def test_a_wave_and_a_tenth_take_as_long_as_two() -> None:
    """Eleven blocks that have a multiprocessor for themselves: one of ten has two."""
    alone = Demand(blocks=10, threads=1024, shared=100_000, float32=64e6)
    more = replace(alone, blocks=11, float32=1.1 * 64e6)
    assert occupancy(alone, CARD).blocks == 1
    one, two = estimate(alone, CARD), estimate(more, CARD)
    assert (one.waves, one.tail) == (1, 0)
    assert (two.waves, two.tail) == (pytest.approx(1.1), pytest.approx(0.45))
    assert two.seconds - LAUNCH == pytest.approx(2 * (one.seconds - LAUNCH))


def test_a_launch_of_nothing() -> None:
    found = estimate(Demand(blocks=1, threads=32), CARD)
    assert (found.seconds, found.limiter) == (LAUNCH, "launch")


@pytest.mark.parametrize(
    ("demand", "blocks", "limiter"),
    [
        # NVIDIA's occupancy calculator for compute capability 8.0.
        (Demand(blocks=1, threads=256, registers=32), 8, "warps"),
        (Demand(blocks=1, threads=256, registers=128), 2, "registers"),
        (Demand(blocks=1, threads=256, registers=33), 6, "registers"),  # 40 a lane are given
        (Demand(blocks=1, threads=32), 32, "blocks"),
        (Demand(blocks=1, threads=128, shared=48 << 10), 3, "shared memory"),
        (Demand(blocks=1, threads=1, registers=255), 8, "registers"),
    ],
)
def test_occupancy(demand: Demand, blocks: int, limiter: str) -> None:
    found = occupancy(demand, CARD)
    assert (found.blocks, found.limiter) == (blocks, limiter)
    assert found.warps == blocks * demand.warps / 64


def test_a_block_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="256 registers"):
        estimate(Demand(blocks=1, threads=1024, registers=256), CARD)


AMOUNTS = ("instructions", "float32", "float64", "special", "shuffles", "data_path", "l2", "memory")
DEMANDS = st.builds(
    Demand,
    blocks=st.integers(1, 5000),
    threads=st.sampled_from([32, 96, 128, 256, 512]),
    registers=st.sampled_from([None, 16, 40, 96, 128]),
    shared=st.sampled_from([0, 1000, 40_000]),
    round_trips=st.floats(0, 100),
    ahead=st.booleans(),
    barriers=st.floats(0, 100),
    **{name: st.floats(0, 1e9) for name in AMOUNTS},
)


@given(demand=DEMANDS, name=st.sampled_from((*AMOUNTS, "round_trips", "barriers")), cold=...)
def test_more_work_is_never_faster(demand: Demand, name: str, cold: bool) -> None:
    more = replace(demand, **{name: 2 * getattr(demand, name) + 1})
    for card in CARDS.values():
        assert estimate(more, card, cold).seconds >= estimate(demand, card, cold).seconds


@given(demand=DEMANDS, more=st.integers(1, 200))
def test_more_multiprocessors_are_never_slower(demand: Demand, more: int) -> None:
    for card in CARDS.values():
        larger = replace(card, multiprocessors=card.multiprocessors + more)
        assert estimate(demand, larger).seconds <= estimate(demand, card).seconds * (1 + 1e-12)


@given(demand=DEMANDS)
def test_a_cold_cache_is_never_faster(demand: Demand) -> None:
    for card in CARDS.values():
        assert estimate(demand, card, cold=True).seconds >= estimate(demand, card).seconds


# As NVIDIA's data sheets have them.
@pytest.mark.parametrize(
    ("name", "float32", "float64"),
    [("t4", 8.1, 0.254), ("rtx4090", 82.6, 1.29), ("a100", 19.5, 9.7), ("h100", 67, 34)],
)
def test_peaks_are_those_of_the_data_sheets(name: str, float32: float, float64: float) -> None:
    card = CARDS[name]
    assert card.peak_flops() == pytest.approx(float32 * 1e12, rel=0.02)
    assert card.peak_flops("float64") == pytest.approx(float64 * 1e12, rel=0.02)
    assert card.most_shared <= card.multiprocessor.shared


def test_an_unknown_capability_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"compute capability 6\.1; known are 7\.5, "):
        peak_flops((6, 1), 20, 1e9)


@pytest.mark.parametrize("name", ["v100", "h10"])
def test_an_unknown_card_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"f: no card is named '{name}'") as caught:
        card_named(name, "f")
    assert str(caught.value).count("t4, rtx4090, a100, h100") == 1
