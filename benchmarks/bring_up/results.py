"""The file of a check: facts, then what each run found, written whole after each."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ResultsError(Exception):
    """A file that a check cannot go on with."""


class Results:
    """The findings of a check so far, and the file that has them."""

    def __init__(self, path: Path, facts: dict[str, Any], runs: Sequence[dict[str, Any]] = ()):
        self.path = path
        self.facts = facts
        self._runs = {(run["step"], run["name"]): run for run in runs}

    @classmethod
    def begun(cls, folder: Path, facts: dict[str, Any], path: Path | None = None) -> Results:
        """A new file: at `path`, or in `folder` with the date and the card as its name."""
        now = datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017  (Python 3.10 has no UTC)
        facts = {"date": now.isoformat(timespec="seconds"), **facts}
        return cls(path or folder / file_name(facts), facts)

    @classmethod
    def resumed(cls, path: Path, facts: dict[str, Any]) -> Results:
        """Those of a file, to go on with: of the same card and code; else ResultsError."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            old, runs = content["facts"], content["runs"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"--resume: {path} is no file of gpu_check.py ({error})") from error
        for name in ("card", "commit"):
            if old.get(name) != facts[name]:
                raise ResultsError(
                    f"--resume: {path} is of another {name}: expected {facts[name] or 'none'}, "
                    f"received {old.get(name) or 'none'}. What to do: leave --resume out"
                )
        return cls(path, old, runs)

    def is_done(self, step: str, name: str) -> bool:
        """Return True if a run has passed or failed; one that was left out has not."""
        run = self._runs.get((step, name))
        return run is not None and run["passed"] is not None

    def add(self, run: dict[str, Any]) -> None:
        """Add what a run found and write the file, whole or not at all."""
        self._runs[run["step"], run["name"]] = run
        self.path.parent.mkdir(parents=True, exist_ok=True)
        half = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        content = {"facts": self.facts, "runs": self.runs}
        with half.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        half.replace(self.path)

    @property
    def runs(self) -> list[dict[str, Any]]:
        """All runs, in order."""
        return list(self._runs.values())

    def counts(self) -> dict[str, int]:
        """Return how many runs passed, failed and were left out."""
        words = {True: "passed", False: "failed", None: "left out"}
        counts = dict.fromkeys(words.values(), 0)
        for run in self.runs:
            counts[words[run["passed"]]] += 1
        return counts


def file_name(facts: dict[str, Any]) -> str:
    """``2026-01-31-nvidia-h100-pcie.json``."""
    card = re.sub(r"[^a-z0-9]+", "-", facts["card"].lower()).strip("-")
    return f"{facts['date'][:10]}-{card}.json"


def newest(folder: Path) -> Path | None:
    """Return the file in a folder that a check has written last; None without one."""
    paths = [path for path in folder.glob("*.json") if '"runs"' in path.read_text(errors="replace")]
    return max(paths, key=lambda path: path.stat().st_mtime, default=None)
