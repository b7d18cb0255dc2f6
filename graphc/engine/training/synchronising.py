"""Synchronisation of ranks before a training: what has to be equal is compared, and the state of
rank 0 is copied to all."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.function import ShardedFunction
from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.runtime.gpu import cuda, nvcc
from graphc.config import config
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.data.batches import Batch
from graphc.engine.data.rank_batches import digest
from graphc.engine.data.stored import Data
from graphc.engine.ranks.broadcasting import broadcast_variables, kinds_of
from graphc.engine.ranks.comparison import digest_of_data
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.made_functions import MadeFunction
from graphc.engine.training.run_state import draws_of_run, variables_of_run
from graphc.errors import DeviceError, FlagError
from graphc.package_version import __version__
from graphc.parallel.agreement import agree
from graphc.parallel.transport import Transport, as_bytes

_FLAGS = [
    "device",
    "cpu",
    "floatX",
    "keras",
    "image_dim_ordering",
    "epsilon",
    "mode",
    "shards",
    "ranks",
]
"""The flags on which the results of a training depend."""


def synchronise(
    ranks: Transport[np.ndarray],
    compiled: Compiled,
    where: str,
    batches: Iterable[Batch] | None = None,
    held_out: Sequence[Data] | None = None,
) -> None:
    """Copy the state of rank 0 to all ranks.

    Args:
        ranks: the ranks that train together.
        compiled: the training graph, and its functions.
        where: the call, for messages.
        batches: the batches of a run; None for a single step.
        held_out: the validation data of a run.

    Raises:
        RankError: on all ranks, if their flags, programs, graphs or data differ.
        FlagError: this machine has neither a C++ compiler nor a GPU to train on.
    """
    compiled.is_synchronised = True
    if ranks.size == 1:
        return
    compiled.make_optimizer_state()
    draws = draws_of_run(compiled.model, compiled)
    keys = compiled.draws.keys(draws)
    variables = variables_of_run(compiled.model, compiled)
    host = platform.node()
    arrays = batches.arrays if isinstance(batches, ArrayBatches) else []
    agree(
        where,
        ranks,
        host,
        {
            "version": __version__,
            "flags": ",".join(f"{name}={getattr(config, name)}" for name in _FLAGS),
            "processor": _processor(),
            "compiler": _cpp_compiler(),
            "shards": str(compiled.shards),
            "variables": kinds_of(variables),
            "random draws": str(len(keys)),
            "settings": _settings(compiled, variables),
            "data": digest_of_data(arrays),
            "validation data": digest_of_data(held_out or []),
        },
    )
    for array in (keys, state := _generator_state()):
        ranks.broadcast(as_bytes(array), 0).wait()
    np.random.set_state(("MT19937", state["key"][0], *state[0].tolist()[1:]))
    if compiled.draws.replace(draws, keys):
        compiled.functions.clear()  # they draw by the keys of before
    compiled.choose_native(epochs=1, steps=1)
    made = compiled.train()
    if made.target() is None:
        raise FlagError(
            f"{where}: ranks={config.ranks} needs native code or a GPU, and this machine has no "
            "C++ compiler: NumPy's BLAS, which the interpreter uses, adds in an order of its own; "
            "install g++"
        )
    agree(where, ranks, host, {"graph": _digest_of(made), "engine": _engine(made)})
    broadcast_variables(ranks, variables, where)
    call_step = compiled.draws.call_step
    counts = np.array([call_step.value], "uint64")
    ranks.broadcast(as_bytes(counts), 0).wait()
    call_step.value = int(counts[0])


def compare_settings(
    ranks: Transport[np.ndarray], compiled: Compiled, where: str, epoch: int
) -> None:
    """Raise RankError, on all ranks, if numeric settings of the training, such as the learning
    rate, differ after an epoch: a callback may have changed them on one rank alone."""
    if ranks.size > 1:
        variables = variables_of_run(compiled.model, compiled)
        found = _settings(compiled, variables, numbers_only=True)
        agree(where, ranks, platform.node(), {f"settings after epoch {epoch + 1}": found})


def _generator_state() -> np.ndarray:
    """Return the state of NumPy's global generator as bytes."""
    _, key, position, has_gauss, cached = np.random.get_state()
    kind = [("key", "u4", len(key)), ("position", "i8"), ("gauss", "i8"), ("cached", "f8")]
    return np.array([(key, position, has_gauss, cached)], kind)


def _settings(compiled: Compiled, variables: Sequence[g.Node], numbers_only: bool = False) -> str:
    """Return the values of the shared variables that a step reads and does not change, such as the
    learning rate; with `numbers_only` those of scalars alone."""
    roots = [*compiled.outputs, *(value for _, value in compiled.updates)]
    changed = set(variables)
    read = dict.fromkeys(node for node in g.every_node(roots) if node.op == "shared")
    settings = [one for one in read if one not in changed and not (numbers_only and one.ndim)]
    values = [(one, one.get_value()) for one in settings]
    return ", ".join(
        f"{g.name_of(one) or 'variable'}={value if value.ndim == 0 else digest(value)}"
        for one, value in values
    )


def _digest_of(function: MadeFunction) -> str:
    """Return a digest of the function's graph."""
    assert isinstance(function, ShardedFunction)
    return hashlib.blake2b(g.format_graph(function.graph()).encode(), digest_size=6).hexdigest()


def _engine(function: MadeFunction) -> str:
    """Return the target of a function; of a GPU its model, its architecture and the version of
    nvcc."""
    target = str(function.target())
    if target != "cuda":
        return target
    facts = cuda.device().facts
    return f"{facts.name} ({facts.arch}), {nvcc.find_compiler(kernel_cache()).version}"


def _processor() -> str:
    """Return the processor's name and a digest of its features, for which native code is
    compiled."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    fields = {name.strip(): value.strip() for name, value in pairs}
    flags = hashlib.blake2b(fields.get("flags", "").encode(), digest_size=4).hexdigest()
    return f"{fields.get('model name', platform.processor())} ({flags})"


def _cpp_compiler() -> str:
    """Return the version of the C++ compiler and its flags; 'none' if there is none."""
    try:
        found = toolchain.find_compiler(kernel_cache())
    except DeviceError:
        return "none"
    return f"{found.version} {' '.join(found.flags)}"
