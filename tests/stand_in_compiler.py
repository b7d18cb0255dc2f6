"""A program that answers as a C++ compiler does, for tests of what graphc makes of its answers."""

from __future__ import annotations

from pathlib import Path

_SCRIPT = """\
#!/bin/sh
if [ "$1" = --version ]; then echo "g++ 12.4"; echo more; exit; fi
for word; do
  for noted in {warned_of}; do
    if [ "$word" = "$noted" ]; then echo "warning: $word" >&2; fi
  done
  for refused in {refused}; do
    if [ "$word" = "$refused" ]; then echo "cannot do $word" >&2; exit 1; fi
  done
done
: > "$word"
"""


def stand_in_compiler(
    folder: Path, refused: tuple[str, ...] = (), warned_of: tuple[str, ...] = ()
) -> Path:
    """The file ``g++`` in `folder`: it makes an empty output, and fails at a flag in `refused`."""
    path = folder / "g++"
    path.write_text(
        _SCRIPT.format(refused=" ".join(refused), warned_of=" ".join(warned_of)), encoding="utf-8"
    )
    path.chmod(0o755)
    return path
