"""The comparison of facts that have to be equal on all ranks, made once before they train."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.errors import RankError
from graphc.parallel.meeting import meet
from graphc.parallel.transport import Transport, as_bytes

_MOST_SHOWN = 120
"""Characters of a value in a message."""

_DIGEST_BYTES = 16


def agree(
    where: str, transport: Transport[np.ndarray], host: str, facts: Mapping[str, str]
) -> None:
    """Raise RankError, on every rank, unless all have the same facts.

    Args:
        where: the call, for the message.
        transport: the ranks.
        host: of this rank.
        facts: name -> value: texts to show, such as a version, or digests.
    """
    meet(transport, "a comparison of the ranks")
    if _is_alike(transport, facts):
        return
    stated = json.dumps([host, dict(facts)]).encode()
    of_ranks = [json.loads(one) for one in gather(transport, stated)]
    hosts = [one[0] for one in of_ranks]
    facts_of_ranks = [one[1] for one in of_ranks]
    names = dict.fromkeys(name for one in facts_of_ranks for name in one)
    problems = [
        f"{name}: {_shown([one.get(name, 'none') for one in facts_of_ranks], hosts)}"
        for name in names
        if len({one.get(name) for one in facts_of_ranks}) > 1
    ]
    if problems:
        raise RankError(
            f"{where}: expected the same program, flags, model, data and kind of machine on all "
            f"{transport.size} ranks, received different ones. {'; '.join(problems)}"
        )


def _is_alike(transport: Transport[np.ndarray], facts: Mapping[str, str]) -> bool:
    """Return True, on all ranks, if their facts are equal; takes one short transfer."""
    stated = hashlib.blake2b(json.dumps(dict(facts)).encode(), digest_size=_DIGEST_BYTES).digest()
    whole = np.zeros((transport.size, _DIGEST_BYTES), "uint8")
    whole[transport.rank] = np.frombuffer(stated, "uint8")
    transport.all_gather(as_bytes(whole), [_DIGEST_BYTES] * transport.size).wait()
    return bool((whole == whole[0]).all())


def gather(transport: Transport[np.ndarray], own: bytes) -> list[bytes]:
    """Return the bytes of each rank, of any length."""
    sizes = np.zeros(transport.size, "int64")
    sizes[transport.rank] = len(own)
    transport.all_gather(as_bytes(sizes), [sizes.itemsize] * transport.size).wait()
    whole = np.zeros(sizes.sum(), "uint8")
    ends = np.cumsum(sizes)
    parts = np.split(whole, ends[:-1])
    parts[transport.rank][:] = np.frombuffer(own, "uint8")
    transport.all_gather(whole, sizes.tolist()).wait()
    return [part.tobytes() for part in parts]


def _shown(values: Sequence[str], hosts: Sequence[str]) -> str:
    by_value: dict[str, list[int]] = {}
    for rank, value in enumerate(values):
        by_value.setdefault(value, []).append(rank)
    return ", ".join(
        f"{value[:_MOST_SHOWN]} on {_ranks(ranks, hosts)}" for value, ranks in by_value.items()
    )


def _ranks(ranks: Sequence[int], hosts: Sequence[str]) -> str:
    named = dict.fromkeys(hosts[rank] for rank in ranks)
    numbers = ", ".join(map(str, ranks))
    return f"rank{'s' if len(ranks) > 1 else ''} {numbers} ({', '.join(named)})"
