"""The passes of a function, for people: what each changes, by which rules, and why a target has it.

>>> print(f.passes(target="cpu"))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from graphc.compiler.passes import PassRecord
from graphc.compiler.program.table import wrapped
from graphc.compiler.targets.passes import TargetPass


@dataclass(frozen=True)
class PassDescription:
    """One pass.

    Attributes:
        name: of the pass.
        target: the target whose pass it is, 'cuda' or 'cpu'; empty for one of all targets.
        nodes_before, nodes_after: the nodes of the graph, those in the bodies of loops included.
        changed: True if it returned another graph.
        rules: the rules that fired, and how often each did.
        why: of a target's pass the reason for it; else empty.
    """

    name: str
    target: str
    nodes_before: int
    nodes_after: int
    changed: bool
    rules: Mapping[str, int]
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "name": self.name,
            "target": self.target,
            "nodes_before": self.nodes_before,
            "nodes_after": self.nodes_after,
            "changed": self.changed,
            "rules": dict(self.rules),
            "why": self.why,
        }

    def __str__(self) -> str:
        count = f"{self.nodes_before:>12} {self.nodes_after:>7}" if self.changed else "   unchanged"
        lines = [f"{self.name:<22} {count}"]
        lines += [
            line
            for rule, times in self.rules.items()
            for line in wrapped(rule if times == 1 else f"{rule} ({times} times)")
        ]
        return "\n".join([*lines, *(wrapped(self.why) if self.why else ())])


class PassList(Sequence[PassDescription]):
    """The passes of a function in order, those of a target last; prints as text.

    Attributes:
        title: whose they are.
        target: 'cuda' or 'cpu'.
    """

    def __init__(self, title: str, target: str, passes: Sequence[PassDescription]):
        self.title = title
        self.target = target
        self._passes = tuple(passes)

    @overload
    def __getitem__(self, index: int) -> PassDescription: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[PassDescription]: ...

    def __getitem__(self, index: int | slice) -> Any:
        return self._passes[index]

    def __len__(self) -> int:
        return len(self._passes)

    def as_dict(self) -> dict[str, Any]:
        """Return the list as JSON has it."""
        return {"title": self.title, "target": self.target, "passes": [x.as_dict() for x in self]}

    def __str__(self) -> str:
        head = f"{'passes of all targets':<22} {'nodes before':>12} {'after':>7}"
        of_all = [str(one) for one in self if not one.target]
        of_target = [str(one) for one in self if one.target]
        return "\n".join([self.title, head, *of_all, "", f"passes of {self.target}", *of_target])

    __repr__ = __str__


def pass_list(
    title: str, target: str, records: Sequence[PassRecord], table: Sequence[TargetPass]
) -> PassList:
    """Return the passes of a function.

    Args:
        title: whose they are.
        target: for which the last of them are.
        records: of all passes.
        table: the passes of the target.
    """
    reasons = {one.name: one.why for one in table}
    return PassList(
        title,
        target,
        [
            PassDescription(
                one.report.name,
                one.report.target,
                one.report.nodes_before,
                one.report.nodes_after,
                one.changed,
                Counter(firing.rule for firing in one.firings),
                reasons[one.report.name] if one.report.target else "",
            )
            for one in records
        ],
    )
