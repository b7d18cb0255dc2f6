"""Tables by columns, as pages hold them: few values fill thousands of rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def by_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a table, whose rows have the same names, by columns.

    Returns:
        values: the values of each column, each once.
        rows: for each column and row the number of its value.
    """
    values: dict[str, list[Any]] = {}
    numbers: dict[str, list[int]] = {}
    for name in rows[0] if rows else ():
        known: dict[str, int] = {}
        values[name], numbers[name] = [], []
        for row in rows:
            # 1 is not 1.0, and lists have no hash.
            number = known.setdefault(json.dumps(row[name]), len(known))
            if number == len(values[name]):
                values[name].append(row[name])
            numbers[name].append(number)
    return {"values": values, "rows": numbers}


def by_rows(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of what `by_columns` returned, or JSON has of it."""
    values, numbers = table["values"], table["rows"]
    columns = [[values[name][k] for k in numbers[name]] for name in numbers]
    return [dict(zip(numbers, row, strict=True)) for row in zip(*columns, strict=True)]
