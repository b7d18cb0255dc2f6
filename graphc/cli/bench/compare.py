"""Comparison of two measurements: ``graphc bench --compare before.json after.json``."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from graphc.errors import DataError
from graphc.view.compare import is_close

_NUMBER = re.compile(r"^k\d+_")
_SAME = ("model", "batch", "device", "executor", "floatX")
_FACTS = ("card", "driver", "toolkit", "host", "commit")
Key = tuple[str, tuple[str, ...], int]


def load_report(path: str) -> dict[str, Any]:
    """Return a report that ``graphc bench --json`` printed. DataError where the file has none."""
    try:
        report: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"bench --compare: {path} cannot be read as JSON ({error}); expected a file that "
            "'graphc bench --json' printed"
        ) from error
    missing = [name for name in (*_SAME, "facts", "step", "rows") if name not in report]
    if missing:
        raise DataError(
            f"bench --compare: {path} has no {missing[0]!r}; expected a file that "
            "'graphc bench --json' printed"
        )
    return report


def keyed(report: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    """Return the rows by a key that is the same in another version.

    That is the kernel's name without its number, which depends on the kernels before it; its
    layers; and which one of those that are alike so far it is, in the order of the program.
    """
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    found = {}
    for row in sorted(report["rows"], key=_position):
        name = _NUMBER.sub("", row["name"]), tuple(row["layers"])
        found[(*name, seen[name])] = row
        seen[name] += 1
    return found


def _position(row: dict[str, Any]) -> int:
    number = _NUMBER.match(row["name"])
    return int(number[0][1:-1]) if number else 0


def format_comparison(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return a line for each row that both have, the slowest first, then the new and the removed
    rows.

    The ratio is the time after by the time before: below 1 it has become faster.
    """
    lines = [f"{name}: {_both(before[name], after[name])}" for name in _SAME]
    lines += [
        f"{name}: {_both(before['facts'].get(name, ''), after['facts'].get(name, ''))}"
        for name in _FACTS
        if name in before["facts"] or name in after["facts"]
    ]
    different = [name for name in _SAME if before[name] != after[name]]
    if before["facts"].get("card") != after["facts"].get("card"):
        different.append("card")
    if different:
        lines.append(f"These are not of one and the same {', '.join(different)}")
    lines.append("")
    lines.append(f"{'before ms':>10} {'after ms':>10} {'ratio':>7}  row")
    lines.append(_row("the whole step", before["step"], after["step"]))
    if before.get("device_step") and after.get("device_step"):
        lines.append(_row("its kernels", before["device_step"], after["device_step"]))
    old, new = keyed(before), keyed(after)
    shared = [key for key in old if key in new]
    for key in sorted(shared, key=lambda key: -old[key]["ms"]["median"] * old[key]["times"]):
        lines.append(_row(_title(key), old[key]["ms"], new[key]["ms"]))
    for what, rows, others in (("new", new, old), ("gone", old, new)):
        for key, row in rows.items():
            if key not in others:
                lines.append(f"{what}: {_title(key)}, {row['ms']['median']:.4f} ms")
    return "\n".join(lines)


def _both(before: Any, after: Any) -> str:
    return str(after) if before == after else f"{before} -> {after}"


def _title(key: Key) -> str:
    name, layers, number = key
    ordinal = f" ({number + 1})" if number else ""
    return f"{name}{ordinal}  {', '.join(layers)}".rstrip()


def _row(title: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return one line; a ~ marks a difference that may be chance, as the quartiles of the two
    overlap."""
    old, new = before["median"], after["median"]
    ratio = f"{new / old:.3f}" if old else "-"
    close = "~" if is_close(before, after) else " "
    return f"{old:>10.4f} {new:>10.4f} {ratio:>7}{close} {title}"
