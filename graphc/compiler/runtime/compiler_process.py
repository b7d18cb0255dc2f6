"""A compiler as a process: what it is, a run of it, and what it says of generated source.

A compiler is a part that fails: it may be killed where memory runs out, find no room for its files,
or never end. Each is a `CompilerError` that says so.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from graphc.amounts import amount
from graphc.compiler.runtime.cache.kernels import KernelCache, content_key
from graphc.config import config
from graphc.errors import CompilerError

_on_compile: ContextVar[Callable[[], None] | None] = ContextVar("graphc_compiling", default=None)

T = TypeVar("T")

_SHOWN_LINES = 20
_ANSWER_SECONDS = 60.0
"""The time that a compiler has to print its version and flags: it compiles nothing for that."""
_WAIT_SECONDS = 0.5
"""The longest of the waits for a compiler, between which an interrupt is raised."""
_LAST_WORDS_SECONDS = 1.0
"""The wait for the output of a killed compiler; another process may hold it open."""

_VARIABLES = (
    "CPATH",
    "CPLUS_INCLUDE_PATH",
    "LIBRARY_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "CCC_OVERRIDE_OPTIONS",
    "NVCC_PREPEND_FLAGS",
    "NVCC_APPEND_FLAGS",
    "NVCC_CCBIN",
)
"""Variables of the environment that change what GCC, Clang and nvcc make."""

# As ``k.cpp:12:5: error:`` and ``k.cu(12): error:``, not ``internal compiler error:``.
_SOURCE_ERROR = re.compile(r"(?::\d+|\(\d+\)): (?:fatal )?error\b")
# What GCC, Clang and nvcc say where they, or what they run, did not get to the end.
_BROKEN_OFF = re.compile(
    r"\bkilled\b|terminated program|(?:with|due to) signal|no space left|memory exhausted"
    r"|out of memory|cannot allocate memory|bad_alloc|internal compiler error",
    re.IGNORECASE,
)


class Tool(NamedTuple):
    """A kind of compiler, for messages: `what` it is, and how to `fix` that it does not run."""

    what: str
    fix: str


class LimitError(CompilerError):
    """A compiler that did not end in time."""


class Answers(NamedTuple):
    """The answers of a compiler to questions about itself.

    Attributes:
        texts: the answer to each question; the first is ``--version``'s.
        identity: these, with the path, size and time of the program and of what it runs. Equal
            identities make equal code of equal source.
    """

    texts: list[str]
    identity: str


def run(
    command: Sequence[str], tool: Tool, seconds: float | None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a compiler, which has to end within `seconds`; its temporary files are in `folder`.

    The processes that it starts are of one group with it. The group is killed at the limit, and
    where an interrupt leaves this function: none of them goes on by itself.

    Raises CompilerError where the compiler does not run or does not end in time.
    """
    running = _Run(command, folder)
    ahead = _ahead.get()
    try:
        if ahead is not None:
            ahead.begins(running)
        in_time = running.ends_within(seconds)
    finally:
        running.stop()
    if running.error is not None:
        raise _does_not_run(command, tool, running.error) from running.error
    if not in_time or running.done is None:
        raise LimitError(
            f"{tool.what} {command[0]} did not end within {seconds:g} s; it was stopped"
        )
    return running.done


def _does_not_run(command: Sequence[str], tool: Tool, why: Exception) -> CompilerError:
    return CompilerError(f"{tool.what} {command[0]} does not run ({why}). What to do: {tool.fix}")


def _is_set_within(event: threading.Event, seconds: float | None) -> bool:
    """Wait for an event, and return whether it comes in time. An interrupt of which the system
    informs another thread wakes no wait, so there are several."""
    ends = math.inf if seconds is None else time.monotonic() + seconds
    while not event.wait(min(_WAIT_SECONDS, max(0.0, ends - time.monotonic()))):
        if time.monotonic() >= ends:
            return False
    return True


class _Run:
    """A compiler's process, started and waited for by a thread: an interrupt is raised in the main
    one alone, so a process that has just been started is known here whenever it comes.

    Attributes:
        done: how the process has ended; None where it has not, or has been stopped.
        error: why it was not started.
    """

    def __init__(self, command: Sequence[str], folder: Path | None):
        self.done: subprocess.CompletedProcess[str] | None = None
        self.error: Exception | None = None
        self._command, self._folder = command, folder
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._turn, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="graphc compiler", daemon=True)

    def ends_within(self, seconds: float | None) -> bool:
        """Start the process, and return whether it ends in time."""
        try:
            self._thread.start()
        except RuntimeError as error:  # there is no thread to be had
            self.error = error
            self._ended.set()
            return True
        return _is_set_within(self._ended, seconds)  # `join`, interrupted, takes it for ended

    def _work(self) -> None:
        try:
            process = self._opened()
            with self._turn:
                self._process = process
                if self._stopped:
                    self._kill(process)
            said = process.communicate()
            self.done = subprocess.CompletedProcess(self._command, process.returncode, *said)
        except Exception as error:
            self.error = error
        finally:
            self._ended.set()

    def _opened(self) -> subprocess.Popen[str]:
        environ = {**os.environ, "LC_ALL": "C"}  # its messages are searched for "error"
        if self._folder is not None:
            environ["TMPDIR"] = str(self._folder)
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environ,
            process_group=0 if os.name == "posix" else None,
        )

    def stop(self) -> None:
        """Kill the process, and those that it has started, where it has not ended yet; also one
        that is just being started."""
        if self._ended.is_set():
            return
        with self._turn:
            self._stopped = True
            if self._process is not None:
                self._kill(self._process)
        self._ended.wait(_LAST_WORDS_SECONDS)
        if self._process is not None:
            self._process.wait()

    @staticmethod
    def _kill(process: subprocess.Popen[str]) -> None:
        if os.name != "posix":
            process.kill()
        elif process.returncode is None:  # else its number may be that of another group
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Ahead(Generic[T]):
    """Work that compilers do ahead of its need, on a thread of its own, while Python does other
    work.

    Args:
        work: runs compilers; what it raises, `result` does.
    """

    def __init__(self, work: Callable[[], T]):
        self._work = work
        self._result: list[T] = []
        self._error: Exception | None = None
        self._running: list[_Run] = []
        self._stopped = False
        self._turn, self._ended = threading.Lock(), threading.Event()
        notify = _on_compile.get()
        if notify is not None:
            notify()  # not from another thread
        context = copy_context()
        context.run(_on_compile.set, None)
        context.run(_ahead.set, self)
        thread = threading.Thread(
            target=context.run, args=(self._do,), name="graphc compiler ahead", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # there is no thread to be had
            self._do()

    def _do(self) -> None:
        try:
            self._result.append(self._work())
        except Exception as error:
            self._error = error
        finally:
            self._ended.set()

    def begins(self, running: _Run) -> None:
        """Take a compiler that is about to start for one of this work."""
        with self._turn:
            if self._stopped:
                raise CompilerError("the compiler was stopped")
            self._running.append(running)

    def result(self) -> T:
        """Wait for the work, and return what it returned."""
        _is_set_within(self._ended, None)
        if self._error is not None:
            raise self._error
        return self._result[0]

    def stop(self) -> None:
        """Kill its compilers, where the work has not ended; no other one starts. What the work
        does at its end, as removing its folder, is waited for."""
        with self._turn:
            self._stopped = True
        for running in self._running:
            running.stop()
        self._ended.wait(_LAST_WORDS_SECONDS)


_ahead: ContextVar[Ahead[Any] | None] = ContextVar("graphc_ahead", default=None)


@contextmanager
def on_each_compile(notify: Callable[[], None]) -> Iterator[None]:
    """Call `notify` whenever a compiler is about to run."""
    reset = _on_compile.set(notify)
    try:
        yield
    finally:
        _on_compile.reset(reset)


def compile_to(
    output: str, command: Sequence[str], tool: Tool, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a compiler for ``folder/output``, as long as the flag `compile_limit` allows."""
    notify = _on_compile.get()
    if notify is not None:
        notify()
    seconds = amount(config.compile_limit)
    try:
        return run([*command, "-o", str(folder / output)], tool, seconds, folder)
    except LimitError as error:
        raise LimitError(
            f"{error} (the flag compile_limit={config.compile_limit} sets the limit). What to do: "
            "give it longer, or see why this machine is slow"
        ) from error


@contextmanager
def working_folder(tool: Tool) -> Iterator[Path]:
    """A folder for what a compiler reads and writes, removed after it. CompilerError where it
    cannot be made, or does not take a file."""
    try:
        with tempfile.TemporaryDirectory(prefix="graphc-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        raise CompilerError(
            f"{tool.what} has no folder for its output ({error}). What to do: let TMPDIR name a "
            "folder that can be written, with room"
        ) from error


def source_in(folder: Path, name: str, kept: Path, source: str) -> Path:
    """Write a source, by a name, for the compiler to read; its line markers name the file `kept`,
    which may be removed while the compiler runs."""
    path = folder / name
    named = str(kept).replace("\\", "\\\\").replace('"', '\\"')
    path.write_text(f'#line 1 "{named}"\n{source}', encoding="utf-8")
    return path


def query(path: str, questions: Sequence[Sequence[str]], tool: Tool, cache: KernelCache) -> Answers:
    """Put to a compiler the `questions`, each the arguments of a run, after ``--version``.

    The answers are kept in the cache, by the program's path, size and time of change and by the
    environment that it reads. An answer that is the path of a program, as of ``-print-prog-name``,
    holds as long as that program is as it was.

    Raises CompilerError where the compiler does not run.
    """
    try:
        status = _file_facts(path)
    except OSError as error:
        raise CompilerError(
            f"{tool.what} {path} cannot be read ({error}). What to do: {tool.fix}"
        ) from error
    variables = [f"{name}={os.environ.get(name, '')}" for name in _VARIABLES]
    joined = [" ".join(question) for question in questions]
    entry = f"{content_key([json.dumps(status), *variables, *joined])}.compiler"
    kept = cache.read(entry)
    if kept is not None:
        texts, programs = json.loads(kept)
        if programs == _programs(texts):
            return Answers(texts, json.dumps([status, variables, texts, programs]))
    version = run([path, "--version"], tool, _ANSWER_SECONDS)
    if version.returncode or not version.stdout.strip():
        raise CompilerError(
            f"{tool.what} {path} does not run: '--version' {ending(version)}: "
            f"{version.stderr.strip()}. What to do: {tool.fix}"
        )
    others = [run([path, *question], tool, _ANSWER_SECONDS) for question in questions]
    texts = [version.stdout, *(other.stdout for other in others)]
    programs = _programs(texts)
    if not any(other.returncode for other in others):
        cache.write(entry, json.dumps([texts, programs]).encode())
    return Answers(texts, json.dumps([status, variables, texts, programs]))


def _programs(texts: Sequence[str]) -> list[list[Any]]:
    """The programs that answers name."""
    found = (shutil.which(text.strip()) for text in texts[1:] if "\n" not in text.strip())
    return [_file_facts(path) for path in found if path is not None]


def _file_facts(path: str) -> list[Any]:
    """Return path, size and time of change of the program behind links."""
    real = os.path.realpath(path)
    status = os.stat(real)
    return [path, real, status.st_size, status.st_mtime_ns]


def ending(done: subprocess.CompletedProcess[str]) -> str:
    """Return how a compiler ended: its status, or the signal that killed it."""
    if done.returncode >= 0:
        return f"ended with status {done.returncode}"
    try:
        name = signal.Signals(-done.returncode).name
    except ValueError:
        name = f"signal {-done.returncode}"
    return f"was killed by {name}"


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return all lines that a compiler printed."""
    return f"{done.stdout}{done.stderr}".strip().splitlines()


def first_lines(said: list[str]) -> str:
    """The first lines of what a compiler said, for the end of a message."""
    return "\n".join(f"  {line}" for line in said[:_SHOWN_LINES])


def broke_off(done: subprocess.CompletedProcess[str]) -> bool:
    """Return whether a compiler that made nothing did not get to the end, for lack of memory or
    room, by a signal or by an error of its own: it says nothing of the source then."""
    said = lines_of(done)
    if done.returncode <= 0:
        return True
    if any(_SOURCE_ERROR.search(line) for line in said):
        return False
    return any(_BROKEN_OFF.search(line) for line in said)


def failure(
    done: subprocess.CompletedProcess[str], path: str, tool: Tool, name: str
) -> CompilerError:
    """The error for a compiler that broke off.

    Args:
        path: of the compiler.
        name: of the function that is compiled.
    """
    said = lines_of(done)
    how = ending(done) if done.returncode else "ended well and made nothing"
    lines = f". It said:\n{first_lines(said)}" if said else ""
    return CompilerError(
        f"{name}: {tool.what} {path} {how}. What to do: see that this machine has memory, and that "
        f"{tempfile.gettempdir()} has room (TMPDIR names another folder){lines}"
    )


def kernel_at_fault(said: list[str], path: Path, source: str, layers: Mapping[str, str]) -> str:
    """`` in the kernel k1_rows (of dense_1)``: what the first line of the source that a compiler
    names, as ``k.cu(12)`` or ``k.cu:12:``, belongs to; empty where it names none.

    Args:
        said: what the compiler said.
        path, source: the file and its text.
        layers: of each kernel of the source, by its name.
    """
    place = re.compile(re.escape(path.name) + r"[(:](\d+)[):]")
    line = next((int(found[1]) for text in said if (found := place.search(text))), None)
    if line is None:
        return ""
    # What the first lines have of each kernel's head: of the last one that begins in them, most.
    begun = "\n".join(source.splitlines()[:line])
    name = max(layers, key=lambda name: begun.find(f" {name}("), default="")
    if f" {name}(" not in begun:
        return ""
    of = f" (of {layers[name]})" if layers[name] else ""
    return f" in the kernel {name}{of}"
