"""The transport between GPUs: NCCL, called through ctypes.

It has never run on several GPUs. Tests call it over a stand-in for the library, which moves bytes
through shared memory, and query the library of the nvidia-nccl wheels, where it is installed, for
its version and a unique id.

Signatures and values are those of nccl.h, the NCCL API's own documentation.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np

from graphc.errors import DeviceError, MissingPackageError, RankError
from graphc.parallel.transport import (
    Transfer,
    Transport,
    as_bytes,
    check_exchange,
    check_parts,
    check_root,
)
from graphc.parallel.waiting import wait_until

FIX = "python -m pip install nvidia-nccl-cu12"

_LIBRARY = "libnccl.so.2"
_UNIQUE_ID_BYTES = 128
_SUCCESS = 0
_IN_PROGRESS = 7
_UINT8 = 1  # ncclDataType_t


class _UniqueId(ctypes.Structure):
    _fields_ = (("internal", ctypes.c_char * _UNIQUE_ID_BYTES),)


_Pointer, _Count, _Comm, _Stream = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_void_p,
)

_SIGNATURES = {
    "ncclGetVersion": (ctypes.POINTER(ctypes.c_int),),
    "ncclGetUniqueId": (ctypes.POINTER(_UniqueId),),
    "ncclCommInitRank": (ctypes.POINTER(_Comm), ctypes.c_int, _UniqueId, ctypes.c_int),
    "ncclCommDestroy": (_Comm,),
    "ncclCommAbort": (_Comm,),
    "ncclCommGetAsyncError": (_Comm, ctypes.POINTER(ctypes.c_int)),
    "ncclGroupStart": (),
    "ncclGroupEnd": (),
    "ncclSend": (_Pointer, _Count, ctypes.c_int, ctypes.c_int, _Comm, _Stream),
    "ncclRecv": (_Pointer, _Count, ctypes.c_int, ctypes.c_int, _Comm, _Stream),
    "ncclAllGather": (_Pointer, _Pointer, _Count, ctypes.c_int, _Comm, _Stream),
    "ncclBroadcast": (_Pointer, _Pointer, _Count, ctypes.c_int, ctypes.c_int, _Comm, _Stream),
}


@dataclass(frozen=True)
class DeviceBytes:
    """A range of a GPU's memory."""

    address: int
    size: int


class TransferStream(Protocol):
    """A stream of the GPU, in which transfers are queued after the kernels that write their
    bytes."""

    @property
    def handle(self) -> int:
        """The CUstream."""

    def mark(self) -> Callable[[], bool]:
        """Return a function that returns True once all work queued so far is done."""


def find_library() -> str:
    """Return the path of the library in the wheel, or else its name for the system's search."""
    try:
        found = importlib.util.find_spec("nvidia.nccl")
    except ModuleNotFoundError:
        found = None
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        path = Path(folder) / "lib" / _LIBRARY
        if path.exists():
            return str(path)
    return _LIBRARY


class NcclLibrary:
    """The functions of libnccl; an error that one of them returns is raised.

    Raises:
        MissingPackageError: no library.
        DeviceError: a library that lacks a function.
    """

    def __init__(self, path: str | None = None) -> None:
        path = find_library() if path is None else path
        try:
            self._library = ctypes.CDLL(path)
        except OSError as error:
            raise MissingPackageError(f"NCCL is missing ({error}): {FIX}") from error
        for name, arguments in _SIGNATURES.items():
            try:
                function = getattr(self._library, name)
            except AttributeError as error:
                raise DeviceError(
                    f"NCCL: expected a library of NCCL 2.7 or newer, received {path}, which has "
                    f"no {name}: {FIX}"
                ) from error
            function.argtypes, function.restype = arguments, ctypes.c_int
        self._library.ncclGetErrorString.restype = ctypes.c_char_p

    def call(self, name: str, *arguments: object) -> None:
        """Call a function; raise RankError unless it succeeds."""
        self.check(name, getattr(self._library, name)(*arguments))

    def check(self, name: str, result: int) -> None:
        """Raise RankError unless a result is success."""
        if result not in (_SUCCESS, _IN_PROGRESS):
            text = self._library.ncclGetErrorString(result) or b"unknown"
            raise RankError(
                f"{name} returned {result}: {text.decode(errors='replace')}; NCCL_DEBUG=INFO in "
                "the environment lets NCCL say more"
            )

    def version(self) -> str:
        """Return the version, such as 2.32.3."""
        number = ctypes.c_int()
        self.call("ncclGetVersion", ctypes.byref(number))
        # From 2.9 on major * 10000 + minor * 100 + patch, before it major * 1000.
        major = number.value // (10000 if number.value >= 10000 else 1000)
        rest = number.value % (10000 if number.value >= 10000 else 1000)
        return f"{major}.{rest // 100}.{rest % 100}"

    def unique_id(self) -> bytes:
        """Return a new id, by which the ranks of a job find one another."""
        found = _UniqueId()
        self.call("ncclGetUniqueId", ctypes.byref(found))
        return bytes(found)


class Nccl:
    """The transport between the GPUs of all ranks, one each. Transfers are put into a stream.

    An error or an interrupt in a wait gives NCCL up, since a transfer that another rank never joins
    would keep the GPU busy for ever.

    Args:
        host: the ranks' transport between hosts, which carries the id.
        library: NCCL.
        stream: in which transfers stand.
        check: called while a transfer is waited for; raises where another rank has failed.
    """

    def __init__(
        self,
        host: Transport[np.ndarray],
        library: NcclLibrary,
        stream: TransferStream,
        check: Callable[[], None],
    ) -> None:
        self.rank, self.size = host.rank, host.size
        self._host = host
        self._library, self._stream, self._check = library, stream, check
        self._is_given_up = False
        shared = np.zeros(_UNIQUE_ID_BYTES, "uint8")
        if self.rank == 0:
            shared[:] = np.frombuffer(library.unique_id(), "uint8")
        host.broadcast(as_bytes(shared), 0).wait()
        self._comm = _Comm()
        unique = _UniqueId.from_buffer_copy(shared.tobytes())
        library.call("ncclCommInitRank", ctypes.byref(self._comm), self.size, unique, self.rank)

    def close(self) -> None:
        """Free what NCCL holds, once all transfers have been waited for."""
        if not self._is_given_up:
            self._is_given_up = True
            self._library.call("ncclCommDestroy", self._comm)

    def abort(self) -> None:
        """End transfers under way, whatever other ranks do."""
        if not self._is_given_up:
            self._is_given_up = True
            self._library.call("ncclCommAbort", self._comm)

    def all_to_all(
        self,
        sent: DeviceBytes,
        sent_sizes: Sequence[int],
        received: DeviceBytes,
        received_sizes: Sequence[int],
    ) -> Transfer:
        """Begin a group of ncclSend and ncclRecv."""
        check_exchange(self, sent.size, sent_sizes, received.size, received_sizes)
        with self._begun(), self._group():
            for rank, (start, size) in enumerate(_parts(sent.address, sent_sizes)):
                if size:
                    self._put("ncclSend", start, size, _UINT8, rank)
            for rank, (start, size) in enumerate(_parts(received.address, received_sizes)):
                if size:
                    self._put("ncclRecv", start, size, _UINT8, rank)
        return self._transfer()

    def all_gather(self, whole: DeviceBytes, sizes: Sequence[int]) -> Transfer:
        """Begin ncclAllGather, in place; where parts differ, an ncclBroadcast of each."""
        check_parts("all_gather", self.size, whole.size, sizes)
        parts = list(_parts(whole.address, sizes))
        with self._begun():
            if len(set(sizes)) == 1:
                if sizes[0]:
                    self._put("ncclAllGather", parts[self.rank][0], whole.address, sizes[0], _UINT8)
            else:
                with self._group():
                    for rank, (start, size) in enumerate(parts):
                        if size:
                            self._put("ncclBroadcast", start, start, size, _UINT8, rank)
        return self._transfer()

    def broadcast(self, whole: DeviceBytes, root: int) -> Transfer:
        """Begin ncclBroadcast, in place."""
        check_root(self.size, root)
        if whole.size:
            with self._begun():
                self._put("ncclBroadcast", whole.address, whole.address, whole.size, _UINT8, root)
        return self._transfer()

    def failed(self, error: BaseException) -> None:
        """Tell the other ranks, from host to host."""
        self._host.failed(error)

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Wait for work that is queued after transfers, such as a copy of what they received.

        Args:
            is_done: what `TransferStream.mark` returned after it.
        """
        try:
            wait_until(is_done, self._look)
        except BaseException:
            self.abort()
            raise

    def _transfer(self) -> Transfer:
        return NcclTransfer(self.wait, self._stream.mark())

    @contextmanager
    def _begun(self) -> Iterator[None]:
        self._check()
        if self._is_given_up:
            raise RankError(
                "ranks=nccl: the transfers between the GPUs were given up after an error or an "
                "interrupt; start all ranks again"
            )
        try:
            yield
        except BaseException:
            self.abort()
            raise

    @contextmanager
    def _group(self) -> Iterator[None]:
        self._library.call("ncclGroupStart")
        try:
            yield
        finally:
            self._library.call("ncclGroupEnd")

    def _put(self, name: str, *arguments: object) -> None:
        self._library.call(name, *arguments, self._comm, self._stream.handle)

    def _look(self) -> None:
        result = ctypes.c_int()
        self._library.call("ncclCommGetAsyncError", self._comm, ctypes.byref(result))
        self._library.check("NCCL", result.value)
        self._check()


@dataclass(frozen=True)
class NcclTransfer:
    """A transfer in the stream."""

    _wait: Callable[[Callable[[], bool]], None]
    _is_done: Callable[[], bool]

    def go_on(self) -> None:
        """Do nothing: the stream goes on."""

    def wait(self) -> None:
        """Wait until all work queued until then is done."""
        self._wait(self._is_done)


def _parts(address: int, sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    for end, size in zip(accumulate(sizes), sizes, strict=True):
        yield address + end - size, size
