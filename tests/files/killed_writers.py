"""Kill processes that write a file of a model again and again, and look at what they leave.

    python -m tests.files.killed_writers FOLDER WRITER KILLS

WRITER is `save_weights`, `save` or `in_place`, which writes as no saver should. A file is torn when
it does not load, or when its weights are not all of one version. The result is printed as JSON. It
is a process of its own because it forks: a child needs no import of its own.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from graphc.errors import GraphcError
from graphc.layers import Dense
from graphc.models import Sequential, load_model


def numbered(version: int) -> Sequential:
    """A model whose weights are all this number."""
    model = Sequential([Dense(200, input_dim=500, init="zero"), Dense(100), Dense(1)])
    set_version(model, version)
    return model


def set_version(model: Sequential, version: int) -> None:
    model.set_weights([np.full_like(one, version) for one in model.get_weights()])


def save_weights(model: Sequential, path: Path) -> None:
    model.save_weights(path, overwrite=True)


def save(model: Sequential, path: Path) -> None:
    model.save(path, overwrite=True)


def in_place(model: Sequential, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"param_{k}" for k in range(len(layer.weights))]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value


WRITERS: dict[str, Callable[[Sequential, Path], None]] = {
    one.__name__: one for one in (save_weights, save, in_place)
}


def version_in(path: Path, writer: str) -> int | None:
    """The version that a file has, None for a torn one."""
    try:
        if writer == "save":
            model = load_model(path)
        else:
            model = numbered(-1)
            model.load_weights(path)
    except GraphcError:
        return None
    values = np.unique(np.concatenate([one.ravel() for one in model.get_weights()]))
    return int(values[0]) if len(values) == 1 else None


def main(folder: Path, writer: str, kills: int) -> dict[str, int | list[str]]:
    path, rng, write = folder / "model.h5", random.Random(7), WRITERS[writer]
    model = numbered(0)
    started = time.perf_counter()
    write(model, path)
    window = 2.5 * (time.perf_counter() - started)
    counts = {"torn": 0, "missing": 0, "older": 0, "newer": 0}
    kinds: list[str] = []
    for version in range(1, kills + 1):
        # Every fourth starts without a file.
        if version % 4 == 0:
            path.unlink(missing_ok=True)
        elif not path.exists():
            write(model, path)
        before = version_in(path, writer) if path.exists() else None
        set_version(model, version)
        child = os.fork()
        if child == 0:
            while True:
                write(model, path)
        time.sleep(rng.uniform(0, window))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if not path.exists():
            counts["missing" if version % 4 == 0 else "torn"] += 1
            continue
        found = version_in(path, writer)
        kind = "torn" if found is None else {version: "newer", before: "older"}.get(found, "torn")
        counts[kind] += 1
        kinds.append(kind)
        # A disk may become slower or faster than it was at first: kills have to fall on both sides.
        if kinds[-6:] == ["older"] * 6:
            window *= 2
        elif kinds[-6:] == ["newer"] * 6:
            window /= 2
        if found is None:
            path.unlink()
    part = re.compile(r"\.model\.h5\.[0-9a-f]{12}\.part")
    others = [name for name in os.listdir(folder) if name != path.name]
    odd = [name for name in others if not part.fullmatch(name)]
    return {**counts, "parts": len(others) - len(odd), "odd": odd}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
