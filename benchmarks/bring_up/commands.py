"""Programs that a kit is made and installed by."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from benchmarks.bring_up.manifest import KitError

_LINES = 20


def output_of(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to success; return what it printed. KitError with its last lines.

    Args:
        environment: variables beside those of this process.
    """
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-_LINES:])
        raise KitError(f"{' '.join(command)} failed:\n{tail}")
    return done.stdout
