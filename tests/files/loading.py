"""Loading of files that may be hostile, each with a limit of time and of memory, in a worker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Worker:
    """A process of `loading_worker`, begun again after each crash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._errors = folder / "errors.txt"
        self._process: subprocess.Popen | None = None

    def load(self, loader: str, path: Path) -> tuple[str, str]:
        """Load a file. Return ('loaded', a digest of its arrays), ('refused', why) or ('failed',
        why)."""
        if self._process is None:
            self._begin()
        process = self._process
        print(json.dumps({"loader": loader, "path": str(path)}), file=process.stdin, flush=True)
        line = process.stdout.readline()
        if line:
            kind, why = json.loads(line)
            return kind, why
        code = process.wait()
        self.end()
        return "failed", f"the worker ended with {code}: {self._errors.read_text()[-3000:]}"

    def _begin(self) -> None:
        with open(self._errors, "w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.files.loading_worker"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None
