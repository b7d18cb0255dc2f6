"""A callback that writes the epochs' logs as a table."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphc.callbacks.base import Callback, Logs
from graphc.callbacks.files import check_folder, storage_errors
from graphc.errors import ArgumentError, DataError
from graphc.lookup import true_or_false
from graphc.paths import GivenPath, checked_path, shown_path

_log = logging.getLogger("graphc")


class CSVLogger(Callback):
    """Writes a line for each epoch to a file: its number, from 0, and its logs by name.

    A line is written when its epoch ends, and is on the disk before the next epoch begins.

    Args:
        filename: the file, which is begun anew when training begins.
        separator: between two columns, one character.
        append: go on with the file that is there. Its columns stay; DataError where its first line
            does not name them all.

    Raises:
        ArgumentError: a filename that is no path, a separator that is not one character; in
            training, a folder that is not there.
        DataError: in training, a file to go on with that has other columns.
        StorageError: in training, a file that cannot be written.
    """

    on_first_rank_only = True

    def __init__(self, filename: GivenPath, separator: str = ",", append: bool = False):
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ArgumentError(
                f"CSVLogger: separator: expected one character, e.g. ',', received {separator!r}"
            )
        self.filename = checked_path("CSVLogger: filename", filename)
        self.separator = separator
        self.append = true_or_false("CSVLogger", "append", append)
        self._columns: list[str] | None = None
        self._left_out: set[str] = set()

    @property
    def sep(self) -> str:
        """The separator."""
        return self.separator

    @property
    def keys(self) -> list[str] | None:
        """The names of the columns behind that of the epochs; None before the first line."""
        return None if self._columns is None else self._columns[1:]

    def on_train_begin(self, logs: Logs = None) -> None:
        path = Path(self.filename)
        check_folder("CSVLogger: filename", self.filename)
        self._columns = None
        self._left_out = set()
        with storage_errors("CSVLogger", self.filename):
            if self.append and path.exists() and path.stat().st_size:
                self._columns = self._begun(path)
            else:
                path.write_bytes(b"")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        values = {**(logs or {}), "epoch": epoch}
        text = ""
        if self._columns is None:
            self._columns = ["epoch", *sorted(name for name in values if name != "epoch")]
            text = self._line(self._columns)
        self._check(values)
        text += self._line([_shown(values.get(name, "")) for name in self._columns])
        with (
            storage_errors("CSVLogger", self.filename),
            open(self.filename, "a", encoding="utf-8", newline="") as file,
        ):
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _begun(self, path: Path) -> list[str]:
        """The columns of a file to go on with. A line that was cut off is ended."""
        text = path.read_text(encoding="utf-8")
        columns = next(csv.reader(io.StringIO(text), delimiter=self.separator))
        expected = ["epoch", *sorted(self.params.get("metrics", ()))]
        missing = [name for name in expected if name not in columns]
        if missing:
            raise DataError(
                f"CSVLogger: {shown_path(self.filename)} has the columns {', '.join(columns)}, and "
                f"not {', '.join(missing)}; give another file, the separator that it was written "
                "with, or append=False to begin it anew"
            )
        if not text.endswith("\n"):
            with open(path, "a", encoding="utf-8", newline="") as file:
                file.write("\n")
        return columns

    def _check(self, values: Mapping[str, Any]) -> None:
        """A value that comes late has no column; say so once."""
        late = [name for name in values if name not in (self._columns or ())]
        late = [name for name in late if name not in self._left_out]
        if late:
            self._left_out.update(late)
            _log.warning(
                "CSVLogger leaves %s out: %s has no such column, its first line was written before",
                ", ".join(map(repr, late)),
                shown_path(self.filename),
            )

    def _line(self, cells: list[str]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerow(cells)
        return text.getvalue()


def _shown(value: object) -> str:
    """Numbers such that reading them gives the same ones."""
    number = value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else value
    return repr(number) if isinstance(number, float) else str(number)
