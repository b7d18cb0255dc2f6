"""The value of a shared variable in a GPU's memory."""

from __future__ import annotations

import numpy as np

from graphc.compiler.graph import State
from graphc.compiler.runtime.gpu.cuda import Device


class DeviceArray:
    """An array on a device, in C order; a `DeviceValue` of a `State`.

    Attributes:
        device: where it lives.
        address: where it starts there; it never moves.
        shape, dtype: as of an array.
    """

    def __init__(self, device: Device, value: np.ndarray, name: str):
        """A copy of `value`; the device has to be current. `name` is for errors."""
        self.device = device
        self.shape = value.shape
        self.dtype = value.dtype
        self._block = device.allocate(max(value.nbytes, 1), name)
        self.address = self._block.address
        device.upload(self.address, np.ascontiguousarray(value))

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def to_host(self) -> np.ndarray:
        """A new array with the value, once all work on the device is done."""
        array = np.empty(self.shape, self.dtype)
        with self.device.current():
            self.device.download(array, self.address)
        return array


def on_device(state: State, device: Device) -> DeviceArray:
    """The value of a state on a device, brought there if it lives elsewhere; the device has to be
    current."""
    value = state.value
    if not isinstance(value, DeviceArray) or value.device is not device:
        host = value if isinstance(value, np.ndarray) else value.to_host()
        value = DeviceArray(device, host, f"the shared variable {state.name or 'without a name'}")
        state.assign(value)
    return value
