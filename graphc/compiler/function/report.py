"""The report of compiling functions: as text at the end of a notebook's cell, and where printed."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.passes import PassReport


@dataclass(frozen=True)
class CompileReport:
    """The passes of one specialisation of a function, with node counts and seconds, and how its
    executor was made (`Executor.summary`)."""

    name: str
    device: str
    mode: str
    passes: tuple[PassReport, ...]
    seconds: float
    summary: str

    def __str__(self) -> str:
        head = f"{self.name}: device={self.device}, mode={self.mode}, {self.seconds:.3f} s in all"
        rows = [f"  {'pass':<20} {'nodes before':>12} {'after':>7} {'seconds':>9}"]
        rows += [
            f"  {row.name:<20} {row.nodes_before:>12} {row.nodes_after:>7} {row.seconds:>9.4f}"
            for row in self.passes
        ]
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
