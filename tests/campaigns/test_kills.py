"""The campaign of kills sees a torn file, and some of its cases."""

from __future__ import annotations

import argparse
import random

from tests.campaigns import kills
from tests.campaigns.campaign import Cases


def test_files_that_are_written_in_place_are_torn(tmp_path):
    saving, faults = kills.Saving("in_place"), []
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        faults.append(saving.kill(folder, random.Random(number))[0])
    assert "in_place: a torn file" in faults


def test_kills_tear_nothing():
    found = list(kills.run(Cases(7, 0, 8, argparse.Namespace())))
    assert [result.fault for result in found if result.fault] == []
