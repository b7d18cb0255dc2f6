"""The kernels of a program as data and as a table: what each computes, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

from graphc.compiler.program.table import by, html_rows, quantity, wrapped


@dataclass(frozen=True)
class KernelDescription:
    """One launch of a program, with its sizes bound.

    Attributes:
        name: of the launch, and of the function in the source that it runs, unless it `repeats`.
        kind: one of `schedule.KINDS`, or ``scan`` for a loop that one launch runs.
        layers: whose nodes it computes.
        ops: the names of what it computes, in order, each once.
        extents: the shape of the domain that it walks.
        grid, block: blocks and threads, in x, y and z.
        shared: bytes of dynamic shared memory.
        reads, writes: the names of the values in memory that it reads and writes.
        step: the position of its step in the program, as of `BufferUse.steps`; launches of a loop
            have the loop's.
        times: how often one call of the function launches it: above 1 inside of loops.
        flops: floating-point operations of one launch, as `graph.cost` counts them; nodes that
            several kernels compute for themselves count in each. Where several launches do one
            kernel's work, the first has all.
        multiply_adds: how many of these are two in one, a product and its addition.
        double: whether they are in float64: most bytes of floats that the launch moves are.
        bytes: what one launch has to move: each input read once and each output written once, of an
            input that is only sliced or indexed the part that is used; partial results that one
            launch hands to the next included.
        fewest: what the kernel has to move, however it is computed: as `bytes`, without such
            partial results. Where several launches do one kernel's work, the first has all.
        moved: the bytes that one launch asks memory for and stores, as its `traffic` counts them:
            with what it reads again; None of native code.
        moves: the parts of `moved`: a value's name, whether it is written, bytes.
        ratio: what all launches of the kernel move together, divided by `fewest`; None of those
            that only go on with its work, and of native code.
        continues: the name of the launch that began this kernel's work, where it is not this one.
        repeats: the name of the launch whose function this one runs with addresses of its own,
            where they compute the same; that function's comments are about the first.
        reasons: why it was not fused further, a sentence for each neighbour.
        notes: what else there is to know: a slow path, what is read more than once.
        source: the function and the comment above it.
    """

    name: str
    kind: str
    layers: tuple[str, ...]
    ops: tuple[str, ...]
    extents: tuple[int, ...]
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int
    step: int
    times: int
    flops: int
    multiply_adds: int
    double: bool
    bytes: int
    fewest: int
    moved: int | None
    moves: tuple[tuple[str, bool, int], ...]
    ratio: float | None
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    continues: str | None
    repeats: str | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        return f"<{self.name}: {self.facts[0]}>"

    @property
    def facts(self) -> list[str]:
        """Sentences: what is computed, for whom, over how many elements; whose function it runs;
        reasons and notes."""
        same = [f"runs the function of {self.repeats}"] if self.repeats is not None else []
        if self.continues is not None:
            return [f"goes on with what {self.continues} began", *same, *self.notes]
        layers = ", ".join(self.layers) or "no layer"
        copy = f"a copy of {', '.join(self.reads)}" if self.reads else "a constant"
        ops = ", ".join(self.ops) or copy
        what = f"{layers}: {ops}; over {by(self.extents) or 'one element'}"
        return [what, *same, *dict.fromkeys((*self.reasons, *self.notes))]

    def as_dict(self) -> dict[str, Any]:
        """The description as JSON has it. One that `repeats` another has no source there: that is
        the other's, whose comments may name thousands of layers."""
        launch: dict[str, Any] = {"times": self.times}
        if self.moved is not None:
            launch |= {
                "grid": list(self.grid),
                "block": list(self.block),
                "shared": self.shared,
            }
        return {
            "name": self.name,
            "kind": self.kind,
            "layers": list(self.layers),
            "ops": list(self.ops),
            "extents": list(self.extents),
            "step": self.step,
            "launch": launch,
            "flops": self.flops,
            "bytes": self.bytes,
            "fewest": self.fewest,
            "moved": self.moved,
            "moves": [
                {"value": value, "written": written, "bytes": nbytes}
                for value, written, nbytes in self.moves
            ],
            "ratio": self.ratio,
            "reads": list(self.reads),
            "writes": list(self.writes),
            "continues": self.continues,
            "repeats": self.repeats,
            "reason": "; ".join(self.reasons),
            "notes": list(self.notes),
            "source": self.source if self.repeats is None else "",
        }


class KernelList(Sequence[KernelDescription]):
    """The kernels of a program; printed, a table that fits 80 columns.

    Attributes:
        title: whose kernels they are.
        source: the whole translation unit.
        sizes: what the symbols stand for, by name.
        target: for what they are, 'cuda' or 'cpu'.
    """

    def __init__(
        self,
        title: str,
        kernels: Sequence[KernelDescription],
        source: str,
        sizes: dict[str, int],
        target: str,
    ):
        self.title = title
        self.target = target
        self.source = source
        self.sizes = sizes
        self._kernels = tuple(kernels)

    @overload
    def __getitem__(self, index: int) -> KernelDescription: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[KernelDescription]: ...

    def __getitem__(self, index: int | slice) -> Any:
        return self._kernels[index]

    def __len__(self) -> int:
        return len(self._kernels)

    @property
    def launches(self) -> int:
        """The number of launches that one call of the function takes."""
        return sum(kernel.times for kernel in self)

    @property
    def flops(self) -> int:
        """Floating-point operations of one call."""
        return sum(kernel.flops * kernel.times for kernel in self)

    @property
    def fewest(self) -> int:
        """The bytes that the kernels of one call have to move."""
        return sum(kernel.fewest * kernel.times for kernel in self)

    @property
    def moved(self) -> int | None:
        """The bytes that they do move; None of native code."""
        if self.target == "cpu":
            return None
        return sum((kernel.moved or 0) * kernel.times for kernel in self)

    def as_dict(self) -> dict[str, Any]:
        """The list as JSON has it."""
        return {
            "title": self.title,
            "target": self.target,
            "sizes": self.sizes,
            "kernels": [kernel.as_dict() for kernel in self],
            "totals": {
                "kernels": len(self),
                "launches": self.launches,
                "flops": self.flops,
                "fewest": self.fewest,
                "moved": self.moved,
                "ratio": None if self.moved is None else ratio_of(self.moved, self.fewest),
            },
        }

    @property
    def summary(self) -> str:
        """The numbers of kernels and launches, and what they cost together."""
        sizes = ", ".join(f"{name} {value}" for name, value in self.sizes.items())
        launches = f" in {self.launches} launches" if self.launches != len(self) else ""
        least = quantity(self.fewest, "B")
        bytes_ = f"{least} at the fewest"
        if self.moved is not None:
            ratio = ratio_of(self.moved, self.fewest)
            times = "" if ratio is None else f", {ratio:.2f} times the fewest ({least})"
            bytes_ = f"{quantity(self.moved, 'B')} moved{times}"
        native = " of native code" if self.target == "cpu" else ""
        return (
            f"{self.title}{f' ({sizes})' if sizes else ''}: {len(self)} "
            f"kernel{'s' if len(self) != 1 else ''}{native}{launches}, "
            f"{quantity(self.flops, 'FLOP')}, {bytes_}"
        )

    def __str__(self) -> str:
        """Two or more lines a kernel: its launch and what it costs, then what it is."""
        columns = [_HEADS, *map(_row, self)]
        if self.target == "cpu":
            columns = [tuple(cells[k] for k in _NATIVE) for cells in columns]
        widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
        if self.target == "cuda":
            widths = [max(pair) for pair in zip(widths, _WIDTHS, strict=True)]
        heads, *rows = (_line(cells, widths) for cells in columns)
        lines = [*wrapped(self.summary, ""), "", heads]
        for row, kernel in zip(rows, self, strict=True):
            lines.append(row)
            for fact in kernel.facts:
                lines += wrapped(fact)
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        shown = _NATIVE if self.target == "cpu" else range(len(_HEADS))
        rows = [(*(_row(one)[k] for k in shown), "\n".join(one.facts)) for one in self]
        return html_rows(self.summary, (*(_HEADS[k] for k in shown), "what"), rows)


_HEADS = ("kernel", "grid", "block", "shared", "times", "FLOP", "fewest", "moved", "ratio")
_WIDTHS = (6, 10, 7, 6, 5, 7, 7, 7, 5)
_NATIVE = [_HEADS.index(head) for head in ("kernel", "times", "FLOP", "fewest")]


def _row(kernel: KernelDescription) -> tuple[str, ...]:
    """The cells below `_HEADS`."""
    return (
        kernel.name,
        by(kernel.grid),
        by(kernel.block),
        str(kernel.shared),
        str(kernel.times),
        quantity(kernel.flops),
        "" if kernel.continues else quantity(kernel.fewest, "B"),
        "" if kernel.moved is None else quantity(kernel.moved, "B"),
        "" if kernel.ratio is None else f"{kernel.ratio:.2f}",
    )


def ratio_of(moved: int, fewest: int) -> float | None:
    """Return the bytes that are moved in units of the fewest; None where none have to be."""
    return round(moved / fewest, 3) if fewest else None


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells as wide as the table's columns: the first to the left, the others to the right."""
    others = zip(cells[1:], widths[1:], strict=True)
    return " ".join([cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in others)])
