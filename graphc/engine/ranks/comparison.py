"""Calls that ranks make together: their arrays and arguments have to be the same on all."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from graphc.config import config
from graphc.engine.data.rank_batches import digest
from graphc.engine.data.stored import Data
from graphc.parallel.agreement import agree
from graphc.parallel.joining import join
from graphc.parallel.transport import Transport, failing_together

_WHOLE_BYTES = 1 << 26
"""The size up to which an array in memory is compared whole, which takes less than 0.1 s."""

_ROWS = 16
"""The number of samples of a larger array that are compared: a file of other data differs in most
of them."""


def compare_call(where: str, arrays: Sequence[Data], **arguments: object) -> None:
    """Raise RankError, on all ranks, unless all of them make this call, with the same arrays and
    arguments."""
    if config.ranks != "none":
        compare_on(join(where, writes=False), where, arrays, arguments)


def called_together(
    where: str, arrays: Sequence[Data], **arguments: object
) -> AbstractContextManager[None]:
    """Compare a call as `compare_call` does, and return a context in which ranks fail together."""
    if config.ranks == "none":  # a prediction of one sample takes some microseconds: do no more
        return _ALONE
    ranks = join(where, writes=False)
    compare_on(ranks, where, arrays, arguments)
    return failing_together(ranks)


_ALONE = nullcontext()


def compare_on(
    ranks: Transport[np.ndarray],
    where: str,
    arrays: Sequence[Data],
    arguments: Mapping[str, object],
) -> None:
    """Compare a call on these ranks; see `compare_call`."""
    if ranks.size > 1:
        # Without the model's name: it differs where a rank has made more models than others.
        call = {"call": where.rpartition(".")[2], **arguments}
        facts = {name: str(value) for name, value in call.items()}
        agree(where, ranks, platform.node(), {**facts, "data": digest_of_data(arrays)})


def digest_of_data(arrays: Sequence[Data]) -> str:
    """Return a digest of each array."""
    return " ".join(digest_of_rows(one) for one in arrays)


def digest_of_rows(array: Data) -> str:
    """Return a digest of an array; of a large one, or one in a file, that of some samples."""
    if isinstance(array, np.ndarray) and array.nbytes <= _WHOLE_BYTES:
        return digest(array)
    rows = np.unique(np.linspace(0, len(array) - 1, _ROWS).astype("int64"))
    some = np.asarray(array.take(rows, axis=0))
    return f"{list(array.shape)} {digest(some)}"
