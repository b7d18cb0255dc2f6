"""Real PyCUDA over the emulated driver: loads it, compiles for it, and runs things in each order.

Import this before pycuda. $GRAPHC_CUDA_DRIVER is the path of the emulated libcuda.so.1, as
`make test-cuda` sets it. Kernels are CUDA C compiled by g++, or the PTX that nvcc makes, as
$GRAPHC_EMULATE says. With GRAPHC_CUDA_TESTS=gpu the machine's own driver and nvcc are used, and
an order is one more run (benchmarks/gpu_check.py).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from graphc import resources
from graphc.compiler.cards import CARDS, Card
from graphc.compiler.runtime.gpu import cuda as graphc_cuda
from graphc.config import config
from tests.cuda_emulator import nvcc

ORDERS = ("up", "down", "shuffled:1")

ON_GPU = os.environ.get("GRAPHC_CUDA_TESTS") == "gpu"


def _kernel_cache(driver: Path) -> Path:
    """The folder of what graphc compiles: beside the driver, apart for each text of the emulated
    nvcc, and for each way. The cache knows a compiler by its path, size and time of change, and
    this one includes headers."""
    return driver.parent / "kernels" / nvcc.key(os.environ.get("GRAPHC_CUDA_SANITIZE", ""))


def _load_driver() -> Path:
    """Put the emulated driver and its nvcc in the places of the real ones."""
    driver = Path(os.environ["GRAPHC_CUDA_DRIVER"]).resolve()
    # The emulated nvcc lies beside the driver. PyCUDA compiles kernels of its own (gpuarray's) with
    # the nvcc of PATH, and keeps binaries in a cache that is the user's.
    os.environ["PATH"] = os.pathsep.join((str(driver.parent), os.environ["PATH"]))
    os.environ["PYCUDA_DISABLE_CACHE"] = "1"
    config.cuda_cache = _kernel_cache(driver)
    # Loaded by its path first, the library is the one that PyCUDA's extension means by its name.
    ctypes.CDLL(str(driver), mode=ctypes.RTLD_GLOBAL)
    return driver


DRIVER = None if ON_GPU else _load_driver()

from pycuda.compiler import SourceModule  # noqa: E402


def compiled(source: str) -> SourceModule:
    """A module of this CUDA C, which may include the files of kernels/."""
    return SourceModule(
        source,
        no_extern_c=True,
        include_dirs=[str(resources.folder("kernels"))],
    )


_raced_elsewhere = False


def emulate(way: str, raced_elsewhere: bool = False) -> None:
    """Let kernels be compiled to this from then on: 'source' or 'ptx'.

    Args:
        raced_elsewhere: another run looks for races in what follows, so that one order is enough.
    """
    global _raced_elsewhere
    assert DRIVER is not None
    _raced_elsewhere = raced_elsewhere
    os.environ["GRAPHC_EMULATE"] = way
    config.cuda_cache = _kernel_cache(DRIVER)


def forgive() -> None:
    """Undo that a planted fault has ended its context: calls work again, and its memory stays."""
    if DRIVER is not None:
        ctypes.CDLL(str(DRIVER)).emulatedForgive()


@contextmanager
def driver_card(capability: tuple[int, int], most_shared: int = 64 << 10) -> Iterator[None]:
    """Within the block the driver emulates a card of these properties."""
    before = os.environ.get("GRAPHC_CUDA_CARD")
    major, minor = capability
    os.environ["GRAPHC_CUDA_CARD"] = f"{major}.{minor}:{most_shared}"
    try:
        yield
    finally:
        if before is None:
            del os.environ["GRAPHC_CUDA_CARD"]
        else:
            os.environ["GRAPHC_CUDA_CARD"] = before


@contextmanager
def emulated_card(card: Card) -> Iterator[None]:
    """Within the block the driver emulates this card, and graphc chooses kernels for it."""
    device = graphc_cuda.device()
    facts = device.facts
    device.facts = replace(facts, capability=card.capability, shared_opt_in=card.most_shared)
    try:
        with driver_card(card.capability, card.most_shared):
            yield
    finally:
        device.facts = facts


EVERY_CARD = os.environ.get("GRAPHC_CUDA_CARDS") == "all"


def emulated_cards(text: Callable[[Card], str]) -> Iterator[Card]:
    """Emulate cards in turn, from the one with the least shared memory on: those that run another
    text than the ones before; with GRAPHC_CUDA_CARDS=all every card, each of its architecture.

    What is chosen by shared memory asks for at least so much: where the cards with the least and
    the most run one text, those between run it too, and it is not made for them."""
    cards = list(CARDS.values())
    seen: set[str] = set()
    if not EVERY_CARD and text(cards[0]) == text(cards[-1]):
        cards = cards[:1]
    for card in cards:
        code = text(card)
        if EVERY_CARD or code not in seen:
            seen.add(code)
            with emulated_card(card):
                yield card


def orders() -> tuple[str, ...]:
    """The orders to run in: over PTX one, as a race is found in each of them; and one where another
    run looks for races."""
    over_ptx = not ON_GPU and nvcc.way() == "ptx"
    return ORDERS[:1] if over_ptx or _raced_elsewhere else ORDERS


class RaceError(AssertionError):
    """A result that depends on which thread or block has its turn first."""


def in_each_order(run: Callable[[], Any], wanted: Sequence[str] = ()) -> list[Any]:
    """Return the results of `run` in each order of threads and blocks: those `wanted`, by default
    as many as `orders` has."""
    before = os.environ.get("GRAPHC_CUDA_ORDER")
    results = []
    try:
        for order in wanted or orders():
            os.environ["GRAPHC_CUDA_ORDER"] = order
            results.append(run())
    finally:
        if before is None:
            os.environ.pop("GRAPHC_CUDA_ORDER", None)
        else:
            os.environ["GRAPHC_CUDA_ORDER"] = before
    return results


def without_race(run: Callable[[], np.ndarray]) -> np.ndarray:
    """The array that `run` returns; RaceError unless its bits are the same in each order."""
    first, *others = in_each_order(run)
    for order, other in zip(orders()[1:], others, strict=True):
        if first.tobytes() == other.tobytes():
            continue
        rows = [array.reshape(-1, 1).view(np.uint8) for array in (first, other)]  # a row an element
        at = int(np.flatnonzero((rows[0] != rows[1]).any(axis=1))[0])
        raise RaceError(
            f"element {at} is {first.reshape(-1)[at]} in the order {ORDERS[0]} and "
            f"{other.reshape(-1)[at]} in the order {order}: a race, or a missing barrier"
        )
    return first
