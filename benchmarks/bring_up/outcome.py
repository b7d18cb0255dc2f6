"""The way in which a program of a step says what it found: JSON in its last line."""

from __future__ import annotations

import json
import sys
from typing import Any


def tell(passed: bool | None, said: str = "", **found: Any) -> None:
    """Print what was found and end the process: with status 0, or 1 where it did not pass.

    Args:
        passed: None where it was left out.
        said: the reason, where it did not pass.
    """
    print(json.dumps({"passed": passed, "said": said, "found": found}))
    sys.exit(1 if passed is False else 0)
