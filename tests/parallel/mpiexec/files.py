"""A model that is trained on arrays in files; each rank writes its results, and what it has read.

Argument: the folder, with x.npy and x.h5.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from graphc.config import config
from graphc.layers import Dense
from graphc.models import Sequential
from graphc.parallel.joining import rank
from graphc.utils.io_utils import Files, HDF5Matrix

folder = Path(sys.argv[1])
config.read_window = "200KB"
found = {}
for name, x in (
    ("memmap", np.load(folder / "x.npy", mmap_mode="r")),
    ("Files", Files([folder / "x.npy"])),
    ("HDF5Matrix", HDF5Matrix(folder / "x.h5", "x")),
):
    np.random.seed(3)
    model = Sequential([Dense(4, input_dim=1024, activation="tanh"), Dense(1)])
    model.compile("adam", "mse")
    y = np.arange(len(x)) / len(x)
    # Of the held out samples each rank reads its own, too.
    history = model.fit(x, y, 16, 2, verbose=0, validation_split=0.25).history
    values = [*model.get_weights(), model.predict(x, 16)]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in values))
    reads = model.read_report().arrays[0]
    found[name] = [digest.hexdigest(), history, model.evaluate(x, y, 16, 0)], reads.bytes_read
(folder / f"rank{rank()}.json").write_text(json.dumps(found))
