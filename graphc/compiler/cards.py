"""GPUs that code can be generated for without having one: what the choice of kernels depends on."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.errors import ArgumentError, suggestion


@dataclass(frozen=True)
class Card:
    """The properties of a GPU that decide which kernels a graph becomes.

    Attributes:
        name: by which commands and functions know it.
        title: the maker's name for it.
        capability: its compute capability, (major, minor).
        most_shared: bytes of shared memory that a block may have, after it asked for more than
            48 KB (CUDA C++ Programming Guide, table "Technical Specifications per Compute
            Capability").
    """

    name: str
    title: str
    capability: tuple[int, int]
    most_shared: int

    @property
    def arch(self) -> str:
        """Its architecture as nvcc spells it: ``sm_75``."""
        return f"sm_{self.capability[0]}{self.capability[1]}"


CARDS = {
    card.name: card
    for card in (
        Card("t4", "NVIDIA T4", (7, 5), 64 << 10),
        Card("rtx4090", "NVIDIA GeForce RTX 4090", (8, 9), 99 << 10),
        Card("a100", "NVIDIA A100", (8, 0), 163 << 10),
        Card("h100", "NVIDIA H100", (9, 0), 227 << 10),
    )
}
"""One card of each size of shared memory, by name."""


def card_named(name: str, whose: str) -> Card:
    """Return a card by its name; `whose` begins the ArgumentError for another name."""
    if name not in CARDS:
        raise ArgumentError(f"{whose}: no card is named {name!r}. {suggestion(name, CARDS)}")
    return CARDS[name]
