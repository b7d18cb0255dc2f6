"""The table of the operations that a lane does alone: form of the instruction -> its meaning.

A row's meaning is C++ over the operands ``a``, ``b``, ... in the types of the row, with the
functions of runtime/arithmetic.h. The driver's build prints the table as a switch, so a form that
is not here is unknown to the executor. What lanes do together, memory and control flow are in
encode.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .grammar import BYTES


@dataclass(frozen=True)
class Operation:
    """A row.

    Attributes:
        form: the instruction with its modifiers, ``fma.rn.f32``.
        result: the type of the destination.
        operands: the types of the sources.
        meaning: a C++ expression. Of an operation on predicates, ``masks``, its operands have a bit
            for each lane.
        carry: the expression reads ``carry`` and sets ``carry_out``, the condition code's flag.
    """

    form: str
    result: str
    operands: tuple[str, ...]
    meaning: str
    masks: bool = False
    carry: bool = False


_INTEGERS = ("s16", "u16", "s32", "u32", "s64", "u64")
_WIDER = {"s16": "s32", "u16": "u32", "s32": "s64", "u32": "u64"}
_BITS = ("b16", "b32", "b64")
_FLOATS = ("f32", "f64")
_ROUNDINGS = {"rn": "FE_TONEAREST", "rz": "FE_TOWARDZERO", "rm": "FE_DOWNWARD", "rp": "FE_UPWARD"}
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def _integer() -> Iterator[Operation]:
    for t in _INTEGERS:
        yield Operation(f"add.{t}", t, (t, t), "a + b")
        yield Operation(f"sub.{t}", t, (t, t), "a - b")
        yield Operation(f"mul.lo.{t}", t, (t, t), "multiply(a, b)")
        yield Operation(f"mad.lo.{t}", t, (t, t, t), "multiply(a, b) + c")
        yield Operation(f"mul.hi.{t}", t, (t, t), "high_product(a, b)")
        yield Operation(f"mad.hi.{t}", t, (t, t, t), "high_product(a, b) + c")
        yield Operation(f"div.{t}", t, (t, t), "quotient(a, b)")
        yield Operation(f"rem.{t}", t, (t, t), "remainder(a, b)")
        yield Operation(f"min.{t}", t, (t, t), "a < b ? a : b")
        yield Operation(f"max.{t}", t, (t, t), "a > b ? a : b")
        yield Operation(f"shr.{t}", t, (t, "u32"), "shift_right(a, b)")
        if t.startswith("s"):
            yield Operation(f"neg.{t}", t, (t,), "-a")
            yield Operation(f"abs.{t}", t, (t,), "a < 0 ? -a : a")
    for t, wide in _WIDER.items():
        product = f"{CPP[wide]}(a) * {CPP[wide]}(b)"
        yield Operation(f"mul.wide.{t}", wide, (t, t), product)
        yield Operation(f"mad.wide.{t}", wide, (t, t, wide), f"{product} + c")
    for t in _BITS:
        yield Operation(f"and.{t}", t, (t, t), "a & b")
        yield Operation(f"or.{t}", t, (t, t), "a | b")
        yield Operation(f"xor.{t}", t, (t, t), "a ^ b")
        yield Operation(f"not.{t}", t, (t,), "~a")
        yield Operation(f"shl.{t}", t, (t, "u32"), "shift_left(a, b)")
        yield Operation(f"shr.{t}", t, (t, "u32"), "shift_right(a, b)")
    for t in ("b32", "b64"):
        yield Operation(f"popc.{t}", "u32", (t,), "__builtin_popcountll(a)")
        yield Operation(f"clz.{t}", "u32", (t,), "leading_zeros(a)")
        yield Operation(f"bfi.{t}", t, (t, t, "u32", "u32"), "insert_bits(a, b, c, d)")
    for half, first in (("lo", 0), ("hi", 2)):
        meaning = f"dot_of_bytes(a, b, c, {first})"
        yield Operation(f"dp2a.{half}.u32.u32", "u32", ("u32", "u32", "u32"), meaning)
        meaning = f"dot_of_signed_bytes(a, b, c, {first})"
        yield Operation(f"dp2a.{half}.u32.s32", "s32", ("u32", "s32", "s32"), meaning)
    yield Operation("prmt.b32", "b32", ("b32", "b32", "b32"), "permute_bytes(a, b, c)")


def _extended() -> Iterator[Operation]:
    """Arithmetic of several words, through the condition code's carry flag: ``.cc`` sets it."""
    for t in ("s32", "u32", "s64", "u64"):
        products = {"lo": "multiply(a, b)", "hi": "high_product(a, b)"}
        for reads, carry in (("", "false"), ("c", "carry")):
            for sets in (".cc", "") if reads else (".cc",):
                out = ", carry_out" if sets else ""
                added, subtracted = f"add{reads}{sets}.{t}", f"sub{reads}{sets}.{t}"
                meaning = f"add_carry(a, b, {carry}{out})"
                yield Operation(added, t, (t, t), meaning, carry=True)
                meaning = f"subtract_borrow(a, b, {carry}{out})"
                yield Operation(subtracted, t, (t, t), meaning, carry=True)
                for half, product in products.items():
                    form, meaning = (
                        f"mad{reads}.{half}{sets}.{t}",
                        f"add_carry({product}, c, {carry}{out})",
                    )
                    yield Operation(form, t, (t, t, t), meaning, carry=True)


def _floating() -> Iterator[Operation]:
    for t in _FLOATS:
        for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*")):
            yield Operation(f"{name}.{t}", t, (t, t), f"a {sign} b")
            yield Operation(f"{name}.rn.{t}", t, (t, t), f"a {sign} b")
        yield Operation(f"fma.rn.{t}", t, (t, t, t), "fused(a, b, c)")
        yield Operation(f"div.rn.{t}", t, (t, t), "a / b")
        yield Operation(f"rcp.rn.{t}", t, (t,), "1 / a")
        yield Operation(f"sqrt.rn.{t}", t, (t,), "square_root(a)")
        for rounding, mode in _ROUNDINGS.items():
            if rounding == "rn":
                continue
            for name in ("add", "sub", "mul"):
                meaning = f"rounded_{name}(a, b, {mode})"
                yield Operation(f"{name}.{rounding}.{t}", t, (t, t), meaning)
            yield Operation(f"fma.{rounding}.{t}", t, (t, t, t), f"rounded_fma(a, b, c, {mode})")
        yield Operation(f"neg.{t}", t, (t,), "flip_sign(a)")
        yield Operation(f"abs.{t}", t, (t,), "clear_sign(a)")
        yield Operation(f"copysign.{t}", t, (t, t), "std::copysign(b, a)")
        yield Operation(f"min.{t}", t, (t, t), "minimum(a, b)")
        yield Operation(f"max.{t}", t, (t, t), "maximum(a, b)")
        yield Operation(f"min.NaN.{t}", t, (t, t), "minimum_or_nan(a, b)")
        yield Operation(f"max.NaN.{t}", t, (t, t), "maximum_or_nan(a, b)")
    # As many units in the last place as the manual allows.
    yield Operation("div.approx.f32", "f32", ("f32", "f32"), "approximate_quotient(a, b)")
    for ftz in ("", "ftz."):
        flush = "flush" if ftz else ""
        reciprocal, power = f"1.0 / {flush}(a)", f"exp2(double({flush}(a)))"
        yield Operation(
            f"rcp.approx.{ftz}f32", "f32", ("f32",), f"{flush}(approximate({reciprocal}, 1))"
        )
        yield Operation(
            f"ex2.approx.{ftz}f32", "f32", ("f32",), f"{flush}(approximate({power}, 2))"
        )
    yield Operation("rcp.approx.ftz.f64", "f64", ("f64",), "upper_reciprocal(a)")


def _compared() -> Iterator[Operation]:
    for t in (*_INTEGERS, *_BITS, *_FLOATS):
        yield Operation(f"selp.{t}", t, (t, t, "pred"), "c ? a : b")
        for name, sign in _COMPARISONS.items():
            if t.startswith("b") and name not in ("eq", "ne"):
                continue
            meaning = f"a {sign} b"
            if t in _FLOATS and name == "ne":  # of NaN, ne is false and neu true
                meaning = "ordered(a, b) && a != b"
            yield Operation(f"setp.{name}.{t}", "pred", (t, t), meaning)
            if t in _FLOATS:
                unordered = f"!ordered(a, b) || a {sign} b"
                yield Operation(f"setp.{name}u.{t}", "pred", (t, t), unordered)
        if t in _FLOATS:
            yield Operation(f"setp.num.{t}", "pred", (t, t), "ordered(a, b)")
            yield Operation(f"setp.nan.{t}", "pred", (t, t), "!ordered(a, b)")
    for name, sign in (("and", "&"), ("or", "|"), ("xor", "^")):
        yield Operation(f"{name}.pred", "pred", ("pred", "pred"), f"a {sign} b", masks=True)
    yield Operation("not.pred", "pred", ("pred",), "~a", masks=True)
    yield Operation("mov.pred", "pred", ("pred",), "a", masks=True)


def _moved() -> Iterator[Operation]:
    for t in (*_INTEGERS, *_BITS, *_FLOATS):
        yield Operation(f"mov.{t}", t, (t,), "a")
    # No access by a generic address is known, so each may be the address in its own space.
    for space in ("global", "shared", "local"):
        yield Operation(f"cvta.{space}.u64", "u64", ("u64",), "a")
        yield Operation(f"cvta.to.{space}.u64", "u64", ("u64",), "a")


def _converted() -> Iterator[Operation]:
    """Types of 8 bits are held in registers of 16."""
    integers = ("s8", "u8", *_INTEGERS)
    for to in integers:
        held = _held(to)
        for source in integers:
            if source != to:
                meaning = f"{CPP[to]}({CPP[source]}(a))"
                yield Operation(f"cvt.{to}.{source}", held, (_held(source),), meaning)
                if BYTES[source] < 4:  # of a register of 32 bits, whose lower ones are read
                    yield Operation(wide_form(f"cvt.{to}.{source}"), held, ("b32",), meaning)
        for source in _FLOATS:
            for rounding, mode in _ROUNDINGS.items():
                meaning = f"to_integer<{CPP[to]}>(a, {mode})"
                yield Operation(f"cvt.{rounding}i.{to}.{source}", held, (source,), meaning)
    for to in _FLOATS:
        for source in integers:
            meaning = f"{CPP[to]}({CPP[source]}(a))"
            yield Operation(f"cvt.rn.{to}.{source}", to, (_held(source),), meaning)
        for rounding, mode in _ROUNDINGS.items():
            meaning = f"to_integral(a, {mode})"
            yield Operation(f"cvt.{rounding}i.{to}.{to}", to, (to,), meaning)
        yield Operation(f"cvt.sat.{to}.{to}", to, (to,), "saturated(a)")
    yield Operation("cvt.f64.f32", "f64", ("f32",), "a")
    yield Operation("cvt.rn.f32.f64", "f32", ("f64",), "a")


def wide_form(form: str) -> str:
    """Return the row's name of a conversion whose source is in a wider register than it needs."""
    return f"{form} of b32"


def _held(type_: str) -> str:
    return {"s8": "s16", "u8": "u16"}.get(type_, type_)


CPP = {
    "pred": "bool",
    "f32": "float",
    "f64": "double",
    **{f"s{8 * size}": f"int{8 * size}_t" for size in (1, 2, 4, 8)},
    **{f"u{8 * size}": f"uint{8 * size}_t" for size in (1, 2, 4, 8)},
    **{f"b{8 * size}": f"uint{8 * size}_t" for size in (1, 2, 4, 8)},
}
"""Type -> that of C++."""

TABLE: dict[str, Operation] = {
    row.form: row
    for rows in (_integer, _extended, _floating, _compared, _moved, _converted)
    for row in rows()
}
"""Form -> operation, in the order of their numbers."""

NUMBERS = {form: number for number, form in enumerate(TABLE)}


def cpp_switch() -> str:
    """Return the cases of a C++ switch over the numbers of the table."""
    return "\n".join(_case(number, row) for number, row in enumerate(TABLE.values())) + "\n"


def _case(number: int, row: Operation) -> str:
    letters = "abcdefgh"[: len(row.operands)]
    if row.masks:
        arguments = ", ".join(f"uint32_t {letter}" for letter in letters)
        function = "masks"
        types = ""
    else:
        arguments = ", ".join(
            f"{CPP[type_]} {letter}" for type_, letter in zip(row.operands, letters, strict=True)
        )
        types = ", ".join(CPP[type_] for type_ in (row.result, *row.operands))
        function = f"{'carrying' if row.carry else 'lanes'}<{types}>"
        if row.carry:
            arguments += ", [[maybe_unused]] bool carry, [[maybe_unused]] bool& carry_out"
    return (
        f"case {number}: return {function}(file, it, mask, []({arguments}) "
        f"{{ return {row.meaning}; }});  // {row.form}"
    )


def register_bytes(type_: str) -> int:
    """Return the bytes that a warp's 32 values of this type take in its register file."""
    return 4 if type_ == "pred" else 32 * BYTES[type_]


TOGETHER = (
    *("load", "load_parameter", "store", "atomic", "branch", "leave", "barrier", "warp_barrier"),
    *("fence", "trap", "shuffle", "vote", "active_mask", "pack", "unpack"),
)
"""Operations of lanes together, of memory and of control flow, which runtime/warp.cc has."""

TOGETHER_NUMBERS = {name: len(TABLE) + number for number, name in enumerate(TOGETHER)}


def cpp_numbers() -> str:
    """Return the C++ enumeration of what the switch does not have."""
    rows = "".join(f"  op_{name} = {number},\n" for name, number in TOGETHER_NUMBERS.items())
    return f"enum : uint16_t {{\n{rows}}};\n"
