"""The transport over MPI, through mpi4py, which this file alone imports, on first use.

All calls of MPI return at once, under a lock, so that a library that serves one thread at a time
suffices for those that call it, and a wait can be ended by a failure of another rank or by
Ctrl-C: a wait inside of MPI hears of neither. MPI moves the bytes of a large message while it is
called and not otherwise, so a thread calls it while a rank computes.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from graphc.errors import MissingPackageError, RankError
from graphc.parallel.heartbeat import SILENCE_SECONDS, Heartbeat, MessageKind
from graphc.parallel.last_words import write_out
from graphc.parallel.launcher import Launcher, find_launcher
from graphc.parallel.starting import watch_over_start
from graphc.parallel.transport import Transfer, check_exchange, check_parts, check_root
from graphc.parallel.waiting import own_processors, spin_seconds, wait_until

FIX = (
    "python -m pip install mpi4py mpich (an MPI from wheels), or on a cluster, for its own MPI, "
    "python -m pip install --no-binary=mpi4py mpi4py"
)

LONG_BYTES = 2**14
"""From which on a part of an all_gather is a message to each rank."""

PROGRESS_SECONDS = 0.5e-3
"""Between two calls of MPI by that thread, each of which takes some microseconds."""

_lock = threading.Lock()
_joined: Mpi | None = None


class Mpi:
    """The ranks that an MPI launcher started; `join_mpi` makes the one of this process."""

    def __init__(self, mpi: Any, finalizes: bool) -> None:
        """`finalizes`: graphc ends MPI with the ranks; otherwise the program, which started it,
        does."""
        self._mpi = mpi
        self._comm = mpi.COMM_WORLD.Dup()
        self.rank: int = self._comm.Get_rank()
        self.size: int = self._comm.Get_size()
        # Each rank begins with the rank after it, so that not all send to rank 0 first.
        self._others = [(self.rank + k) % self.size for k in range(1, self.size)]
        ranks = self._comm.allgather((mpi.Get_processor_name(), own_processors()))
        self.hosts: list[str] = [host for host, _ in ranks]
        self.heartbeat = Heartbeat(self.rank, self.hosts, MpiPost(mpi), self._end)
        self.progress = Progress()
        self._spins = spin_seconds(ranks, self.rank)
        self._process = os.getpid()
        self._has_left = False
        self._finalizes = finalizes

    def all_to_all(
        self,
        sent: np.ndarray,
        sent_sizes: Sequence[int],
        received: np.ndarray,
        received_sizes: Sequence[int],
    ) -> Transfer:
        """Begin a message to and from each rank. For 16 MB between two ranks, MPICH's own
        MPI_Ialltoallv took nine times as long."""
        check_exchange(self, sent.nbytes, sent_sizes, received.nbytes, received_sizes)
        to_ranks, from_ranks = _parts(sent, sent_sizes), _parts(received, received_sizes)
        from_ranks[self.rank][:] = to_ranks[self.rank]
        return self._messages(to_ranks, from_ranks, (sent, received))

    def all_gather(self, whole: np.ndarray, sizes: Sequence[int]) -> Transfer:
        """Begin MPI_Iallgatherv, in place; of long parts a message to and from each rank. For three
        parts of 128 KiB at once between two ranks, MPICH's own took seven times as long."""
        check_parts("all_gather", self.size, whole.nbytes, sizes)
        if max(sizes) >= LONG_BYTES:
            parts = _parts(whole, sizes)
            return self._messages([parts[self.rank]] * self.size, parts, (whole,))
        return self._begun(
            lambda: [self._comm.Iallgatherv(self._mpi.IN_PLACE, [whole, sizes, self._mpi.BYTE])],
            (whole,),
        )

    def broadcast(self, whole: np.ndarray, root: int) -> Transfer:
        """Begin MPI_Ibcast."""
        check_root(self.size, root)
        return self._begun(lambda: [self._comm.Ibcast([whole, self._mpi.BYTE], root)], (whole,))

    def failed(self, error: BaseException) -> None:
        """Tell the other ranks."""
        self.heartbeat.fail(error)

    def _messages(
        self,
        to_ranks: Sequence[np.ndarray],
        from_ranks: Sequence[np.ndarray],
        memory: tuple[np.ndarray, ...],
    ) -> Transfer:
        """Begin a message to and from each other rank."""

        def begin() -> list[Any]:
            receive, send, byte = self._comm.Irecv, self._comm.Isend, self._mpi.BYTE
            begun = [receive([from_ranks[one], byte], one) for one in self._others]
            return begun + [send([to_ranks[one], byte], one) for one in self._others]

        return self._begun(begin, memory)

    def _begun(self, begin: Callable[[], list[Any]], memory: tuple[np.ndarray, ...]) -> Transfer:
        self.heartbeat.check()
        try:
            with _lock:
                requests = begin()
        except (self._mpi.Exception, OverflowError) as error:
            raise _failed(error) from error
        return MpiTransfer(self._mpi, requests, self.heartbeat, memory, self.progress, self._spins)

    def _end(self) -> None:
        write_out()
        self._mpi.COMM_WORLD.Abort(1)

    def leave(self) -> None:
        """End with all other ranks; after a failure end them all."""
        if self._has_left or os.getpid() != self._process:  # a fork of a rank is none
            return
        self._has_left = True
        ended_well = self.heartbeat.leave()
        self.heartbeat.stop()
        if not ended_well:
            self._end()
        elif self._finalizes:
            with _in_time(self.rank):
                finalize(self._mpi)


class Progress:
    """A thread that drives MPI's transfers until the main thread waits for them.

    Attributes:
        under_way: what is moved on.
    """

    def __init__(self) -> None:
        self.under_way: set[MpiTransfer] = set()
        self._is_needed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, transfer: MpiTransfer) -> None:
        """Drive a transfer that has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="graphc-progress", daemon=True)
            self._thread.start()
        self.under_way.add(transfer)
        self._is_needed.set()

    def remove(self, transfer: MpiTransfer) -> None:
        """Stop driving a transfer; the thread that waits for it goes on."""
        self.under_way.discard(transfer)

    def _run(self) -> None:
        while self._is_needed.wait():
            self._is_needed.clear()
            while self.under_way:
                time.sleep(PROGRESS_SECONDS)
                for transfer in self.under_way.copy():
                    if transfer.has_ended():
                        self.under_way.discard(transfer)


class MpiTransfer:
    """A transfer that MPI has begun."""

    def __init__(
        self,
        mpi: Any,
        requests: list[Any],
        heartbeat: Heartbeat,
        memory: tuple[np.ndarray, ...],
        progress: Progress,
        spins: float,
    ) -> None:
        """`spins`: as of `wait_until`."""
        self._mpi = mpi
        self._requests = requests
        self._heartbeat = heartbeat
        self._memory = memory  # MPI holds no reference to it
        self._progress, self._spins = progress, spins

    def go_on(self) -> None:
        """Progress while this rank computes, until it waits."""
        self._progress.add(self)

    def wait(self) -> None:
        """Wait until this rank's part is done; raise RankError if another rank failed."""
        self._progress.remove(self)
        wait_until(self._is_done, self._heartbeat.check, self._spins)
        self._memory = ()

    def has_ended(self) -> bool:
        """Drive MPI once, and return True if the transfer has ended, or failed with an error of MPI
        that `wait` will raise too."""
        try:
            return self._is_done()
        except RankError:
            return True

    def _is_done(self) -> bool:
        try:
            with _lock:
                return bool(self._mpi.Request.Testall(self._requests))
        except (self._mpi.Exception, OverflowError) as error:
            raise _failed(error) from error


class MpiPost:
    """Sends messages over a communicator of their own; the tag is the kind of the message."""

    def __init__(self, mpi: Any) -> None:
        self._mpi = mpi
        self._comm = mpi.COMM_WORLD.Dup()
        self._under_way: dict[tuple[int, MessageKind], tuple[Any, bytes]] = {}

    def send(self, rank: int, kind: MessageKind, text: str = "") -> bool:
        """Send a message, unless one of the same kind is under way to the rank."""
        with _lock:
            before = self._under_way.get((rank, kind))
            is_free = before is None or before[0].Test()
            if is_free:
                message = text.encode()
                request = self._comm.Isend([message, self._mpi.BYTE], rank, kind.value)
                self._under_way[rank, kind] = request, message
            return is_free

    def receive(self) -> Iterator[tuple[int, MessageKind, str]]:
        """Yield the messages that have arrived."""
        status = self._mpi.Status()
        while True:
            with _lock:
                message = self._comm.Improbe(status=status)
                if message is None:
                    return
                text = bytearray(status.Get_count(self._mpi.BYTE))
                message.Recv([text, self._mpi.BYTE])
            yield status.Get_source(), MessageKind(status.Get_tag()), text.decode(errors="replace")


def join_mpi() -> Mpi:
    """Return the transport of this process' ranks; the first call initialises MPI, unless the
    program has done so, and waits for all ranks."""
    global _joined
    if _joined is None:
        mpi = _imported()
        with watch_over_start(platform.node()):
            has_begun = mpi.Is_initialized()
            _initialise(mpi)
            check_size(find_launcher(), mpi.COMM_WORLD.Get_size(), mpi.Get_library_version())
            _joined = Mpi(mpi, finalizes=not has_begun)
        _joined.heartbeat.start()
        _report_errors(_joined.heartbeat)
        atexit.register(_joined.leave)
    return _joined


def _initialise(mpi: Any) -> None:
    """Initialise MPI, unless the program has done so. Other threads go on while it waits for all
    ranks, which mpi4py's own call does not let them."""
    if not mpi.Is_initialized():
        library, level = ctypes.CDLL(mpi.__file__), ctypes.c_int()
        library.MPI_Init_thread(None, None, mpi.THREAD_SERIALIZED, ctypes.byref(level))
    if mpi.Query_thread() < mpi.THREAD_SERIALIZED:
        raise RankError(
            "ranks: expected an MPI that is called from two threads, of the level "
            "MPI_THREAD_SERIALIZED or above, which is what graphc initialises it with; received "
            "one that the program has initialised with less: remove mpi4py.rc.threads and "
            "mpi4py.rc.thread_level from it"
        )


def finalize(mpi: Any) -> None:
    """End MPI; other threads go on while it waits for all ranks, which mpi4py's own call does not
    let them."""
    ctypes.CDLL(mpi.__file__).MPI_Finalize()


@contextmanager
def _in_time(rank: int) -> Iterator[None]:
    """End this process, whose program is over, if the block waits for other ranks longer than the
    limit for a silent one."""
    has_ended = threading.Event()

    def look() -> None:
        if not has_ended.wait(SILENCE_SECONDS):
            with suppress(OSError, ValueError):  # nobody reads it any more
                print(
                    f"graphc: rank {rank}: another rank has stopped at its end, and MPI waits for "
                    f"it for {SILENCE_SECONDS:.0f} s",
                    file=sys.stderr,
                )
            write_out()
            os._exit(1)

    thread = threading.Thread(target=look, name="graphc-ending", daemon=True)
    thread.start()
    yield
    has_ended.set()
    thread.join()


def joined_mpi() -> Mpi | None:
    """Return the ranks that this process has joined; None before it has."""
    return _joined


def check_size(launcher: Launcher | None, size: int, library: str) -> None:
    """Raise RankError if the launcher started more or fewer processes than MPI sees ranks."""
    if launcher is not None and launcher.size not in (None, size):
        raise RankError(
            f"ranks: {launcher.name} started {launcher.size} processes, and the MPI library of "
            f"mpi4py, {library.splitlines()[0]}, sees {size}: they are of different MPIs. Start "
            "with the mpiexec of that library, which lies beside python where both are from wheels"
        )


def _imported() -> Any:
    try:
        import mpi4py

        mpi4py.rc.initialize, mpi4py.rc.finalize = False, True
        from mpi4py import MPI
    except ModuleNotFoundError as error:
        raise MissingPackageError(f"ranks=mpi needs mpi4py, which is missing: {FIX}") from error
    except (ImportError, RuntimeError) as error:
        raise MissingPackageError(
            f"ranks=mpi: mpi4py finds no MPI library ({error}): {FIX}"
        ) from error
    return MPI


def _parts(memory: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    ends = list(accumulate(sizes, initial=0))
    return [memory[start:end] for start, end in pairwise(ends)]


def _failed(error: Exception) -> RankError:
    return RankError(f"ranks: MPI failed: {error}")


def _report_errors(heartbeat: Heartbeat) -> None:
    """Arrange that an error that ends this program ends those of the other ranks."""
    before = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        before(kind, error, trace)
        heartbeat.fail(error)

    sys.excepthook = report
