"""The flag `cpu`: which functions the interpreter runs on a CPU, and which are compiled.

Under ``cpu=auto`` what is small is interpreted unless enough calls of it are known to come: the
compiler takes from 0.4 s to some seconds, the first time that a machine sees a function, and saves
some 10 to 350 microseconds a call of a small one. The rule reads the graph, the flags and the
number of calls that the maker of the function names. Which bits a function gives does thus not
depend on what ran before, on how long that took or on the contents of the cache: training that was
saved and goes on in another process gives the bits of training that was not interrupted, and two
calls with the same values give the same ones. (That rules out the other way of sparing a compiler
run: interpreting the first calls.)
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.graph import Node, toposort
from graphc.compiler.graph.cost import cost
from graphc.compiler.graph.dim import symbols
from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.compiler.runtime.cpu.toolchain import likely_compiler
from graphc.config import config
from graphc.errors import CompilerError, DeviceError

_log = logging.getLogger("graphc")
_logged: set[str] = set()

ALWAYS = math.inf
"""As many calls as repay the compiler, however small the graph is."""

# What still counts as small. A multilayer perceptron on the iris data trains with 240 nodes and
# 0.2 MFLOP a step; one on images of 8 x 8 with 198 and 2.4.
MOST_NODES = 250
MOST_FLOPS = 1_000_000
FEW_CALLS = 300_000
"""Of nodes, all calls together: beyond, native code saves a second or more, at 3 us a node. (A
network of 20, 64 and 1 units has 114 nodes a step, 377 us interpreted and 29 natively.)"""
SUPPOSED = 32
"""The assumed value of each symbol; the batch of `fit` by default."""


@dataclass(frozen=True)
class Interpreted:
    """The reason why the NumPy interpreter runs a graph, and the warning to log when it does."""

    why: str
    warning: str | None = None

    def log_warning(self) -> None:
        """Log the warning, once a process; not for a caller that only looks at kernels."""
        if self.warning is not None and self.warning not in _logged:
            _logged.add(self.warning)
            _log.warning("%s", self.warning)


def why_interpreted(
    outputs: Sequence[Node], mode: str, once: bool, calls: float | None
) -> Interpreted | None:
    """Return the reason why the NumPy interpreter runs a graph; None where it is to be compiled.

    Args:
        outputs: of the graph, after the passes.
        mode: of the function. FAST_COMPILE is for those who wait for no compiler.
        once: whether the function is made for one call.
        calls: how many calls will come, as of `function`.

    Under ``cpu=auto`` a compiler that is missing or does not work is a warning, in one line; under
    ``cpu=native`` it is a DeviceError.
    """
    if config.cpu == "numpy":
        return Interpreted("cpu=numpy")
    if once:
        return Interpreted("it is made for one call")
    if config.cpu == "native":
        likely_compiler(kernel_cache())
        return None
    if mode == "FAST_COMPILE":
        return Interpreted(f"mode={mode}, which runs no compiler unless cpu=native is set")
    return _small(outputs, calls or 0) or _no_compiler()


def compiler_failed(name: str, error: CompilerError) -> Interpreted:
    """Under ``cpu=auto``: the compiler was found, and failed at the function `name`."""
    _log.info("%s", error)
    return Interpreted(
        "the C++ compiler failed",
        f"cpu=auto: {name} is interpreted, which is slower: {_one_line(error)}",
    )


def _one_line(error: DeviceError) -> str:
    """An error with the first line of what the compiler said."""
    return " ".join(line.strip() for line in str(error).splitlines()[:2])


def _small(outputs: Sequence[Node], calls: float) -> Interpreted | None:
    nodes = toposort(outputs)
    if len(nodes) > min(MOST_NODES, FEW_CALLS / max(calls, 1)):
        return None
    if any(node.op == "scan" for node in nodes):
        return None
    sizes = [size for node in nodes for size in node.shape if not isinstance(size, int)]
    bindings = {symbol: SUPPOSED for size in sizes for symbol in symbols(size)}
    flops = sum(cost(node, bindings).flops for node in nodes)
    if flops > MOST_FLOPS:
        return None
    how_often = f", for {calls:,} calls" if calls else ""
    return Interpreted(
        f"it is small, {len(nodes)} nodes and {flops:,} FLOP{how_often}; cpu=native compiles it too"
    )


def _no_compiler() -> Interpreted | None:
    try:
        likely_compiler(kernel_cache())
    except DeviceError as error:
        return Interpreted(
            "no C++ compiler can be used",
            f"cpu=auto: functions are interpreted, which is slower: {_one_line(error)}",
        )
    return None
