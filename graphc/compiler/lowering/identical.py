"""Identical code folding: launches whose functions are the same, up to their names and comments,
share one.

Layers of one shape print the same loops over other addresses, which are arguments. As each text is
compiled once, the compiler's time grows with the distinct layers of a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.compiler.lowering.unit import header
from graphc.compiler.program.launch import DeviceLoop, DeviceStep, Launch, launches
from graphc.compiler.targets.marks import with_name


def fold_identical(steps: Sequence[DeviceStep]) -> tuple[DeviceStep, ...]:
    """Return the steps with one function for all launches of equal ones: that of the first, below a
    header comment that names the layers of all."""
    sharing: dict[str, list[Launch]] = {}
    for launch in launches(steps):
        sharing.setdefault(launch.code, []).append(launch)
    folded: dict[Launch, Launch] = {}
    for group in sharing.values():
        first, head = group[0], header(group)
        text, above = f"{head}\n{first.text}", head.count("\n") + 1
        lines = {above + number: name for number, name in first.lines.items()}
        folded[first] = replace(first, text=text, lines=lines)
        folded.update(
            {one: replace(one, text=text, lines=lines, repeats=first.name) for one in group[1:]}
        )
    return _replaced(steps, folded)


def functions(steps: Sequence[DeviceStep]) -> list[str]:
    """Return the text of each function that the launches of folded steps run."""
    return [launch.text for launch in launches(steps) if launch.repeats is None]


def codes(steps: Sequence[DeviceStep]) -> list[str]:
    """Return each of these functions without its notes: the same for layers of any name."""
    return [with_name(one.code, one.name) for one in launches(steps) if one.repeats is None]


def _replaced(steps: Sequence[DeviceStep], folded: dict[Launch, Launch]) -> tuple[DeviceStep, ...]:
    return tuple(
        replace(step, steps=_replaced(step.steps, folded))
        if isinstance(step, DeviceLoop)
        else folded[step]
        for step in steps
    )
