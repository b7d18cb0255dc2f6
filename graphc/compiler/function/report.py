"""The report of compiling functions: as text at the end of a notebook's cell, and where printed."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.passes import PassReport


@dataclass(frozen=True)
class CompileReport:
    """The passes of one specialisation of a function, those of its target last, with node counts
    and seconds, and how its executor was made (`Executor.summary`)."""

    name: str
    device: str
    mode: str
    passes: tuple[PassReport, ...]
    seconds: float
    summary: str

    def __str__(self) -> str:
        head = f"{self.name}: device={self.device}, mode={self.mode}, {self.seconds:.3f} s in all"
        width = max(20, *(len(row.title) for row in self.passes))
        rows = [f"  {'pass':<{width}} {'nodes before':>12} {'after':>7} {'seconds':>9}"]
        for one in self.passes:
            counts = f"{one.nodes_before:>12} {one.nodes_after:>7}"
            rows.append(f"  {one.title:<{width}} {counts} {one.seconds:>9.4f}")
        return "\n".join([head, *rows, f"  {self.summary}"])

    __repr__ = __str__


@dataclass(frozen=True)
class CompileReports:
    """The reports of the functions that a model has made so far; `model` is its name."""

    model: str
    functions: tuple[CompileReport, ...]

    def __str__(self) -> str:
        if not self.functions:
            return f"{self.model}: no function is made yet; fit, evaluate and predict make theirs"
        return "\n\n".join(map(str, self.functions))

    __repr__ = __str__
