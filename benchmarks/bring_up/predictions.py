"""Compare the times that were predicted for a card with those that the benches have measured.

python -m benchmarks.bring_up.predictions RESULTS.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.bring_up.machine import ROOT
from benchmarks.bring_up.outcome import tell
from benchmarks.compare_predictions import card_of, compare
from graphc.errors import ArgumentError

PREDICTIONS = ROOT / "benchmarks" / "predictions"


def main(folder: Path = PREDICTIONS) -> None:
    content = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        card_of(content["facts"]["card"])
    except ArgumentError as error:
        tell(None, str(error))
    dated = sorted(folder.glob("*.json"))
    if not dated:
        tell(None, f"no predictions are in {folder}")
    reports = [
        run["found"]["report"]
        for run in content["runs"]
        if run["step"] == "bench" and "report" in (run.get("found") or {})
    ]
    if not reports:
        tell(None, "no bench has measured anything yet")
    predictions = json.loads(dated[-1].read_text(encoding="utf-8"))
    found, problems = [], []
    for report in reports:
        try:
            found.append(compare(predictions, report))
        except ArgumentError as error:
            problems.append(str(error))
    print("\n\n".join(map(str, found)))
    compared = [one.as_dict() for one in found]
    tell(not problems, "; ".join(problems), predictions=dated[-1].name, compared=compared)


if __name__ == "__main__":
    main()
