"""C++ and CUDA source that applies each pointwise device function to arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from graphc.compiler import graph as g
from graphc.compiler.graph.node import DTYPES, Node
from graphc.compiler.graph.ops import OPS
from graphc.compiler.graph.ops.pointwise import MOST_PACKED
from graphc.errors import DTypeError

C_TYPES = {
    "bool": "bool",
    "uint8": "gc_byte",
    "int32": "int",
    "int64": "gc_int64",
    "uint32": "unsigned int",
    "float32": "float",
    "float64": "double",
}
ARRAYS = "abcdefgh"
POINTWISE = tuple(name for name, op in OPS.items() if op.family == "pointwise")


@dataclass(frozen=True)
class Variant:
    """A pointwise op over certain dtypes."""

    op: str
    inputs: tuple[str, ...]
    result: str
    attrs: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return "_".join((self.op, *self.inputs, "to", self.result))

    @property
    def call(self) -> str:
        """The device function on element i of a, b, ..."""
        target = f"<{C_TYPES[self.result]}>" if self.op == "cast" else ""
        arguments = ", ".join(f"{array}[i]" for array in ARRAYS[: len(self.inputs)])
        return f"gc_{self.op}{target}({arguments})"

    @property
    def parameters(self) -> str:
        arrays = zip(ARRAYS, self.inputs, strict=False)
        read = [f"const {C_TYPES[dtype]}* {array}" for array, dtype in arrays]
        return ", ".join((*read, f"{C_TYPES[self.result]}* result", "int n"))


def _variants() -> Iterator[Variant]:
    for op in POINTWISE:
        for dtype in DTYPES:
            if op == "cast":
                for target in DTYPES:
                    yield Variant(op, (dtype,), target, {"dtype": target})
                continue
            arity = OPS[op].arity
            for count in (1, 2, MOST_PACKED) if arity is None else (arity,):
                dtypes = ("bool", dtype, dtype) if op == "where" else (dtype,) * count
                node = _made(op, dtypes)
                if node is not None:
                    yield Variant(op, dtypes, node.dtype, node.attrs)


def _made(op: str, dtypes: tuple[str, ...]) -> Node | None:
    try:
        attrs = dict.fromkeys(OPS[op].attributes, 0)
        return g.make(op, *(g.input((2,), dtype) for dtype in dtypes), **attrs)
    except DTypeError:
        return None


VARIANTS = tuple(_variants())
"""Every pointwise op with every dtype that the op table lets it take."""


def host_source() -> str:
    """A C++ file with a loop over arrays for each variant."""
    loops = (
        f'extern "C" void {one.name}({one.parameters}) '
        f"{{ for (int i = 0; i < n; ++i) result[i] = {one.call}; }}"
        for one in VARIANTS
    )
    return "\n".join(('#include "pointwise.cuh"', *loops)) + "\n"


def cuda_source(dtypes: Collection[str] = C_TYPES) -> str:
    """A CUDA file with a kernel for each variant that reads and gives only these dtypes."""
    kernels = (
        f'extern "C" __global__ void {one.name}({one.parameters}) '
        f"{{ int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) result[i] = {one.call}; }}"
        for one in VARIANTS
        if {*one.inputs, one.result} <= set(dtypes)
    )
    return "\n".join(('#include "pointwise.cuh"', *kernels)) + "\n"
