"""The lines that the progress prints."""

from __future__ import annotations

import io
import itertools
import logging
import os
import re
import sys
from types import SimpleNamespace

import pytest

from graphc.callbacks import Callback, ProgressBar, progress
from tests.callbacks.small_model import X, Y, compiled


class Terminal(io.StringIO):
    def isatty(self):
        return True


def seen(written):
    """The lines that a terminal shows in the end."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


class TestProgress:
    def lines(self, verbose, capsys):
        compiled().fit(X, Y, nb_epoch=2, verbose=verbose, validation_data=(X, Y))
        return capsys.readouterr().out.splitlines()

    @pytest.mark.parametrize("verbose", [1, 2])
    def test_a_line_an_epoch_where_there_is_no_terminal(self, verbose, capsys):
        lines = self.lines(verbose, capsys)
        number = r"\d+\.\d{4}(e[-+]\d+)?"
        for epoch, line in enumerate(lines, start=1):
            pattern = (
                rf"Epoch {epoch}/2 - \d+\.\ds - loss: {number} - acc: {number} - "
                rf"val_loss: {number} - val_acc: {number}"
            )
            assert re.fullmatch(pattern, line), line
        assert len(lines) == 2

    def test_silence(self, capsys):
        assert self.lines(0, capsys) == []

    def test_a_bar_on_a_terminal_and_a_line_behind_it(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.0)
        compiled().fit(X, Y, nb_epoch=1, batch_size=1, verbose=1)
        written = terminal.getvalue()
        assert "/5" in written
        assert "loss: " in written.split("Epoch 1/1 - ")[0]
        assert re.search(r"\rEpoch 1/1 - .*\n$", written)

    def test_an_interrupted_training_leaves_no_bar_behind(self, monkeypatch):
        class Interrupt(Callback):
            def on_batch_end(self, batch, logs=None):
                raise KeyboardInterrupt

        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        model = compiled()
        with pytest.raises(KeyboardInterrupt) as kept:
            model.fit(X, Y, nb_epoch=1, callbacks=[Interrupt()])
        model.fit(X, Y, nb_epoch=1)
        del kept  # until here the frames are held, and with them the bar, as a notebook does
        # tqdm moves the cursor down and up for a bar below one that is still there.
        assert "\x1b[A" not in terminal.getvalue()

    def test_a_message_has_lines_of_its_own(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.0)
        logger = logging.getLogger("graphc")
        handler = logging.StreamHandler(terminal)
        logger.addHandler(handler)
        try:
            with ProgressBar(4, "Epoch 1/1") as bar:
                logger.warning("the message")
                bar.update({"size": 2, "loss": 0.5})
            logger.warning("the end")
        finally:
            logger.removeHandler(handler)
        assert seen(terminal.getvalue()) == ["the message", "the end", ""]
        assert "2/4" in terminal.getvalue().split("the message")[1]

    def test_a_stdout_that_can_only_write(self, monkeypatch):
        class Tee:
            def __init__(self):
                self.text = ""

            def write(self, text):
                self.text += text

            def flush(self):
                pass

        tee = Tee()
        monkeypatch.setattr(sys, "stdout", tee)
        model = compiled()
        model.fit(X, Y, nb_epoch=1)
        model.evaluate(X, Y)
        assert tee.text.startswith("Epoch 1/1 - ")

    def test_the_bar_refreshes_at_most_20_times_a_second(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        clock = itertools.count(step=0.001)  # a millisecond passes each time it is read
        monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=clock.__next__))
        bar = ProgressBar(2_000, "busy")
        before = terminal.getvalue().count("busy")
        for _ in range(2_000):
            bar.update({"size": 1, "loss": 0.5})
        assert 35 <= terminal.getvalue().count("busy") - before <= 40  # in 2 seconds
        bar.close()

    def test_the_bar_of_80_columns_has_the_loss_and_a_metric(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.0)
        monkeypatch.setenv("COLUMNS", "80")
        bar = ProgressBar(1438, "Epoch 54/60")
        bar.update({"size": 960, "loss": 0.0112, "acc": 0.9986})
        drawn = terminal.getvalue().split("\r")
        bar.close()
        assert max(map(len, drawn)) == 80
        assert "loss: 0.0112 - acc: 0.9986]" in drawn[-1]

    def test_a_terminal_that_does_not_know_its_size_has_a_bar(self, monkeypatch):
        pty = pytest.importorskip("pty", reason="pseudo-terminals are of Unix")
        reader, writer = pty.openpty()  # of 0 x 0
        with os.fdopen(writer, "w") as terminal, os.fdopen(reader, "rb") as read:
            monkeypatch.setattr(sys, "stdout", terminal)
            bar = ProgressBar(4, "epoch")
            terminal.flush()
            assert b"0/4" in read.read1()
            bar.close()

    def test_means_so_far_weigh_batches_by_size(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", Terminal())
        bar = ProgressBar(4, "epoch")
        bar.update({"size": 3, "loss": 1.0})
        bar._drawn = 0.0
        bar.update({"size": 1, "loss": 5.0})
        assert bar._bar.postfix == "loss: 2.0000"
        bar.close()
