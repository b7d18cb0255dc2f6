"""Arrays of open files, read at any place."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest

from graphc.rows.descriptors import DescriptorOfHDF5, OwnDescriptor, read_array

VALUES = np.arange(100, dtype="int16")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "values").write_bytes(VALUES.tobytes())
    return tmp_path / "values"


@pytest.fixture(params=["preadv", "lseek"])
def call(request, monkeypatch):
    """By the one call that reads at a place, and where the system has none."""
    if request.param == "lseek":
        monkeypatch.delattr(os, "preadv")


@pytest.mark.usefixtures("call")
def test_an_array_from_a_place_on(path):
    with open(path, "rb") as file:
        own = OwnDescriptor(file.fileno())
    assert own.size() == 200  # it stays open behind the other
    block = np.empty((5, 2), "int16")
    read_array(own, 20, block)
    np.testing.assert_array_equal(block, np.arange(10, 20).reshape(5, 2))
    with pytest.raises(EOFError, match="it ends before"):
        read_array(own, 182, block)
    own.close()
    own.close()
    for use in (own.size, lambda: read_array(own, 0, block)):
        with pytest.raises(ValueError, match="it was closed"):
            use()


def test_reads_of_a_part_are_gone_on_with():
    class Slow:
        def readinto(self, rest, at):
            rest[:3] = VALUES.tobytes()[at : at + 3]
            return 3

    block = np.empty(6, "int16")
    read_array(Slow(), 4, block)
    assert block.tolist() == [2, 3, 4, 5, 6, 7]


def test_the_file_of_hdf5(tmp_path):
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["x"] = VALUES
        file.flush()
        place = file["x"].id.get_offset()
        descriptor = DescriptorOfHDF5(file)
        assert descriptor.size() == os.path.getsize(tmp_path / "file.h5")
        block = np.empty(4, "int16")
        read_array(descriptor, place + 6, block)
        assert block.tolist() == [3, 4, 5, 6]
