"""Kernels of one operation of PTX each, which are applied to arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from pycuda import gpuarray

from tests.cuda_emulator.ptx.grammar import BYTES
from tests.cuda_emulator.ptx.operations import TABLE, Operation
from tests.cuda_emulator.ptx_modules import module_of_ptx

DTYPES = {
    **{
        f"{kind}{8 * n}": np.dtype(f"{code}{n}")
        for kind, code in ("si", "uu", "bu")
        for n in (1, 2, 4, 8)
    },
    "f32": np.dtype("f4"),
    "f64": np.dtype("f8"),
    "pred": np.dtype("u4"),
}
REGISTERS = {1: "rs", 2: "rs", 4: "r", 8: "rd"}
FEW = settings(max_examples=8)


def register(type_: str, number: int) -> str:
    return f"%p{number}" if type_ == "pred" else f"%{REGISTERS[BYTES[type_]]}{number}"


def kernel(name: str, rows: Sequence[Operation]) -> str:
    """A kernel that applies operations to the same operands, and stores the last one's result.

    An operation before the last one sets the carry flag alone.
    """
    last = rows[-1]
    parameters = ", ".join(f".param .u64 p{k}" for k in range(len(last.operands) + 1))
    text = [f".visible .entry {name}({parameters})\n{{"]
    text += [".reg .pred %p<9>;", ".reg .b16 %rs<9>;", ".reg .b32 %r<30>;", ".reg .b64 %rd<40>;"]
    text += ["mov.u32 %r20, %ctaid.x;", "mov.u32 %r21, %ntid.x;", "mov.u32 %r22, %tid.x;"]
    text += ["mad.lo.s32 %r20, %r20, %r21, %r22;"]
    for k, type_ in enumerate((last.result, *last.operands)):
        text += [f"ld.param.u64 %rd{20 + k}, [p{k}];"]
        text += [f"mul.wide.u32 %rd{30 + k}, %r20, {BYTES[type_]};"]
        text += [f"add.s64 %rd{20 + k}, %rd{20 + k}, %rd{30 + k};"]
        if k == 0:
            continue
        if type_ == "pred":
            text += [f"ld.global.u32 %r{k}, [%rd{20 + k}];", f"setp.ne.s32 %p{k}, %r{k}, 0;"]
        else:
            loaded = type_.replace("f", "b")
            text += [f"ld.global.{loaded} {register(type_, k)}, [%rd{20 + k}];"]
    for row in rows:
        operands = ", ".join(
            register(type_, k) for k, type_ in enumerate((row.result, *row.operands))
        )
        text += [f"{row.form.partition(' ')[0]} {operands};"]  # without "of b32"
    result = register(last.result, 0)
    if last.result == "pred":
        text += [f"selp.u32 %r0, 1, 0, {result};"]
        result = "%r0"
    stored = f"b{8 * BYTES[last.result]}"
    text += [f"st.global.{stored} [%rd20], {result};", "ret;", "}"]
    return "\n".join(text)


class Forms:
    """A module with a kernel for each sequence of operations."""

    def __init__(self, rows: Sequence[Sequence[Operation]]):
        self._names = {row[-1].form: f"k{k}" for k, row in enumerate(rows)}
        text = (kernel(f"k{k}", row) for k, row in enumerate(rows))
        self._module = module_of_ptx("\n".join(text))

    def __call__(self, form: str, *arrays: np.ndarray) -> np.ndarray:
        row, count = TABLE[form], len(arrays[0])
        padded = -(-count // 32) * 32  # whole warps, so that each lane has what it reads
        out = gpuarray.empty(padded, DTYPES[row.result])
        given = [gpuarray.to_gpu(np.resize(array, padded)) for array in arrays]
        function = self._module.get_function(self._names[form])
        function(out, *given, block=(32, 1, 1), grid=(padded // 32, 1, 1))
        return out.get()[:count]


def columns(types: Sequence[str], rows: Sequence[Sequence[float]]) -> list[np.ndarray]:
    return [
        np.array(column, DTYPES[t])
        for t, column in zip(types, zip(*rows, strict=True), strict=True)
    ]


def wrapped(value: int, type_: str) -> int:
    size = 8 * BYTES[type_]
    value &= (1 << size) - 1
    return value - (1 << size) if type_[0] == "s" and value >> (size - 1) else value


def value_of(type_: str) -> st.SearchStrategy[int]:
    if type_ == "pred":
        return st.integers(0, 1)
    size = 8 * BYTES[type_]
    low = -(1 << (size - 1)) if type_[0] == "s" else 0
    high = low + (1 << size) - 1
    edges = st.sampled_from([low, low + 1, 0, 1, 2, size - 1, size, size + 1, high - 1, high])
    return edges | st.integers(low, high) | st.integers(max(low, -40), 300 if size > 8 else high)
