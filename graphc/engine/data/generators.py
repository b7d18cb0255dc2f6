"""Batches from a generator: fetched ahead while the device works, counted into epochs."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphc.engine.data.batches import Batch, Shapes, shapes_of
from graphc.engine.data.rank_batches import Collector, Prepared
from graphc.engine.data.workers import OwnProcess, OwnThread, Workers, workers_for
from graphc.errors import ArgumentError, DataError
from graphc.lookup import finite_number, true_or_false, whole_number
from graphc.releases import since

_log = logging.getLogger("graphc")

# The time that the end of training waits for a generator that is making a batch.
_MOST_SECONDS_TO_END = 5.0


class _Ended:
    """The end of a queue: the reason why no further batch follows."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class GeneratorQueue(queue.Queue[Any]):
    """A queue of the next batches of a generator; one thread fills it in order, several workers in
    the order in which they finish.

    The threads start with `begin`, or with the first `get`: a generator may read what callbacks set
    in `on_train_begin`. `get` raises what the generator raised, once the batches before are taken,
    and StopIteration after its last one. `close` ends the threads; batches that nobody took are
    lost.

    Args:
        generator: anything with ``next``.
        max_q_size: the number of batches that are made before they are needed.
        wait_time: the seconds after which a thread that waits for room checks whether it is to end.
        where: the call that uses the queue, for messages.
        late: for the log, what the generator does if it does not end in time.
        workers: the threads or processes that call the generator. A process has a copy, with a seed
            of its own that is drawn from NumPy's global generator.

    Attributes:
        stopped: an event that ends the threads.
    """

    def __init__(
        self,
        generator: Iterator[Any],
        max_q_size: int,
        wait_time: float,
        where: str,
        late: str = "the generator is still making a batch",
        workers: Workers = Workers(),  # noqa: B008  (it does not change)
    ) -> None:
        if not hasattr(generator, "__next__"):
            raise ArgumentError(
                f"{where}: generator: expected a generator (something with next), received "
                f"{type(generator).__name__}; iter(...) makes one of a list"
            )
        super().__init__(whole_number(f"{where}: max_q_size", max_q_size, least=1))
        self.stopped = threading.Event()
        self._generator = generator
        self._wait_time = wait_time
        self._where, self._late = where, late
        self._ended: _Ended | None = None
        self._wanted = workers
        self._workers: list[OwnThread | OwnProcess] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._at_work = 0

    def begin(self) -> None:
        """Start the workers, unless they were started before."""
        if self._threads:
            return
        for _ in range(self._wanted.count):  # a process is forked before a thread runs
            self._workers.append(self._worker())
        self._at_work = len(self._workers)
        name = f"{self._where} generator"
        for worker in self._workers:
            self._threads.append(
                threading.Thread(target=self._fetch, args=(worker,), name=name, daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def _worker(self) -> OwnThread | OwnProcess:
        if not self._wanted.processes:
            return OwnThread(self._generator)
        return OwnProcess(self._generator, int(np.random.randint(2**31 - 1)), self._where)

    def _fetch(self, worker: OwnThread | OwnProcess) -> None:
        while not self.stopped.is_set():
            try:
                batch = worker.take()
            except StopIteration:
                with self._lock:
                    self._at_work -= 1
                    is_last = self._at_work == 0
                if is_last:  # all workers have ended
                    self._offer(_Ended(None))
                return
            except BaseException as error:  # raised again by `get`
                self._offer(_Ended(error))
                return
            self._offer(batch)

    def _offer(self, item: object) -> None:
        while not self.stopped.is_set():
            try:
                self.put(item, timeout=self._wait_time)
            except queue.Full:
                continue
            return

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return the next batch; raises queue.Empty if none comes in time."""
        self.begin()
        if self._ended is None:
            item = super().get(block, timeout)
            if not isinstance(item, _Ended):
                return item
            self._ended = item
        if self._ended.error is not None:
            raise self._ended.error
        raise StopIteration

    def close(self, timeout: float | None = None) -> None:
        """End the workers; waits some seconds for a thread to finish its current batch."""
        patience = _MOST_SECONDS_TO_END if timeout is None else timeout
        self.stopped.set()
        with contextlib.suppress(queue.Empty):  # make room: a thread may wait for it
            super().get(block=False)
        for worker in self._workers:
            worker.close()
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
        if any(thread.is_alive() for thread in self._threads):
            _log.warning(
                "%s: %s after %g s; its thread ends with that, or with the process",
                *(self._where, self._late, patience),
            )

    def __enter__(self) -> GeneratorQueue:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def generator_queue(
    generator: Iterator[Any], max_q_size: int = 10, wait_time: float = 0.05, nb_worker: int = 1
) -> tuple[GeneratorQueue, threading.Event]:
    """Return a queue that a thread fills from a generator, and the event that ends the thread.

    Args:
        generator: anything with ``next``.
        max_q_size: the number of items that are made before they are taken.
        wait_time: the seconds after which a full queue is checked again.
        nb_worker: the number of threads that call the generator; see `GeneratorEnqueuer`.
    """
    where = "generator_queue"
    workers = workers_for(where, generator, nb_worker, False)
    seconds = finite_number(where, "wait_time", wait_time)
    if seconds <= 0:
        raise ArgumentError(f"{where}: wait_time: expected seconds above 0, received {wait_time!r}")
    made = GeneratorQueue(generator, max_q_size, seconds, where, workers=workers)
    made.begin()
    return made, made.stopped


@since("1.2.1")
class GeneratorEnqueuer:
    """A queue that threads or processes fill from a generator, between `start` and `stop`.

    Items of several workers come as they are made, in no order that a second run would repeat.

    Args:
        generator: anything with ``next``. A generator function is called by one thread at a time,
            any other object by all of them at once.
        pickle_safe: True for processes, of which each has a copy of the generator as it is at
            `start`, with a seed of its own. Such a generator should draw its items, or all
            processes give the same; and it cannot call a model.

    Attributes:
        queue: the items, with the methods of `queue.Queue`; None before `start`. Its `get` raises
            the generator's error, and StopIteration after the last item.
    """

    def __init__(self, generator: Iterator[Any], pickle_safe: bool = False):
        true_or_false(type(self).__name__, "pickle_safe", pickle_safe)
        self._generator, self._pickle_safe = generator, pickle_safe
        self.queue: GeneratorQueue | None = None

    def start(self, nb_worker: int = 1, max_q_size: int = 10, wait_time: float = 0.05) -> None:
        """Begin to fill the queue, up to `max_q_size` items ahead."""
        where = f"{type(self).__name__}.start"
        workers = workers_for(where, self._generator, nb_worker, self._pickle_safe)
        if self.is_running():
            raise ArgumentError(f"{where}: it is running; call stop first")
        self.queue = GeneratorQueue(self._generator, max_q_size, wait_time, where, workers=workers)
        self.queue.begin()

    def is_running(self) -> bool:
        """Return True while threads or processes fill the queue."""
        return self.queue is not None and not self.queue.stopped.is_set()

    def stop(self, timeout: float | None = None) -> None:
        """End the thread; items that nobody took are lost.

        Args:
            timeout: seconds to wait for an item that the generator is making; 5 by default.
        """
        if self.queue is not None:
            self.queue.close(timeout)
            self.queue = None


class GeneratorBatches:
    """The batches of a generator; each iteration yields those of one epoch.

    Args:
        source: the queue of the generator's items.
        samples: the number of samples of an epoch, which ends with the batch that reaches it.
        prepare: converts an item of the generator to the arrays of a step; its second argument
            names the batch in errors.
        where: the call that uses the batches, for messages.
        count: the name of the argument that `samples` comes from, for messages.
        collector: makes a batch of the arrays of all ranks.
        beyond: for the warning, what happens to further samples of the last batch.
    """

    def __init__(
        self,
        source: GeneratorQueue,
        samples: int,
        prepare: Callable[[object, str], Prepared],
        where: str,
        count: str,
        collector: Collector,
        beyond: str = "count too",
    ) -> None:
        self._source, self._prepare, self._collector = source, prepare, collector
        self._where, self._count, self._beyond = where, count, beyond
        self.samples = samples
        self._taken = 0
        self._ahead: list[Prepared] = []
        self._most: Shapes | None = None
        self._warned = False

    def first(self, generator: Iterator[Any]) -> Sequence[np.ndarray]:
        """Take and return the first batch before workers run. The first epoch begins with it. The
        number of shards is chosen for it, so no later batch may be larger."""
        first = self._prepared(lambda: next(generator), 0)
        assert first is not None  # a collector that takes parts has no `first`
        self._ahead = [first]
        self._most = shapes_of(first)
        return first

    @property
    def _place(self) -> str:
        return f"{self._where}: batch {self._taken} of the generator"

    def _prepared(self, take: Callable[[], object], seen: int) -> Prepared:
        try:
            item = take()
        except StopIteration:
            raise DataError(
                f"{self._where}: the generator ended after {seen} of {self._count}={self.samples} "
                "samples; a generator goes on for ever (while True), or has as many as are asked "
                "for"
            ) from None
        self._taken += 1
        arrays = self._prepare(item, self._place)
        for array, most in zip(arrays or (), self._most or (), strict=self._most is not None):
            if any(size > limit for size, limit in zip(array.shape, most, strict=True)):
                raise DataError(
                    f"{self._place}: memory: expected no larger "
                    f"array than {most}, for which the number of shards was chosen, "
                    f"received {array.shape}; give the largest batch first, or the number, shards="
                )
        return arrays

    def __iter__(self) -> Iterator[Batch]:
        seen = 0
        while seen < self.samples:
            ahead = self._ahead.pop() if self._ahead else self._prepared(self._source.get, seen)
            size, arrays = self._collector.batch(ahead, self._place)
            seen += size
            yield size, arrays
        if seen > self.samples and not self._warned:
            self._warned = True
            _log.warning(
                "%s: the batches have %d samples together, more than %s=%d; those beyond %s. "
                "Choose a multiple of the batch size",
                self._where,
                seen,
                self._count,
                self.samples,
                self._beyond,
            )


def unpack_batch(item: object, where: str) -> tuple[object, object, object]:
    """Return (x, y, sample_weight or None) from an item of a generator, or from validation data."""
    if isinstance(item, list | tuple) and len(item) in (2, 3):
        return item[0], item[1], item[2] if len(item) == 3 else None
    raise ArgumentError(
        f"{where}: expected (x, y) or (x, y, sample_weight), received {_shown(item)}"
    )


def unpack_inputs(item: object, where: str) -> object:
    """Return the inputs in an item of a generator: x, (x, y) or (x, y, sample_weight)."""
    if not isinstance(item, tuple):
        return item
    if len(item) in (2, 3):
        return item[0]
    raise ArgumentError(
        f"{where}: expected x, (x, y) or (x, y, sample_weight), received {_shown(item)}"
    )


def _shown(item: object) -> str:
    return f"{len(item)} parts" if isinstance(item, list | tuple) else type(item).__name__
