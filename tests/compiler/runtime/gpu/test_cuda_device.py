"""The decisions of a device before it calls the driver, on a stand-in for what it knows of its
card."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from graphc.compiler.runtime.gpu.cuda import Device
from graphc.errors import DeviceError


class TestSharedMemory:
    """A block has 48 KB; more has to be asked for, up to what the card has."""

    def requests(self, nbytes: int) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        device = SimpleNamespace(
            facts=SimpleNamespace(shared_opt_in=99 * 1024, name="a card"),
            _named=lambda doing: nullcontext(),
            _cuda=SimpleNamespace(
                function_attribute=SimpleNamespace(MAX_DYNAMIC_SHARED_SIZE_BYTES="most")
            ),
        )
        function = SimpleNamespace(set_attribute=lambda name, to: found.append((name, to)))
        Device.allow_shared(device, function, nbytes, "dense_1")
        return found

    @pytest.mark.parametrize("nbytes", [0, 48 * 1024])
    def test_what_every_block_has(self, nbytes):
        assert self.requests(nbytes) == []

    @pytest.mark.parametrize("nbytes", [48 * 1024 + 1, 99 * 1024])
    def test_up_to_what_the_card_has(self, nbytes):
        assert self.requests(nbytes) == [("most", nbytes)]

    def test_more_than_it_has(self):
        with pytest.raises(
            DeviceError, match="^dense_1 needs 101,377 bytes of .* at most 101,376 on a card"
        ):
            self.requests(99 * 1024 + 1)
