"""The progress of training on a terminal or in a file."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from tqdm import tqdm

from graphc.callbacks.base import Callback, Logs
from graphc.callbacks.logs import Means
from graphc.parallel import rank

_log = logging.getLogger("graphc")

_REFRESH_SECONDS = 0.05
# Without tqdm's rate, so that the loss and a metric fit 80 columns.
_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"


class ProgbarLogger(Callback):
    """Shows the progress of `fit`.

    verbose 1 draws a bar on a terminal, and prints a line an epoch elsewhere (a notebook, a file);
    verbose 2 prints a line an epoch; verbose 0 nothing.
    """

    _bar: ProgressBar | None = None

    def close(self) -> None:
        """Take away the bar of an epoch that was cut short; a later bar would be drawn below it."""
        if self._bar is not None:
            self._bar.close()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.verbose = 0 if rank() else self.params["verbose"]

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if not self.verbose:
            return
        self._started = time.perf_counter()
        title = f"Epoch {epoch + 1}/{self.params['nb_epoch']}"
        self._bar = ProgressBar(self.params["nb_sample"], title, self.verbose == 1)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.verbose == 1 and self._bar is not None and logs is not None:
            self._bar.update(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if not self.verbose or self._bar is None:
            return
        self._bar.close()
        seconds = time.perf_counter() - self._started
        line = [self._bar.title, f"{seconds:.1f}s"]
        line += _shown(logs or {}, self.params["metrics"])
        print(" - ".join(line), flush=True)


class ProgressBar:
    """A bar of samples on a terminal; draws nothing where stdout is none.

    Args:
        total: how many samples.
        title: in front of the bar.
        wanted: whether to draw at all.
    """

    def __init__(self, total: int, title: str, wanted: bool = True):
        self.title = title
        self._seen = 0
        self._means = Means()
        self._drawn = time.perf_counter()  # tqdm draws the empty bar
        self._bar: tqdm[NoReturn] | None = None
        # What a script puts in the place of stdout, e.g. to write a file too, may lack isatty.
        if wanted and not rank() and getattr(sys.stdout, "isatty", bool)():
            size = shutil.get_terminal_size()
            self._bar = tqdm(
                total=total,
                desc=title,
                bar_format=_FORMAT,
                file=sys.stdout,
                leave=False,
                # tqdm itself draws nothing on a terminal that does not know its size.
                ncols=size.columns,
                nrows=size.lines,
            )
            _log.addFilter(self._make_room)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def update(self, logs: Mapping[str, Any]) -> None:
        """Move on by ``logs['size']`` samples; the other entries are shown as means so far."""
        if self._bar is None:
            return
        self._seen += logs["size"]
        self._means.add(logs)
        now = time.perf_counter()
        if now - self._drawn >= _REFRESH_SECONDS:
            self._drawn = now
            means = self._means.means()
            # Drawn here, not by tqdm's clock, so that the bar and its numbers are of one moment.
            self._bar.n = self._seen
            self._bar.set_postfix_str(" - ".join(_shown(means, list(means))))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            _log.removeFilter(self._make_room)
            self._bar.close()

    def _make_room(self, record: logging.LogRecord) -> bool:
        """A message begins where the bar was, not after it; the next update draws it below."""
        if self._bar is not None:
            self._bar.clear()
        return True


def _shown(logs: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [f"{name}: {_number(logs[name])}" for name in names if name in logs]


def _number(value: float) -> str:
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.4e}"
