"""PTX as nvcc writes it is read to instructions, operands and lines of the CUDA source."""

from __future__ import annotations

import struct

import pytest

from tests.cuda_emulator.ptx.encode import MAGIC, encode
from tests.cuda_emulator.ptx.grammar import (
    Address,
    Immediate,
    Instruction,
    PtxError,
    Register,
    Symbol,
    Variable,
    Vector,
    bits_of,
    parse,
)

HEAD = ".version 9.0\n.target sm_80\n.address_size 64\n"
TEXT = (
    HEAD
    + """
.extern .shared .align 16 .b8 row[];
.global .align 4 .b8 table[4] = {1, 2, 255, 0};

.visible .entry k0_add(  // a comment; with a semicolon
	.param .u32 k0_add_param_0,
	.param .u64 k0_add_param_1
)
.maxntid 256, 1, 1
.minnctapersm 1
{
	.reg .pred 	%p<3>;
	.reg .f32 	%f<9>;
	.reg .b64 	%rd<4>;
	.shared .align 8 .b8 tile[24];

	.loc	1 18 0
	ld.param.u64 	%rd1, [k0_add_param_1];
	.loc	2 7 3, function_name $L__info_string0, inlined_at 1 20 5
	@!%p1 bra 	$L__BB0_2;
	.loc	3 9 1, function_name $L__info_string1, inlined_at 2 7 3
	ld.global.nc.v2.f32 	{%f1, %f2}, [%rd1+-16];
	{
	.reg .b32 %temp;
	mov.b64 	{%temp, %f3}, %rd1;
	}
	{
	.reg .b32 %temp;
	mov.b64 	{%f3, %temp}, %rd1;
	}
$L__BB0_2:
	.loc	1 21 0
	shfl.sync.bfly.b32 	%f4|%p2, %f1, 16, 31, -1;
	st.shared.f32 	[tile+4], 0f3F800000;
	.pragma "nounroll";
	ret;
}
	.file	1 "/a/kernel.cu"
	.file	2 "/b/reduce.cuh"
	.file	3 "/b/pointwise.cuh"
	.section	.debug_str
	{
$L__info_string0:
.b8 95,90,0
	}
"""
)


def test_a_kernel() -> None:
    module = parse(TEXT)
    (kernel,) = module.kernels
    assert kernel.name == "k0_add"
    assert kernel.block == (256, 1, 1)
    assert kernel.parameters == (
        Variable("k0_add_param_0", "param", 4, 4),
        Variable("k0_add_param_1", "param", 8, 8),
    )
    assert kernel.variables == {"tile": Variable("tile", "shared", 24, 8)}
    assert module.variables == {
        "row": Variable("row", "shared", 0, 16),
        "table": Variable("table", "global", 4, 4, bytes([1, 2, 255, 0])),
    }
    assert kernel.labels == {"$L__BB0_2": 5}
    assert [one.opcode for one in kernel.instructions] == [
        "ld.param.u64", "bra", "ld.global.nc.v2.f32", "mov.b64", "mov.b64", "shfl.sync.bfly.b32",
        "st.shared.f32", "ret",
    ]  # fmt: skip
    assert kernel.type_of("%f3") == "f32"
    assert kernel.type_of("%q3") is None


def test_operands() -> None:
    module = parse(TEXT)
    load, branch, vector, first, second, shuffle, store, _ = next(module.kernels).instructions
    assert load.operands == (Register("%rd1"), Address(Symbol("k0_add_param_1"), 0))
    assert branch == Instruction(
        "bra", (Symbol("$L__BB0_2"),), Register("%p1", negated=True), 23, branch.location
    )
    assert TEXT.splitlines()[branch.line - 1].strip() == "@!%p1 bra 	$L__BB0_2;"
    assert vector.operands == (
        Vector((Register("%f1"), Register("%f2"))),
        Address(Register("%rd1"), -16),
    )
    assert shuffle.operands[0] == Vector((Register("%f4"), Register("%p2")))
    assert shuffle.operands[2:] == (Immediate(16), Immediate(31), Immediate(-1))
    assert store.operands == (Address(Symbol("tile"), 4), Immediate(0x3F800000, 4))
    # The registers of two inner blocks are not one.
    (one, _), (_, other) = first.operands[0].items, second.operands[0].items
    assert one != other


def test_lines_of_the_source_and_what_they_are_inlined_at() -> None:
    module = parse(TEXT)
    names = [module.locations[one.location] for one in next(module.kernels).instructions]
    assert names[0] == "kernel.cu:18"
    assert names[1] == "reduce.cuh:7, inlined at kernel.cu:20"
    assert names[2] == "pointwise.cuh:9, inlined at reduce.cuh:7, inlined at kernel.cu:20"
    assert names[-1] == "kernel.cu:21"


def test_bits_of_numbers() -> None:
    assert bits_of(Immediate(-1), "u32") == 0xFFFFFFFF
    assert bits_of(Immediate(-1), "b64") == 2**64 - 1
    assert bits_of(Immediate(0x3F800000, 4), "f32") == 0x3F800000
    (half,) = struct.unpack("<Q", struct.pack("<d", 0.5))
    assert bits_of(Immediate(half, 8), "f32") == 0x3F000000
    assert bits_of(Immediate(0x3F000000, 4), "f64") == half


def kernel(body: str) -> str:
    return HEAD + f".visible .entry k1(.param .u64 p)\n{{\n.reg .b32 %r<9>;\n{body}\nret;\n}}"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("wgmma.fence.sync.aligned;", "wgmma.fence.sync.aligned: not an instruction"),
        ("add.f16 %r1, %r2, %r3;", "add.f16: not an instruction"),
        ("ld.volatile.global.u32 %r1, [%r2];", "ld.volatile.global.u32: not an instruction"),
        ("bar.sync 1;", "bar.sync: not an instruction"),
        ("add.s32 %r1, %r2;", "add.s32: expected 3 operands"),
        ("add.s64 %r1, %r2, %r3;", "add.s64: %r1 is .b32, expected .s64"),
        ("add.s32 %r1, %r2, %clock;", "expected a declared register, received %clock"),
        ("add.s32 %r1, %r2, tiles;", "expected a known variable, received tiles"),
        ("bra nowhere;", "bra: expected a label of this kernel"),
        ("ld.shared.v2.u32 %r1, [%r2];", "expected 2 values"),
        ("call.uni (r), far, (p);", "call of far, expected a function of this module"),
    ],
)
def test_what_is_unknown_is_named_with_kernel_and_line(body: str, what: str) -> None:
    with pytest.raises(PtxError) as raised:
        encode(kernel(f"mov.u32 %r2, 0;\n{body}"))
    assert str(raised.value).startswith("unknown PTX: kernel k1, line 8: ")
    assert what in str(raised.value)


@pytest.mark.parametrize("body", [".cluster 2;", "add.s32 %r1, 1.5, %r2;", "add.s32 %r1, [%r2*4];"])
def test_what_cannot_be_read_is_named_with_kernel_and_line(body: str) -> None:
    with pytest.raises(PtxError, match="^unknown PTX: kernel k1, line 8: "):
        parse(kernel(f"mov.u32 %r2, 0;\n{body}"))


def test_an_image_says_its_length() -> None:
    image = encode(TEXT.replace("mov.b64 	{%f3, %temp}, %rd1;", ""))
    assert image.startswith(MAGIC)
    assert struct.unpack_from("<Q", image, len(MAGIC)) == (len(image),)
