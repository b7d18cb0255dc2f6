"""Golden text: what a kernel of each kind looks like, kept in golden/ and reviewed as code is.

GRAPHC_UPDATE_GOLDEN=1 in the environment writes the files anew; the difference is for a reviewer.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str, path: Path | None = None) -> None:
    """`text` is what golden/`name`.cu, or the file `path`, holds."""
    path = path or FOLDER / f"{name}.cu"
    if os.environ.get("GRAPHC_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), (
        f"the text of kernel kind {name} changed; if that is meant, run the test with "
        "GRAPHC_UPDATE_GOLDEN=1 and look at the difference"
    )
