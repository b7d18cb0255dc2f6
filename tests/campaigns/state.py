"""The progress of a campaign, in a file: with the same name, seed and options it goes on there."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from graphc.whole_files import written_whole
from tests.campaigns.campaign import Result

_LONGEST_NAME = 180  # a file's name has at most 255 bytes


@dataclass
class State:
    """The cases [0, done) of a campaign, and what they gave.

    Attributes:
        campaign: its name.
        seed: its seed.
        options: its own options, by name.
        done: the number of cases that were run.
        seconds: the time that they took, in all runs together.
        failures: what failed, by the case's number.
        counts: the cases' counts, added up.
        date: of the last run.
    """

    campaign: str
    seed: int
    options: Mapping[str, object]
    done: int = 0
    seconds: float = 0.0
    failures: dict[int, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    date: str = ""

    def add(self, result: Result) -> None:
        """Add the next case's result."""
        assert result.index == self.done
        self.done += 1
        if result.fault:
            self.failures[result.index] = result.fault
        for name, count in result.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def path(self, folder: Path) -> Path:
        """Return the file of a campaign of this name, seed and options."""
        options = "".join(f"-{name}={value}" for name, value in sorted(self.options.items()))
        plain = re.sub(r"[^\w.,=+-]", "_", f"{self.campaign}-seed={self.seed}{options}")
        if len(plain) > _LONGEST_NAME:
            plain = f"{plain[:_LONGEST_NAME]}-{zlib.crc32(plain.encode()):08x}"
        return folder / f"{plain}.json"

    def store(self, folder: Path) -> None:
        """Write the file, whole."""
        folder.mkdir(parents=True, exist_ok=True)
        self.date = date.today().isoformat()
        with written_whole(self.path(folder)) as part:
            part.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def restored(self, folder: Path) -> State:
        """Return the state as its file has it; this one where there is no file."""
        path = self.path(folder)
        if not path.is_file():
            return self
        kept = State(**json.loads(path.read_text()))
        kept.failures = {int(index): fault for index, fault in kept.failures.items()}
        return kept
