"""A process that loads files that may be hostile, for `loading.py`: one request a line, one answer.

It has 1 GB of memory beside what its imports take, and is killed when a file takes too long. What
a file must never do is seen by an audit hook: Python reports there what is executed, imported,
written, sent.
"""

from __future__ import annotations

import codecs
import faulthandler
import hashlib
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

from graphc.config import config
from graphc.engine import Model
from graphc.errors import GraphcError, NotCompiledError
from graphc.files import inspection
from graphc.layers import LSTM, BatchNormalization, Dense, Embedding
from graphc.models import Sequential, load_model, model_from_json, model_from_yaml

MEMORY_BYTES = 1 << 30
SECONDS = 60  # of which another process, that looks through the file, has 5 of the processor's

FORBIDDEN = {
    "exec",
    "compile",
    "import",
    "marshal.loads",
    "marshal.load",
    "pickle.find_class",
    "code.__new__",
    "function.__new__",
    "ctypes.dlopen",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "subprocess.Popen",
    "shutil.rmtree",
    "socket.__new__",
    "socket.bind",
    "socket.connect",
    "urllib.Request",
}


class Watch:
    """Notes what is forbidden while a file is loaded."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._read)

    def _read(self, event: str, arguments: tuple) -> None:
        if not self.on:
            return
        if is_our_own(event, arguments):
            return
        writes = (
            event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa+")
        )
        if writes or event in FORBIDDEN:
            self.seen.append(f"{event} {arguments!r:.200}")


def is_our_own(event: str, arguments: tuple) -> bool:
    """Return True if it is the start of the process that looks through files, or one end that leads
    to it: a pipe, or a socket that leads nowhere else."""
    if event == "subprocess.Popen":
        return arguments[1][1:] == ["-P", inspection.__file__]
    if event == "socket.__new__":
        return arguments[1] == socket.AF_UNIX
    return event == "open" and isinstance(arguments[0], int)


def stored_model() -> Sequential:
    """The model whose weights are stored and loaded."""
    return Sequential(
        [
            Embedding(5, 3, input_length=4, name="words"),
            LSTM(2, name="steps"),
            BatchNormalization(name="normal"),
            Dense(2, name="out"),
        ]
    )


def load(loader: str, path: Path, target: Sequential) -> str:
    """Load the file. Returns a digest of the arrays that came from it, whatever their order."""
    if loader in FAULTS:
        FAULTS[loader](path)
    elif loader == "json":
        model_from_json(path.read_text(errors="surrogateescape"))
    elif loader == "yaml":
        model_from_yaml(path.read_text(errors="surrogateescape"))
    elif loader == "weights":
        target.load_weights(path)
        return digest(target)
    else:
        return digest(load_model(path))
    return ""


def digest(model: Model) -> str:
    arrays = model.get_weights()
    with suppress(NotCompiledError):
        arrays += model.optimizer.get_state()
    found = sorted(f"{one.dtype} {one.shape} {one.tobytes()!r}" for one in arrays)
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def hang(path: Path) -> None:
    signal.alarm(1)
    while True:
        time.sleep(1)


def crash(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def memory(path: Path) -> None:
    np.ones(MEMORY_BYTES + MEMORY_BYTES // 8, "int8")


def code(path: Path) -> None:
    os.system("true")


def other(path: Path) -> None:
    _ = 1 / 0


FAULTS = {one.__name__: one for one in (hang, crash, memory, code, other)}
"""Actions that a loader must never take."""


def answer(loader: str, path: Path, target: Sequential, watch: Watch) -> tuple[str, str]:
    """Load a file. Return 'loaded' with a digest of its arrays, 'refused' by an error of graphc, or
    'failed', with the reason."""
    before = target.get_weights()
    watch.seen.clear()
    watch.on = True
    try:
        came = load(loader, path, target)
    except BaseException as error:
        caught = error
    else:
        caught = None
    finally:
        watch.on = False
    if watch.seen:
        return "failed", f"ran {watch.seen}"
    if caught is None:
        target.set_weights(before)
        return "loaded", came
    why = "".join(traceback.format_exception(caught))
    if not isinstance(caught, GraphcError):
        return "failed", why
    if not all(map(np.array_equal, before, target.get_weights())):
        return "failed", f"the model is changed, though {why}"
    return "refused", f"{type(caught).__name__}: {caught}"


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    faulthandler.enable()
    codecs.lookup("ascii")  # has it imported, as h5py would when it meets such a text
    target, watch = stored_model(), Watch()
    config.described_weights = "256MB"
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES,) * 2)
    for line in sys.stdin:
        request = json.loads(line)
        signal.alarm(SECONDS)  # whose default is to end the process
        found = answer(request["loader"], Path(request["path"]), target, watch)
        signal.alarm(0)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
