"""The assignment of GPUs to ranks, by the ranks and the GPUs of each host."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from graphc.errors import RankError
from graphc.parallel.agreement import gather
from graphc.parallel.transport import Transport

Seen = tuple[str, Sequence[str]]
"""The host of a rank, and the addresses of the GPUs that it sees, by which ranks of one host know
them."""


def shared_gpu(hosts: Sequence[str], rank: int, visible: int) -> int:
    """Return the index of the GPU that a rank uses among those that it sees: the ranks of a host
    take them in turn, and share them if there are fewer than ranks."""
    return hosts[:rank].count(hosts[rank]) % max(visible, 1)


def own_gpu(transport: Transport[np.ndarray], host: str, visible: Sequence[str]) -> int:
    """Return the index of the GPU that this rank alone uses, among those that it sees.

    Where a launcher lets each rank see a GPU of its own, that is the one.

    Raises:
        RankError: on all ranks, for a host with fewer GPUs than ranks.
    """
    stated = gather(transport, json.dumps([host, list(visible)]).encode())
    ranks: list[Seen] = [(at, seen) for at, seen in map(json.loads, stated)]
    numbers = assigned(ranks)
    number = numbers[transport.rank]
    if number is None or None in numbers:
        raise RankError(
            f"ranks=nccl: expected a GPU for each rank, since NCCL takes one rank a GPU, received "
            f"{_counts(ranks)}. Start as many ranks on a host as it has GPUs, and let each of them "
            "see all, or another one (CUDA_VISIBLE_DEVICES); or use ranks=mpi, whose ranks share "
            "GPUs"
        )
    return number


def assigned(ranks: Sequence[Seen]) -> list[int | None]:
    """Return the index of each rank's GPU among those that it sees: the first that no earlier rank
    took, or None."""
    taken: set[tuple[str, str]] = set()
    numbers: list[int | None] = []
    for host, visible in ranks:
        free = [k for k, address in enumerate(visible) if (host, address) not in taken]
        numbers.append(free[0] if free else None)
        taken.update((host, visible[k]) for k in free[:1])
    return numbers


def _counts(ranks: Sequence[Seen]) -> str:
    of_hosts = Counter(host for host, _ in ranks)
    counts = []
    for host, count in of_hosts.items():
        gpus = {address for one, visible in ranks if one == host for address in visible}
        counts.append(f"{_several(count, 'rank')} and {_several(len(gpus), 'GPU')} on {host}")
    return "; ".join(counts)


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
