"""The number of shards of a step's batch: a given number, or the fewest with which the step fits
into a given memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.amounts import shown_size, size_in_bytes
from graphc.compiler.function import Function, ShardedFunction, StepMemory
from graphc.config import config
from graphc.engine.data.batches import Shapes
from graphc.errors import ArgumentError, FlagError
from graphc.lookup import whole_number

_log = logging.getLogger("graphc")

Plans = dict[tuple[str, int, Shapes], int]
"""The numbers of shards that were chosen, by purpose, limit of memory in bytes and shapes."""

_MOST_PLANS = 64
_MOST_SHOWN = 5  # values in a message


@dataclass(frozen=True)
class Division:
    """The division of batches: into `shards` parts, or, if `memory` is given, into as few as fit
    into that many bytes."""

    shards: int = 1
    memory: int | None = None


_WHOLE = Division()


def division(where: str, shards: object = None, memory: object = None) -> Division:
    """Return the division that a call was given, or else that of the flags `shards` and
    `memory`."""
    if shards is not None and memory is not None:
        raise ArgumentError(
            f"{where}: expected shards={shards!r} or memory={memory!r}, received both: memory "
            "decides how many shards there are"
        )
    if memory is not None:
        return Division(memory=size_in_bytes(f"{where}: memory", memory))
    if shards is not None:
        return Division(whole_number(f"{where}: shards", shards, least=1))
    number = config.shards
    if config.memory == "none":
        return _WHOLE if number == "1" else Division(int(number))
    if number != "1":
        raise FlagError(
            f"{where}: expected one of the flags shards={number} and "
            f"memory={config.memory}, received both: memory decides how many shards there are"
        )
    return Division(memory=size_in_bytes("memory", config.memory))


def planned_shards(
    where: str,
    plans: Plans,
    key: tuple[str, int, Shapes],
    whole: Callable[[], Function],
    divided: Callable[[], ShardedFunction],
) -> tuple[int, ShardedFunction | None]:
    """Return the smallest power of two of shards with which a step fits, and the function, if one
    was made to find out.

    Args:
        where: the call, for messages.
        plans: the numbers that were chosen before. They are kept and saved, so that a training
            that goes on from a file on another machine has the same number.
        key: the key of this step in `plans`.
        whole: makes the function of the whole batch.
        divided: makes one that can be divided into any number of shards.

    Raises ArgumentError where no number fits.
    """
    if key in plans:
        return plans[key], None
    _, nbytes, shapes = key
    found = whole().step_memory(shapes)
    tried, made = [found], None
    if found.total > nbytes:
        made = _divided(where, divided, found, nbytes)
        shards = 2
        while found.total > nbytes and shards <= shapes[0][0]:
            found = made.divided_in(shards).step_memory(shapes)
            tried.append(found)
            shards *= 2
        made = made.divided_in(found.shards)
    if found.total > nbytes:
        raise _unfitting(where, nbytes, shapes[0][0], tried)
    _log.info(
        "%s: memory=%s: a batch of %d samples is taken in %d shard%s, and takes %s at most",
        *(where, shown_size(nbytes), shapes[0][0], found.shards, "s" * (found.shards > 1), found),
    )
    while len(plans) >= _MOST_PLANS:
        del plans[next(iter(plans))]
    plans[key] = found.shards
    return found.shards, made


def _divided(
    where: str, divided: Callable[[], ShardedFunction], whole: StepMemory, nbytes: int
) -> ShardedFunction:
    try:
        return divided()
    except ArgumentError as error:
        raise ArgumentError(
            f"{where}: memory={shown_size(nbytes)}: the whole batch takes {whole}, and it cannot "
            f"be divided: {error}"
        ) from error


def _unfitting(where: str, nbytes: int, samples: int, tried: Sequence[StepMemory]) -> ArgumentError:
    least = min(tried, key=lambda one: one.total)
    values = [f"  {shown_size(use.nbytes):>9}  {use}" for use in least.values[:_MOST_SHOWN]]
    return ArgumentError(
        f"{where}: memory={shown_size(nbytes)}: a batch of {samples} samples fits in no number of "
        f"shards. The least that works is memory={least.total}, which is {least.shards} "
        f"shard{'s' * (least.shards > 1)}: {least}. Pass as much, or a smaller batch. The "
        "largest values:\n" + "\n".join(values)
    )


def check_shards(where: str, shards: int, batch: int) -> None:
    """Raise ArgumentError if a batch has fewer samples than there are shards."""
    if shards > batch:
        raise ArgumentError(
            f"{where}: shards: expected at most the {batch} samples of a batch, of which each "
            f"shard takes a part, received {shards}; pass fewer shards (the argument wins over the "
            "flag `shards`), or a larger batch"
        )
