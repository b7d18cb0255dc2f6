"""The operations of PTX on whole numbers are those that the manual defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycuda import gpuarray

from tests.cuda_emulator.ptx.grammar import BYTES
from tests.cuda_emulator.ptx.operations import TABLE, Operation
from tests.cuda_emulator.ptx_forms import DTYPES, FEW, Forms, columns, value_of, wrapped
from tests.cuda_emulator.ptx_modules import module_of_ptx

pytestmark = pytest.mark.over("ptx", reason="modules of PTX written here")

CARRYING = {"add.cc": "addc", "sub.cc": "subc", "mad.lo.cc": "madc.hi"}


@pytest.fixture(scope="module")
def forms() -> Forms:
    return Forms([[row] for row in TABLE.values() if not row.masks])


@pytest.fixture(scope="module")
def carried() -> Forms:
    """Each after one that sets the carry flag."""
    return Forms(
        [
            [TABLE[f"{setting}.{t}"], TABLE[f"{reading}.{t}"]]
            for setting, reading in CARRYING.items()
            for t in ("u32", "u64", "s32")
        ]
    )


def shifted_right(a: int, count: int, size: int) -> int:
    return a >> min(count, size)


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def inserted(a: int, b: int, at: int, count: int, size: int) -> int:
    bits = [(b >> k) & 1 for k in range(size)]
    for k in range(count & 255):
        if (at & 255) + k < size:
            bits[(at & 255) + k] = (a >> k) & 1 if k < size else 0
    return sum(bit << k for k, bit in enumerate(bits))


def byte(t: str, number: int) -> int:
    """Return the last byte of a number, of a type with a sign or without."""
    last = number & 255
    return last - 256 if t == "s32" and last & 128 else last


def permuted(a: int, b: int, selector: int) -> int:
    """Return the bytes of b and a that the digits of a selector choose, or their signs."""
    both = (b % 2**32 << 32 | a % 2**32).to_bytes(8, "little")
    digits = [selector >> 4 * place & 15 for place in range(4)]
    chosen = [both[digit & 7] for digit in digits]
    signs = [255 if byte & 128 else 0 for byte in chosen]
    made = zip(digits, chosen, signs, strict=True)
    return int.from_bytes((sign if digit & 8 else byte for digit, byte, sign in made), "little")


INTEGER: dict[str, Callable[..., int]] = {
    "add": lambda t, a, b: a + b,
    "sub": lambda t, a, b: a - b,
    "mul.lo": lambda t, a, b: a * b,
    "mul.hi": lambda t, a, b: (a * b) >> 8 * BYTES[t],
    "mul.wide": lambda t, a, b: a * b,
    "mad.lo": lambda t, a, b, c: a * b + c,
    "mad.hi": lambda t, a, b, c: ((a * b) >> 8 * BYTES[t]) + c,
    "mad.wide": lambda t, a, b, c: a * b + c,
    "div": lambda t, a, b: truncated(a, b) if b else -1,
    "rem": lambda t, a, b: a - truncated(a, b) * b if b else a,
    "min": lambda t, a, b: min(a, b),
    "max": lambda t, a, b: max(a, b),
    "neg": lambda t, a: -a,
    "abs": lambda t, a: abs(a),
    "and": lambda t, a, b: a & b,
    "or": lambda t, a, b: a | b,
    "xor": lambda t, a, b: a ^ b,
    "not": lambda t, a: ~a,
    "shl": lambda t, a, n: a << min(n, 64),
    "shr": lambda t, a, n: shifted_right(a, n, 8 * BYTES[t]),
    "popc": lambda t, a: bin(a).count("1"),
    "clz": lambda t, a: 8 * BYTES[t] - a.bit_length(),
    "bfi": lambda t, a, b, at, n: inserted(a, b, at, n, 8 * BYTES[t]),
    "dp2a.lo.u32": lambda t, a, b, c: c + a % 2**16 * byte(t, b) + (a >> 16) * byte(t, b >> 8),
    "dp2a.hi.u32": lambda t, a, b, c: (
        c + a % 2**16 * byte(t, b >> 16) + (a >> 16) * byte(t, b >> 24)
    ),
    "prmt": lambda t, a, b, selector: permuted(a, b, selector),
    "selp": lambda t, a, b, c: a if c else b,
    "setp.eq": lambda t, a, b: a == b,
    "setp.ne": lambda t, a, b: a != b,
    "setp.lt": lambda t, a, b: a < b,
    "setp.le": lambda t, a, b: a <= b,
    "setp.gt": lambda t, a, b: a > b,
    "setp.ge": lambda t, a, b: a >= b,
    "add.cc": lambda t, a, b: a + b,
    "sub.cc": lambda t, a, b: a - b,
    "mad.lo.cc": lambda t, a, b, c: a * b + c,
    "mad.hi.cc": lambda t, a, b, c: ((a * b) >> 8 * BYTES[t]) + c,
}
INTEGER |= {f"{name}c": INTEGER[name] for name in ("add", "sub")}  # with a carry flag of 0
INTEGER |= {f"{name}c.cc": INTEGER[name] for name in ("add", "sub")}
INTEGER |= {
    f"madc.{half}{cc}": INTEGER[f"mad.{half}"] for half in ("lo", "hi") for cc in ("", ".cc")
}
INTEGER |= {"mov": lambda t, a: a}


def of_integers(row: Operation) -> bool:
    name, _, type_ = row.form.rpartition(".")
    return name in INTEGER and type_[0] in "sub"


@pytest.mark.parametrize("form", [form for form, row in TABLE.items() if of_integers(row)])
def test_whole_numbers(forms: Forms, form: str) -> None:
    row = TABLE[form]
    name, _, type_ = form.rpartition(".")
    one = st.tuples(*(value_of(t) for t in row.operands))

    @FEW
    @given(st.lists(one, min_size=1, max_size=64))
    def check(rows: list[tuple[int, ...]]) -> None:
        ours = forms(form, *columns(row.operands, rows))
        expected = [wrapped(int(INTEGER[name](type_, *values)), row.result) for values in rows]
        assert ours.tolist() == expected

    check()


@pytest.mark.parametrize("type_", ["u32", "u64", "s32"])
@pytest.mark.parametrize("setting", CARRYING)
def test_carry(carried: Forms, setting: str, type_: str) -> None:
    size = 8 * BYTES[type_]
    reading = TABLE[f"{CARRYING[setting]}.{type_}"]
    one = st.tuples(*(value_of(t) for t in reading.operands))

    def carry(values: Sequence[int]) -> int:
        a, b, *rest = (value & ((1 << size) - 1) for value in values)
        if setting == "sub.cc":
            return int(a < b)
        low = a * b % (1 << size) + rest[0] if rest else a + b
        return low >> size

    @FEW
    @given(st.lists(one, min_size=1, max_size=64))
    def check(rows: list[tuple[int, ...]]) -> None:
        ours = carried(reading.form, *columns(reading.operands, rows))
        plain = INTEGER[reading.form.rpartition(".")[0]]
        sign = -1 if setting == "sub.cc" else 1
        expected = [wrapped(plain(type_, *values) + sign * carry(values), type_) for values in rows]
        assert ours.tolist() == expected

    check()


def every(type_: str) -> np.ndarray:
    """All values of 8 or 16 bits."""
    unsigned = np.arange(1 << 8 * BYTES[type_], dtype=f"u{BYTES[type_]}")
    return unsigned.view(DTYPES[type_])


SMALL = ("s8", "u8", "s16", "u16")


@pytest.mark.parametrize(
    "form", [f for f in TABLE if f.startswith("cvt.") and f.split()[0].split(".")[-1] in SMALL]
)
def test_conversions_of_every_small_integer(forms: Forms, form: str) -> None:
    to, source = form.split()[0].split(".")[-2:]
    values = every(source)
    # It is read from the lower bits of its register, whose upper ones may be anything.
    upper = np.uint32(0x5A5A5A5A << 8 * BYTES[source] & 0xFFFFFFFF)
    held = values.view(f"u{BYTES[source]}").astype(np.uint32) | upper
    ours = forms(form, held.astype(DTYPES[TABLE[form].operands[0]]))
    expected = [v if to[0] == "f" else wrapped(v, to) for v in values.tolist()]
    assert ours.tolist() == expected


@pytest.mark.parametrize("form", ["neg.s16", "abs.s16", "not.b16"])
def test_one_operand_of_16_bits(forms: Forms, form: str) -> None:
    name, _, type_ = form.rpartition(".")
    values = every(type_)
    expected = [wrapped(INTEGER[name](type_, v), type_) for v in values.tolist()]
    assert forms(form, values).tolist() == expected


def reads_16_bits(form: str) -> bool:
    """Of two or more operands, of which the first has 16 bits."""
    row = TABLE[form]
    return of_integers(row) and len(row.operands) > 1 and BYTES[row.operands[0]] == 2


@pytest.mark.parametrize("form", [f for f in TABLE if reads_16_bits(f)])
def test_every_value_of_16_bits_with_some(forms: Forms, form: str) -> None:
    name, _, type_ = form.rpartition(".")
    row, values = TABLE[form], every(type_)
    # As many are no power of two, so that each meets even and odd values of all sizes; the third
    # operand is another one of them.
    others = np.resize([0, 1, 3, 7, 15, 16, 31, 255, 32767], len(values))
    given = zip((values, others, np.roll(others, 4)), row.operands)  # noqa: B905  (the first ones)
    operands = [x.astype(DTYPES[t]) for x, t in given]
    each = zip(*(x.tolist() for x in operands), strict=True)
    expected = [wrapped(int(INTEGER[name](type_, *x)), row.result) for x in each]
    assert forms(form, *operands).tolist() == expected


PREDICATES = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
    "not": lambda a, b: not a,
    "mov": lambda a, b: a,
}


def test_predicates() -> None:
    text = ".visible .entry k(.param .u64 p) {.reg .pred %p<4>; .reg .b32 %r<5>; .reg .b64 %rd<5>;"
    text += "mov.u32 %r1, %tid.x; ld.param.u64 %rd1, [p]; mad.wide.u32 %rd2, %r1, 4, %rd1;"
    # Lanes have all four pairs of truth; the second half of them keeps the result that it has.
    text += "and.b32 %r2, %r1, 1; setp.ne.s32 %p1, %r2, 0;"
    text += "and.b32 %r2, %r1, 2; setp.ne.s32 %p2, %r2, 0; mov.u32 %r3, 0;"
    for k, name in enumerate(PREDICATES):
        operands = "%p1" if name in ("not", "mov") else "%p1, %p2"
        text += f"mov.pred %p3, 0; setp.lt.u32 %p0, %r1, 16; @%p0 {name}.pred %p3, {operands};"
        text += f"selp.u32 %r4, {1 << k}, 0, %p3; or.b32 %r3, %r3, %r4;"
    text += "st.global.u32 [%rd2], %r3; ret; }"
    out = gpuarray.empty(32, np.uint32)
    module_of_ptx(text).get_function("k")(out, block=(32, 1, 1))
    expected = [
        sum(bool(f(t & 1, t >> 1 & 1)) << k for k, f in enumerate(PREDICATES.values()))
        for t in range(16)
    ]
    assert out.get().tolist() == expected + [0] * 16
