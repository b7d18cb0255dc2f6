"""Lowered programs on disk, beside the kernels that are compiled of them: a graph is lowered once.

An entry is ``KEY.program``. Its key is made of the digest of the graph
(`graphc.compiler.graph.numbering`), of the facts of the target, of the versions of Python, NumPy
and graphc, and of the files of the compiler as they are, so that whoever changes one lowers again.

A program refers to nodes, states and symbols of the graph that it is lowered from. In an entry
these are their numbers in the graph; the nodes that lowering has made stand ahead of the program,
each behind its inputs. A program that is read refers to the graph of this process. What launches
move (`ProgramTraffic`) is counted of loop programs, which an entry does not have: whoever asks a
program that was read for it lowers the graph again.
"""

from __future__ import annotations

import functools
import io
import itertools
import logging
import os
import pickle
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from graphc import resources
from graphc.compiler.graph import Node, State, name_of, origin, origin_of, set_name
from graphc.compiler.graph.dim import Dim, FloorQuotient, Symbol
from graphc.compiler.graph.numbering import (
    NumberedGraph,
    UnknownAttributeError,
    behind_their_parts,
    numbered,
)
from graphc.compiler.graph.ops import make
from graphc.compiler.lowering.cuda.traffic import ProgramTraffic
from graphc.compiler.program.launch import Traffic, Word
from graphc.compiler.runtime.cache.kernels import content_key, kernel_cache
from graphc.package_version import __version__

_log = logging.getLogger("graphc")
_serials = itertools.count()

Program = TypeVar("Program")
_UNREADABLE = (
    *(pickle.UnpicklingError, AttributeError, EOFError),
    *(ImportError, LookupError, TypeError, ValueError),
)
_COMPILER = Path(__file__).resolve().parents[2]


def lowered_once(
    outputs: Sequence[Node],
    states: Sequence[State],
    facts: Sequence[str],
    lower: Callable[[], Program],
) -> Program:
    """Return a program that was lowered of a graph like this one before, or lower it and keep it.

    Args:
        outputs, states: the graph.
        facts: all else that decides the program.
        lower: makes the program.
    """
    try:
        graph = numbered(outputs, states)
    except UnknownAttributeError as error:
        _log.debug("a program is lowered at each start, as a node has an attribute: %s", error)
        return lower()
    cache = kernel_cache()
    name = f"{content_key([graph.digest, *facts, *_of_the_compiler()])}.program"
    content = cache.read(name)
    if content is not None:
        try:
            found: Program = read(content, graph, lower)
        except _UNREADABLE as error:
            _log.info("a lowered program is made again: %s", error)
        else:
            return found
    made = lower()
    try:
        content = written(made, graph)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        _log.debug("a program is lowered at each start: %s", error)
    else:
        cache.write(name, content)
    return made


@functools.cache
def _of_the_compiler() -> tuple[str, ...]:
    """Return what tells whether a program would be lowered as it was: versions, and the sizes,
    times and numbers of the files that lower."""
    files = sorted(
        os.path.join(place, name)
        for folder in (_COMPILER, resources.folder("templates"))
        for place, _, names in os.walk(folder)
        for name in names
        if name.endswith((".py", ".j2"))
    )
    found = [platform.python_version(), np.__version__, __version__]
    for path in files:
        status = os.stat(path)
        times = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)
        found.append(f"{path} {times}")
    return tuple(found)


# ---- writing ------------------------------------------------------------------------------------


def written(program: object, graph: NumberedGraph) -> bytes:
    """Return the bytes of a program. PicklingError, AttributeError or TypeError for what has
    none."""
    first = io.BytesIO()
    numbers = _Numbers(graph)
    _Writer(first, numbers, {}).dump(program)  # finds the nodes that are not of the graph
    numbers.traffic.clear()
    unknown = behind_their_parts(numbers.unknown, numbers.nodes)
    made = {node: number for number, node in enumerate(unknown)}
    file = io.BytesIO()
    pickle.dump((len(made), graph.seeds), file)
    for node in made:
        where = origin_of(node)
        record = (node.op, node.inputs, dict(node.attrs), where, name_of(node))
        _Writer(file, numbers, made).dump(record)
    _Writer(file, numbers, made).dump(program)
    return file.getvalue()


class _Numbers:
    """The numbers of the parts of a graph, and the nodes that have none."""

    def __init__(self, graph: NumberedGraph):
        self.nodes = {node: number for number, node in enumerate(graph.nodes)}
        self.states = {state: number for number, state in enumerate(graph.states)}
        self.symbols = {symbol: number for number, symbol in enumerate(graph.symbols)}
        self.seeds = {seed: number for number, seed in enumerate(graph.seeds)}
        self.unknown: list[Node] = []
        self.traffic: list[ProgramTraffic] = []


class _Writer(pickle.Pickler):
    """Writes references to the parts of a graph as numbers."""

    def __init__(self, file: io.BytesIO, numbers: _Numbers, made: dict[Node, int]):
        super().__init__(file, protocol=5)
        self._numbers = numbers
        self._made = made

    def persistent_id(self, value: Any) -> tuple[str, int] | None:
        """Return the kind and the number of a part; None for another value."""
        numbers = self._numbers
        if isinstance(value, Node):
            if value in numbers.nodes:
                return "node", numbers.nodes[value]
            numbers.unknown.append(value)
            return "made", self._made.get(value, -1)
        if isinstance(value, State):
            return "state", _number_of(value, numbers.states)
        if isinstance(value, Symbol):
            return "symbol", _number_of(value, numbers.symbols)
        if isinstance(value, Word) and value.value in numbers.seeds:
            return "seed", numbers.seeds[value.value]
        if type(value) is ProgramTraffic:  # isinstance of a Sequence is Python code
            numbers.traffic.append(value)
            return "traffic", len(numbers.traffic) - 1
        return None

    def reducer_override(self, value: Any) -> Any:
        """Return how a size is made again: what it keeps of its symbols is of this process."""
        if isinstance(value, Dim):
            return Dim, (value.terms,)
        if isinstance(value, FloorQuotient):
            return FloorQuotient, (value.numerator, value.denominator)
        return NotImplemented


def _number_of(value: Any, numbers: dict[Any, int]) -> int:
    if value not in numbers:
        raise pickle.PicklingError(f"{value!r} is not of the graph")
    return numbers[value]


# ---- reading ------------------------------------------------------------------------------------


def read(content: bytes, graph: NumberedGraph, lower: Callable[[], object]) -> Any:
    """Return the program in an entry.

    Args:
        content: the entry.
        graph: what the program is for.
        lower: makes the program, for who asks what its launches move.
    """

    @functools.cache
    def traffic() -> list[ProgramTraffic]:
        numbers = _Numbers(graph)
        _Writer(io.BytesIO(), numbers, {}).dump(lower())
        return numbers.traffic

    file = io.BytesIO(content)
    count, seeds = pickle.load(file)
    made: list[Node] = []
    new_seed = dict(zip(seeds, graph.seeds, strict=True))
    for _ in range(count):
        op, inputs, attrs, where, name = _Reader(file, graph, made, traffic).load()
        if op == "input":
            attrs["serial"] = ("stored", next(_serials))
        elif op == "random":
            attrs["seed"] = new_seed.get(attrs["seed"], attrs["seed"])
        with origin(where):
            made.append(set_name(make(op, *inputs, **attrs), name))
    return _Reader(file, graph, made, traffic).load()


class _Reader(pickle.Unpickler):
    """Reads numbers as references to the parts of a graph."""

    def __init__(
        self,
        file: io.BytesIO,
        graph: NumberedGraph,
        made: list[Node],
        traffic: Callable[[], list[ProgramTraffic]],
    ):
        super().__init__(file)
        self._traffic = traffic
        self._parts = {
            "node": graph.nodes,
            "made": made,
            "state": graph.states,
            "symbol": graph.symbols,
        }
        self._seeds = graph.seeds

    def persistent_load(self, reference: tuple[str, int]) -> object:
        """Return a part by its kind and its number."""
        kind, number = reference
        if kind == "seed":
            return Word(self._seeds[number])
        if kind == "traffic":
            return _TrafficOfLaunch(self._traffic, number)
        return self._parts[kind][number]


class _TrafficOfLaunch(Sequence[Traffic]):
    """The traffic of a launch, counted when it is asked for.

    Args:
        all_traffic: returns that of all launches that have one.
        number: which of them.
    """

    def __init__(self, all_traffic: Callable[[], list[ProgramTraffic]], number: int):
        self._all_traffic = all_traffic
        self._number = number

    def __getitem__(self, index: Any) -> Any:
        return self._all_traffic()[self._number][index]

    def __len__(self) -> int:
        return len(self._all_traffic()[self._number])
