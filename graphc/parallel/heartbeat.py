"""Signs of life between ranks, so that a rank that failed or was stopped ends all others.

A thread of its own sends and looks for them: a slow callback or a compiler in the main thread is no
hang. Every rank sends to rank 0, and rank 0 to every other one. A rank that fails says so itself;
rank 0 says of which one it has heard nothing for too long. The first failure that a rank hears of
is what its main thread raises at its next wait, and where that does not happen soon, the thread
writes the error itself and ends the process.

A call that holds Python's lock for longer than `SILENCE_SECONDS` counts as a stopped rank: no
thread of Python can distinguish the two.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from graphc.errors import RankError

TICK_SECONDS = 0.25
"""Between two signs of life. A message between two processes takes some microseconds."""

SILENCE_SECONDS = 6.0
"""Without a sign of life, after which a rank counts as stopped. The rest of the ten seconds, within
which all have to end, is for telling the others and for ending."""

ENDING_SECONDS = 1.25
"""For a main thread to raise the error before its thread writes it; then again as long for all to
end before the job is ended."""

PAUSE_SECONDS = 2.0
"""Between two ticks of one thread, from which on it was itself stopped, and what it has not heard
says nothing of others."""

HOLD_SECONDS = 2.0
"""From a warning of another rank until rank 0 logs it, unless it has logged the same by then."""

MOST_MESSAGE_BYTES = 2000
"""Of the text of a failure or a warning: a message that a transport delivers without asking the
receiver."""


_log = logging.getLogger("graphc")


class MessageKind(Enum):
    """The kind of a message of one rank to another."""

    ALIVE = 1
    FAILED = 2
    SILENT = 3
    LEFT = 4
    WARNED = 5


@dataclass(frozen=True)
class Failure:
    """A rank that failed, and the reason: its own message, or what others observed."""

    rank: int
    message: str

    def as_text(self) -> str:
        """Return the failure as the text that ranks send to each other."""
        return f"{self.rank} {self.message}"

    @classmethod
    def from_text(cls, text: str) -> Failure:
        """Return the failure from the text of another rank."""
        rank, _, message = text.partition(" ")
        return cls(int(rank), message)


class Post(Protocol):
    """The channel for messages between ranks; none of its calls waits for another rank."""

    def send(self, rank: int, kind: MessageKind, text: str = "") -> bool:
        """Send a message and return True; or send nothing and return False if one of the same kind
        is still under way to the rank."""

    def receive(self) -> Iterable[tuple[int, MessageKind, str]]:
        """Return the messages that have arrived, each with the rank that sent it."""


class Heartbeat:
    """Sends the signs of life of one rank, and keeps the state of the others.

    Args:
        rank: of this process.
        hosts: the host of each rank, for messages.
        post: carries the messages.
        end: ends the whole job, at once; called where the main thread does not end itself.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        rank: int,
        hosts: list[str],
        post: Post,
        end: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rank = rank
        self._hosts = hosts
        self._post = post
        self._end = end
        self._clock = clock
        self._others = [other for other in range(len(hosts)) if other != rank]
        self._watched = self._others if rank == 0 else [0]
        now = clock()
        self._last_signs = dict.fromkeys(self._others, now)
        self._last_tick = now
        self._left: dict[int, float] = {}
        self._silent: set[int] = set()
        self._failure: Failure | None = None
        self._failed_at = now
        self._is_leaving = False
        self._is_reported = False
        self._unsent: deque[str] = deque()
        self._logged: set[str] = set()
        self._reported: dict[str, tuple[int, float]] = {}
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._beat, name="graphc-heartbeat", daemon=True)
        self._stop = threading.Event()

    def start(self) -> None:
        """Start the thread that sends signs of life and watches those of others."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise RankError if a rank failed; the main thread calls it while it waits.

        A rank whose program has ended is one, once all that it had sent must have arrived.
        """
        if self._failure is None and not self._left:  # the thread sets each at once
            return
        with self._lock:
            gone = [
                rank for rank, when in self._left.items() if self._clock() - when > ENDING_SECONDS
            ]
            if self._failure is None and gone:
                self._note(Failure(gone[0], "its program has ended while others wait for it"))
            if self._failure is not None:
                self._is_leaving = self._is_reported = True
                raise RankError(self._message())

    def warned(self, text: str) -> bool:
        """Record a warning of this rank, and return True if this rank logs it. Rank 0 logs its own
        warnings, and those of others that it has not raised itself."""
        with self._lock:
            if self.rank == 0:
                self._logged.add(_cut(text))
            else:
                self._unsent.append(_cut(text))
            return self.rank == 0

    def fail(self, error: BaseException) -> None:
        """Tell all other ranks, once, that this rank raised an error; a RankError is known to
        them."""
        with self._lock:
            self._is_leaving = self._is_reported = True
            if self._failure is None:
                failure = Failure(self.rank, _cut(f"{type(error).__name__}: {error}"))
                self._note(failure)
                for other in self._others:
                    self._post.send(other, MessageKind.FAILED, failure.as_text())

    def leave(self) -> bool:
        """Wait until all others end too, and return True if none has failed.

        After a failure it waits no longer than the others need to report it, and writes it where
        the main thread, whose program is over, has not raised it.
        """
        ends = self._clock() + ENDING_SECONDS
        while self._unsent and self._clock() < ends:  # by the thread, a tick each
            time.sleep(TICK_SECONDS / 10)
        self.say_left()
        while not self.may_end():
            time.sleep(TICK_SECONDS / 10)
        with self._lock:
            self._report(math.inf)
            if self._failure is not None and not self._is_reported:
                self._write()
            return self._failure is None

    def say_left(self) -> None:
        """Tell all others that this program ends."""
        with self._lock:
            self._is_leaving = True
            for other in self._others:
                self._post.send(other, MessageKind.LEFT)

    def may_end(self) -> bool:
        """Return True if no other rank has to be waited for: each has said that it ends, is silent,
        or had its time since a failure."""
        with self._lock:
            is_late = self._clock() - self._failed_at > 2 * ENDING_SECONDS
            if self._failure is not None and is_late:
                return True
            return set(self._others) <= self._left.keys() | self._silent

    def tick(self) -> None:
        """Send a sign of life, and process the messages of others."""
        with self._lock:
            now = self._clock()
            if now - self._last_tick > PAUSE_SECONDS:
                self._last_signs = dict.fromkeys(self._others, now)
            self._last_tick = now
            for rank, kind, text in self._post.receive():
                self._last_signs[rank] = now
                if kind is MessageKind.LEFT:
                    self._left[rank] = now
                elif kind is MessageKind.WARNED:
                    self._reported.setdefault(text, (rank, now))
                elif kind is not MessageKind.ALIVE:
                    self._take(kind, Failure.from_text(text))
            for other in self._watched:
                self._post.send(other, MessageKind.ALIVE)
                silence = now - self._last_signs[other]
                if silence > SILENCE_SECONDS and other not in self._left:
                    seen = (
                        f"no sign of life for {silence:.0f} s: it was stopped or killed, or its "
                        "machine is not reached"
                    )
                    self._take(MessageKind.SILENT, Failure(other, seen))
            if self._unsent and self._post.send(0, MessageKind.WARNED, self._unsent[0]):
                self._unsent.popleft()
            self._report(now)

    def _report(self, now: float) -> None:
        """Log warnings that other ranks sent a while ago, and this one has not raised itself."""
        for text, (rank, since) in list(self._reported.items()):
            if now - since > HOLD_SECONDS:
                del self._reported[text]
                if text not in self._logged:
                    self._logged.add(text)
                    _log.warning("rank %d on %s: %s", rank, self._hosts[rank], text)

    def _take(self, kind: MessageKind, failure: Failure) -> None:
        if kind is MessageKind.SILENT:
            self._silent.add(failure.rank)
        if self._failure is None:
            self._note(failure)
            if self.rank == 0:
                for other in self._others:
                    if other != failure.rank:
                        self._post.send(other, kind, failure.as_text())

    def _note(self, failure: Failure) -> None:
        self._failure = failure
        self._failed_at = self._clock()

    def _message(self) -> str:
        assert self._failure is not None
        rank = self._failure.rank
        return f"rank {rank} on {self._hosts[rank]} failed: {self._failure.message}"

    def _write(self) -> None:
        self._is_reported = True
        with suppress(OSError, ValueError):  # nobody reads it any more
            print(f"graphc: rank {self.rank}: {self._message()}", file=sys.stderr, flush=True)

    def must_end(self) -> bool:
        """Return True if a failure is known, and the main thread had its time to raise it."""
        with self._lock:
            late = self._clock() - self._failed_at > ENDING_SECONDS
            return self._failure is not None and not self._is_leaving and late

    def _beat(self) -> None:
        is_ending = False
        while not self._stop.wait(TICK_SECONDS):
            self.tick()
            if is_ending and self.may_end():
                self._end()
                return
            if self.must_end():
                self._write()
                self.say_left()
                is_ending = True


def _cut(text: str) -> str:
    """Return a text, cut to the size of a message."""
    return text.encode()[:MOST_MESSAGE_BYTES].decode(errors="ignore")
