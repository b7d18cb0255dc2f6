"""The callers of a generator: threads of this process, or processes with a copy of it each."""

from __future__ import annotations

import multiprocessing
import pickle
import random
import signal
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from types import GeneratorType
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DataError
from graphc.lookup import true_or_false, whole_number
from graphc.public.callers import warn

_PATIENCE_SECONDS = 5.0  # for a process that is told to end

_BATCH, _END, _ERROR = "batch", "end", "error"


@dataclass(frozen=True)
class Workers:
    """The number of callers of a generator, and whether they are processes."""

    count: int = 1
    processes: bool = False

    def in_order(self, where: str, why: str = "the outputs are in") -> Workers:
        """Return one worker, for a call that keeps the order of the batches."""
        if self.count > 1:
            warn(
                f"{where}: nb_worker={self.count}: no effect, {why} the order of the generator's "
                "batches, which one worker makes"
            )
        return replace(self, count=1)


def workers_for(
    where: str,
    generator: Iterator[Any],
    nb_worker: object,
    pickle_safe: object,
    name: str = "nb_worker",
) -> Workers:
    """Return the workers that Keras' arguments ask for; `name` is that of the number of workers.

    A generator function, which Python lets no two threads be in, is called by one thread, with a
    warning.

    Raises:
        ArgumentError: another value, or processes where the system cannot fork.
    """
    count = whole_number(f"{where}: {name}", nb_worker, least=1)
    processes = true_or_false(where, "pickle_safe", pickle_safe)
    if processes and "fork" not in multiprocessing.get_all_start_methods():
        raise ArgumentError(
            f"{where}: pickle_safe: expected False on a system that cannot fork a process, "
            f"received True; {name} threads call an object that has __next__"
        )
    if count > 1 and not processes and isinstance(generator, GeneratorType):
        warn(
            f"{where}: {name}={count}: no effect, Python lets one thread at a time into a "
            "generator function; give an object whose __next__ several threads may call, or "
            "pickle_safe=True for processes with a copy of the generator each"
        )
        count = 1
    return Workers(count, processes)


class OwnThread:
    """Calls a generator in this process."""

    def __init__(self, generator: Iterator[Any]) -> None:
        self._generator = generator

    def take(self) -> Any:
        """Return the next batch. StopIteration after the last one."""
        return next(self._generator)

    def close(self) -> None:
        """Do nothing: a thread ends by itself."""


class OwnProcess:
    """Calls a copy of a generator in a process of its own, one batch ahead.

    Args:
        generator: as it is now; what it does later stays in the process.
        seed: of NumPy's global generator and of `random` there.
        where: the call that asks, for messages.
    """

    def __init__(self, generator: Iterator[Any], seed: int, where: str) -> None:
        self._where = where
        context = multiprocessing.get_context("fork")
        self._received, sent = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(generator, seed, self._received, sent), daemon=True
        )
        with warnings.catch_warnings():
            # Python warns of threads beside a fork; the process calls nothing but the generator.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        sent.close()

    def take(self) -> Any:
        """Return the next batch. StopIteration after the last one; what the generator raised."""
        try:
            kind, value = self._received.recv()
        except (EOFError, OSError):
            self._process.join(_PATIENCE_SECONDS)
            raise DataError(
                f"{self._where}: a process that makes batches (pickle_safe=True) ended with the "
                f"exit code {self._process.exitcode}; with pickle_safe=False threads make them"
            ) from None
        if kind == _BATCH:
            return value
        raise value if kind == _ERROR else StopIteration

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join(_PATIENCE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _run(generator: Iterator[Any], seed: int, received: Connection, sent: Connection) -> None:
    """Send the batches of a generator, in the process that makes them."""
    received.close()  # so that this process ends with the one that reads
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which that one answers
    random.seed(seed)
    np.random.seed(seed)
    try:
        while True:
            sent.send((_BATCH, next(generator)))
    except StopIteration:
        sent.send((_END, None))
    except BrokenPipeError:
        pass
    except BaseException as error:
        sent.send((_ERROR, _sendable(error)))


def _sendable(error: BaseException) -> BaseException:
    """Return an error in a form that pickle can send to another process, with its origin."""
    text = "".join(traceback.format_exception(error))
    try:
        copy: BaseException = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = DataError(f"{type(error).__name__}: {error}")
    copy.add_note(f"in a process that makes batches:\n{text}")
    return copy
