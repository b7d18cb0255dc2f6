"""The bytes that the emulated driver loads in place of a cubin: kernels as arrays of instructions.

An operand is the offset of 32 lanes' values in a warp's register file. Constants and special
registers are there too, written before a warp starts, so that all operands are read alike.
runtime/image.h reads what is written here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence

from .control_flow import reconvergence
from .grammar import (
    BYTES,
    Address,
    Function,
    Immediate,
    Instruction,
    Module,
    Operand,
    PtxError,
    Register,
    Symbol,
    Variable,
    Vector,
    bits_of,
    parse,
)
from .inline import Body, inlined
from .operations import NUMBERS, TABLE, TOGETHER_NUMBERS, register_bytes, wide_form

MAGIC = b"graphc ptx 2\0\0\0\0"
NONE = 0xFFFFFFFF
SPACES = {"global": 0, "shared": 1, "local": 2}
SPECIALS = (
    *(f"%{name}.{axis}" for name in ("tid", "ntid", "ctaid", "nctaid") for axis in "xyz"),
    "%laneid",
)
SHUFFLES = ("idx", "up", "down", "bfly")
VOTES = ("ballot", "any", "all", "uni")
ATOMICS = ("add", "min", "max", "and", "or", "xor", "exch", "cas")

_SIGNED, _READ_ONLY, _NEGATED_GUARD, _HAS_GUARD = 1, 2, 4, 8
# immediate, guard, location, line, slots, form, operation, kind, count, bytes, width, flags
_INSTRUCTION = struct.Struct("<qIII6IIHHBBBB8x")
_MOST_SLOTS = 6
_TARGET = re.compile(r"^\s*\.target\s+sm_(\d+)", re.MULTILINE)
_UNKNOWN = "not an instruction of the executor"


def encode(text: str, registers: Mapping[str, int] | None = None) -> bytes:
    """Return the image of a module of PTX. PtxError where it has an unknown form.

    `registers` are those of a thread of each kernel, where ptxas has said.
    """
    module = parse(text)
    target = _TARGET.search(text)
    if target is None:
        raise PtxError("expected a directive .target sm_NUMBER, found none")
    out = _Writer()
    out.numbers(int(target[1]))
    out.count(len(module.locations))
    for location in module.locations:
        out.text(location)
    globals_ = [one for one in module.variables.values() if one.space in ("global", "const")]
    out.count(len(globals_))
    for variable in globals_:
        out.numbers(variable.align, variable.bytes)
        out.blob(variable.content)
    places = {variable.name: number for number, variable in enumerate(globals_)}
    kernels = [_Kernel(function, module, places) for function in module.kernels]
    out.count(len(kernels))
    for kernel in kernels:
        kernel.write(out, registers or {})
    head = MAGIC + struct.pack("<Q", len(MAGIC) + 8 + len(out.content))
    return head + bytes(out.content)


class _Writer:
    def __init__(self) -> None:
        self.content = bytearray()

    def count(self, number: int) -> None:
        self.numbers(number)

    def numbers(self, *values: int) -> None:
        self.content += struct.pack(f"<{len(values)}I", *values)

    def blob(self, data: bytes) -> None:
        self.numbers(len(data))
        self.content += data

    def text(self, text: str) -> None:
        self.blob(text.encode())


class _Kernel:
    """One kernel: its layout in memory and its instructions."""

    def __init__(self, function: Function, module: Module, places: dict[str, int]):
        self._function = function
        self._globals = places
        self._body: Body = inlined(function, module)
        self._registers: dict[str, int] = {}
        self._constants: dict[tuple[int, int, int], int] = {}  # bytes, value, global -> slot
        self._specials: dict[int, int] = {}
        self._bytes = 64  # of a warp's register file; the first word is the carry flag
        self._forms: dict[str, int] = {}
        self._at: Instruction = Instruction("", (), None, 0, 0)
        self._parameters, self._parameter_bytes = _laid_out(function.parameters)
        variables = {**module.variables, **self._body.variables}
        shared = [x for x in variables.values() if x.space == "shared" and x.bytes]
        self._shared, self._static_shared = _laid_out(shared)
        # What a launch names the size of begins where the sized variables end.
        dynamic = [x for x in variables.values() if x.space == "shared" and not x.bytes]
        self._dynamic = -(-self._static_shared // 16) * 16 if dynamic else self._static_shared
        self._shared |= {x.name: self._dynamic for x in dynamic}
        own = [x for x in self._body.variables.values() if x.space in ("local", "param")]
        own += [x for x in module.variables.values() if x.space == "local"]
        self._local, self._local_bytes = _laid_out(own)
        self._targets = self._control_flow()
        self._code = b"".join(
            self._encode(pc, one) for pc, one in enumerate(self._body.instructions)
        )

    def write(self, out: _Writer, registers: Mapping[str, int]) -> None:
        out.text(self._function.name)
        sizes = [one.bytes for one in self._function.parameters]
        out.numbers(len(sizes), self._parameter_bytes)
        for offset, size in zip(self._parameters.values(), sizes, strict=True):
            out.numbers(offset, size)
        most = 1
        for size in self._function.block:
            most *= size
        out.numbers(self._dynamic, self._local_bytes, most if self._function.block else 0)
        out.numbers(registers.get(self._function.name, 0), self._bytes)
        out.count(len(self._constants))
        for (size, value, place), slot in self._constants.items():
            out.numbers(slot, size, place, value & 0xFFFFFFFF, value >> 32)
        out.count(len(self._specials))
        for which, slot in self._specials.items():
            out.numbers(slot, which)
        out.count(len(self._forms))
        for form in self._forms:
            out.text(form)
        out.count(len(self._body.instructions))
        out.content += self._code

    def _error(self, what: str) -> PtxError:
        one = self._at
        return PtxError(
            f"unknown PTX: kernel {self._function.name}, line {one.line}: {one.opcode}: {what}"
        )

    def _control_flow(self) -> dict[int, tuple[int, int]]:
        """Return, for each branch, the instruction that it goes to, and where its lanes meet."""
        code, labels = self._body.instructions, self._body.labels
        branches: dict[int, int] = {}
        for pc, one in enumerate(code):
            if one.opcode in ("bra", "bra.uni"):
                self._at = one
                target = one.operands[0]
                if not isinstance(target, Symbol) or target.name not in labels:
                    raise self._error("expected a label of this kernel")
                branches[pc] = labels[target.name]
        ends = [pc for pc, one in enumerate(code) if one.opcode in _ENDS]
        leaders = sorted(
            {0, *branches.values(), *(pc + 1 for pc in (*branches, *ends))} - {len(code)}
        )
        number = {pc: block for block, pc in enumerate(leaders)}
        successors: list[tuple[int, ...]] = []
        for block, start in enumerate(leaders):
            after = leaders[block + 1] if block + 1 < len(leaders) else len(code)
            last = after - 1
            following = []
            if last in branches and branches[last] in number:
                following.append(number[branches[last]])
            goes_on = code[last].guard is not None or (last not in branches and last not in ends)
            if goes_on and after in number:
                following.append(number[after])
            successors.append(tuple(following))
            assert start <= last
        meeting = reconvergence(successors)
        starts = [*leaders, len(code)]
        # Where all that is left is to leave, lanes do not wait for each other.
        meets = [
            len(code) if start < len(code) and code[start].opcode in _ENDS else start
            for start in starts
        ]
        block_of: dict[int, int] = {}
        for block, start in enumerate(leaders):
            for pc in range(start, starts[block + 1]):
                block_of[pc] = block
        return {pc: (to, meets[meeting[block_of[pc]]]) for pc, to in branches.items()}

    # ---- operands ------------------------------------------------------------------------------

    def _allocate(self, size: int) -> int:
        aligned = min(size, 64)
        slot = -(-self._bytes // aligned) * aligned
        self._bytes = slot + size
        return slot

    def _register(self, register: Register) -> tuple[int, str]:
        """Return the slot of a register, and its type."""
        if register.negated:
            raise self._error(f"!{register.name}, expected it in a guard alone")
        name = register.name
        type_ = self._body.registers.get(name)
        if type_ is None:
            if name not in SPECIALS:
                raise self._error(f"expected a declared register, received {name}")
            which = SPECIALS.index(name)
            if which not in self._specials:
                self._specials[which] = self._allocate(register_bytes("u32"))
            return self._specials[which], "u32"
        if name not in self._registers:
            self._registers[name] = self._allocate(register_bytes(type_))
        return self._registers[name], type_

    def _constant(self, value: int, size: int, place: int = NONE) -> int:
        key = (size, value & ((1 << 8 * size) - 1), place)
        if key not in self._constants:
            self._constants[key] = self._allocate(32 * size)
        return self._constants[key]

    def _source(self, operand: Operand, type_: str, wider: bool = False) -> int:
        """Return the slot of an operand that is read as this type."""
        if isinstance(operand, Register):
            slot, held = self._register(operand)
            self._check(operand, held, type_, wider)
            return slot
        if type_ == "pred":
            if not isinstance(operand, Immediate):
                raise self._error(f"expected a predicate, received {operand}")
            return self._constant(-1 if operand.bits else 0, 4)
        if isinstance(operand, Immediate):
            return self._constant(bits_of(operand, type_), BYTES[type_])
        if isinstance(operand, Symbol):
            value, place = self._address_of(operand)
            return self._constant(value, BYTES[type_], place)
        raise self._error(f"expected a register or a number, received {operand}")

    def _check(self, operand: Register, held: str, type_: str, wider: bool) -> None:
        """Refuse a register of another width; with `wider`, one that is narrower."""
        same = BYTES[held] >= BYTES[type_] if wider else BYTES[held] == BYTES[type_]
        if not same or (held == "pred") != (type_ == "pred"):
            raise self._error(f"{operand.name} is .{held}, expected .{type_}")

    def _target(self, operand: Operand, type_: str, wider: bool = False) -> int:
        if not isinstance(operand, Register) or operand.name in SPECIALS:
            raise self._error(f"expected a register to write, received {operand}")
        return self._source(operand, type_, wider)

    def _address_of(self, symbol: Symbol) -> tuple[int, int]:
        """Return the address of a variable in its space, and the number of a global one."""
        if symbol.name in self._shared:
            return self._shared[symbol.name], NONE
        if symbol.name in self._local:
            return self._local[symbol.name], NONE
        if symbol.name in self._globals:
            return 0, self._globals[symbol.name]
        raise self._error(f"expected a known variable, received {symbol.name}")

    def _address(self, operand: Operand) -> tuple[int, int, int]:
        """Return the slot of an address, its bytes (0 where it is constant), and the offset."""
        if not isinstance(operand, Address):
            raise self._error(f"expected an address, received {operand}")
        if isinstance(operand.base, Register):
            slot, held = self._register(operand.base)
            return slot, BYTES[held], operand.offset
        if operand.base is None:
            return NONE, 0, operand.offset
        value, place = self._address_of(operand.base)
        if place == NONE:
            return NONE, 0, value + operand.offset
        return self._constant(0, 8, place), 8, operand.offset

    # ---- instructions --------------------------------------------------------------------------

    def _encode(self, pc: int, one: Instruction) -> bytes:
        self._at = one
        form = one.opcode
        if wide_form(form) in TABLE and len(one.operands) == 2:
            source = one.operands[1]
            if isinstance(source, Register) and BYTES[self._register(source)[1]] == 4:
                form = wide_form(form)
        row = TABLE.get(form)
        if row is not None and not any(isinstance(x, Vector) for x in one.operands):
            if len(one.operands) != 1 + len(row.operands):
                raise self._error(f"expected {1 + len(row.operands)} operands")
            slots = [self._target(one.operands[0], row.result)]
            sources = zip(one.operands[1:], row.operands, strict=True)
            slots += [self._source(operand, type_) for operand, type_ in sources]
            return self._packed(NUMBERS[form], slots)
        parts = one.opcode.split(".")
        special = _SPECIAL.get(parts[0])
        if special is None:
            raise self._error(_UNKNOWN)
        return special(self, pc, one, parts)

    def _packed(
        self,
        operation: int,
        slots: Sequence[int],
        immediate: int = 0,
        kind: int = 0,
        count: int = 1,
        bytes_: int = 0,
        width: int = 0,
        flags: int = 0,
    ) -> bytes:
        one = self._at
        guard = NONE
        if one.guard:
            guard, _ = self._register(Register(one.guard.name))
            flags |= _NEGATED_GUARD if one.guard.negated else 0
            flags |= _HAS_GUARD
        form = self._forms.setdefault(one.opcode, len(self._forms))
        slots = (*slots, *(NONE,) * (_MOST_SLOTS - len(slots)))
        return _INSTRUCTION.pack(
            immediate, guard, one.location, one.line, *slots, form, operation, kind,
            count, bytes_, width, flags,
        )  # fmt: skip

    def _accessed(
        self, parts: Sequence[str], known: Sequence[str]
    ) -> tuple[str, str, int, list[str]]:
        """Return space, type and count of a load or store, and its other modifiers."""
        space = next((x for x in parts[1:] if x in (*SPACES, "param")), "")
        type_ = parts[-1]
        vector = next((x for x in parts[1:] if x in ("v2", "v4")), "v1")
        others = [x for x in parts[1:-1] if x not in (space, vector)]
        if not space or type_ not in BYTES or not set(others) <= set(known):
            raise self._error(_UNKNOWN)
        return space, type_, int(vector[1]), others

    def _memory(self, one: Instruction, parts: Sequence[str]) -> bytes:
        is_load = parts[0] == "ld"
        space, type_, count, others = self._accessed(parts, ("nc",) if is_load else ())
        target, address = one.operands if is_load else one.operands[::-1]
        items = target.items if isinstance(target, Vector) else (target,)
        if len(items) != count:
            raise self._error(f"expected {count} values")
        if is_load:
            slots = [self._target(x, type_, wider=True) for x in items]
        else:
            slots = [self._source(x, type_, wider=True) for x in items]
        widths = {
            BYTES[self._register(x)[1]] if isinstance(x, Register) else BYTES[type_] for x in items
        }
        if len(widths) != 1:
            raise self._error("expected values of one width")
        (width,) = widths
        flags = _SIGNED if type_.startswith("s") else 0
        flags |= _READ_ONLY if "nc" in others else 0
        if space == "param":
            base = address.base if isinstance(address, Address) else None
            if isinstance(base, Symbol) and base.name in self._parameters and is_load:
                assert isinstance(address, Address)
                return self._packed(
                    TOGETHER_NUMBERS["load_parameter"],
                    slots,
                    immediate=self._parameters[base.name] + address.offset,
                    count=count,
                    bytes_=BYTES[type_],
                    width=width,
                    flags=flags,
                )
            space = "local"
        slot, size, offset = self._address(address)
        # The address is the fifth slot, its bytes the kind's upper half.
        slots += [NONE] * (4 - len(slots)) + [slot]
        return self._packed(
            TOGETHER_NUMBERS["load" if is_load else "store"],
            slots,
            immediate=offset,
            kind=SPACES[space] | size << 8,
            count=count,
            bytes_=BYTES[type_],
            width=width,
            flags=flags,
        )

    def _atomic(self, one: Instruction, parts: Sequence[str]) -> bytes:
        is_reduction = parts[0] == "red"
        others = [x for x in parts[1:-1] if x not in ("global", "shared", "gpu", "relaxed")]
        space = next((x for x in parts if x in ("global", "shared")), "")
        type_ = parts[-1]
        known = len(others) == 1 and others[0] in ATOMICS and type_[0] in "sub" and space
        if not known or BYTES.get(type_) not in (4, 8):
            raise self._error(_UNKNOWN)
        operands = list(one.operands)
        slots = [NONE if is_reduction else self._target(operands.pop(0), type_)]
        slot, size, offset = self._address(operands.pop(0))
        if len(operands) != 1 + (others[0] == "cas"):
            raise self._error(_UNKNOWN)
        slots += [self._source(x, type_) for x in operands]
        slots += [NONE] * (4 - len(slots)) + [slot]
        return self._packed(
            TOGETHER_NUMBERS["atomic"],
            slots,
            immediate=offset,
            kind=SPACES[space] | size << 8 | ATOMICS.index(others[0]) << 4,
            bytes_=BYTES[type_],
            width=BYTES[type_],
            flags=_SIGNED if type_[0] == "s" else 0,
        )

    def _move(self, one: Instruction, parts: Sequence[str]) -> bytes:
        """``mov.b64 {%r1, %r2}, %rd1`` and its reverse: first the whole, then the parts."""
        type_ = parts[-1]
        target, source = one.operands
        unpack = isinstance(target, Vector)
        vector, whole = (target, source) if unpack else (source, target)
        if not isinstance(vector, Vector) or type_ not in ("b32", "b64"):
            raise self._error(_UNKNOWN)
        count = len(vector.items)
        part = f"b{8 * BYTES[type_] // count}"
        if count not in (2, 4) or part not in BYTES:
            raise self._error(_UNKNOWN)
        take = self._target if unpack else self._source
        slots = [self._source(whole, type_) if unpack else self._target(whole, type_)]
        slots += [take(x, part) for x in vector.items]
        name = "unpack" if unpack else "pack"
        return self._packed(
            TOGETHER_NUMBERS[name], slots, count=count, bytes_=BYTES[part], width=BYTES[type_]
        )

    def _branch(self, pc: int) -> bytes:
        target, meeting = self._targets[pc]
        return self._packed(TOGETHER_NUMBERS["branch"], [meeting], immediate=target)

    def _barrier(self, one: Instruction, parts: Sequence[str]) -> bytes:
        if parts == ["bar", "warp", "sync"]:
            return self._packed(
                TOGETHER_NUMBERS["warp_barrier"], [self._source(one.operands[0], "b32")]
            )
        if parts != ["bar", "sync"] or one.operands != (Immediate(0),):
            raise self._error(_UNKNOWN)
        return self._packed(TOGETHER_NUMBERS["barrier"], [])

    def _shuffle(self, one: Instruction, parts: Sequence[str]) -> bytes:
        if len(parts) != 4 or parts[1] != "sync" or parts[2] not in SHUFFLES or parts[3] != "b32":
            raise self._error(_UNKNOWN)
        target, *sources = one.operands
        both = target.items if isinstance(target, Vector) else (target,)
        slots = [self._target(both[0], "b32")]
        slots.append(self._target(both[1], "pred") if len(both) == 2 else NONE)
        slots += [self._source(x, "b32") for x in sources]
        return self._packed(TOGETHER_NUMBERS["shuffle"], slots, kind=SHUFFLES.index(parts[2]))

    def _vote(self, one: Instruction, parts: Sequence[str]) -> bytes:
        if len(parts) != 4 or parts[1] != "sync" or parts[2] not in VOTES:
            raise self._error(_UNKNOWN)
        target, vote, members = one.operands
        slots = [self._target(target, "b32" if parts[2] == "ballot" else "pred")]
        slots += [self._source(vote, "pred"), self._source(members, "b32")]
        return self._packed(TOGETHER_NUMBERS["vote"], slots, kind=VOTES.index(parts[2]))

    def _plain(self, name: str) -> bytes:
        return self._packed(TOGETHER_NUMBERS[name], [])

    def _active(self, one: Instruction) -> bytes:
        return self._packed(TOGETHER_NUMBERS["active_mask"], [self._target(one.operands[0], "b32")])


_ENDS = ("ret", "ret.uni", "exit", "trap")
_Special = Callable[[_Kernel, int, Instruction, list[str]], bytes]
_SPECIAL: dict[str, _Special] = {
    "ld": lambda kernel, _, one, parts: kernel._memory(one, parts),
    "st": lambda kernel, _, one, parts: kernel._memory(one, parts),
    "atom": lambda kernel, _, one, parts: kernel._atomic(one, parts),
    "red": lambda kernel, _, one, parts: kernel._atomic(one, parts),
    "mov": lambda kernel, _, one, parts: kernel._move(one, parts),
    "bra": lambda kernel, pc, *_: kernel._branch(pc),
    "ret": lambda kernel, *_: kernel._plain("leave"),
    "exit": lambda kernel, *_: kernel._plain("leave"),
    "trap": lambda kernel, *_: kernel._plain("trap"),
    "bar": lambda kernel, _, one, parts: kernel._barrier(one, parts),
    "membar": lambda kernel, *_: kernel._plain("fence"),
    "fence": lambda kernel, *_: kernel._plain("fence"),
    "shfl": lambda kernel, _, one, parts: kernel._shuffle(one, parts),
    "vote": lambda kernel, _, one, parts: kernel._vote(one, parts),
    "activemask": lambda kernel, _, one, parts: kernel._active(one),
}
"""First word of an opcode -> what encodes it; the rest of the opcode is checked there."""


def _laid_out(variables: Sequence[Variable]) -> tuple[dict[str, int], int]:
    """Return the offset of each variable, and the bytes of all."""
    offsets, total = {}, 0
    for variable in variables:
        offsets[variable.name] = -(-total // variable.align) * variable.align
        total = offsets[variable.name] + variable.bytes
    return offsets, total
