"""The text of a PTX module as data: functions, their instructions and operands.

It reads what nvcc writes, which is not all of PTX: a directive or an operand of another form is an
error that names it, its function and its line.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class PtxError(ValueError):
    """PTX that the executor does not know."""


BYTES = {
    "pred": 4,  # a bit for each lane of a warp
    **dict.fromkeys(("b8", "s8", "u8"), 1),
    **dict.fromkeys(("b16", "s16", "u16", "f16"), 2),
    **dict.fromkeys(("b32", "s32", "u32", "f32"), 4),
    **dict.fromkeys(("b64", "s64", "u64", "f64"), 8),
}
"""Type -> bytes of one value."""


class Register(NamedTuple):
    """``%f1``; ``negated`` as in ``!%p1``."""

    name: str
    negated: bool = False


class Immediate(NamedTuple):
    """The value of an integer (``bytes`` is 0), or the bits of a float of ``bytes`` bytes."""

    bits: int
    bytes: int = 0


class Symbol(NamedTuple):
    """A variable, a parameter, a function or a label."""

    name: str


class Address(NamedTuple):
    """``[%rd1+16]``; the base is None in ``[64]``."""

    base: Register | Symbol | None
    offset: int


class Vector(NamedTuple):
    """``{%f1, %f2}``, ``%r1|%p1``, or the arguments of a call."""

    items: tuple[Register | Immediate | Symbol, ...]


Operand = Register | Immediate | Symbol | Address | Vector


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        opcode: with all modifiers, ``ld.global.nc.v4.f32``.
        line: of the PTX.
        location: index into the module's locations.
    """

    opcode: str
    operands: tuple[Operand, ...]
    guard: Register | None
    line: int
    location: int


@dataclass(frozen=True)
class Variable:
    """A parameter or a variable: ``.shared .align 16 .b8 tiles[28672]``."""

    name: str
    space: str
    bytes: int
    align: int
    content: bytes = b""


@dataclass
class Function:
    """A kernel (``is_entry``) or a device function.

    Attributes:
        registers: name, or prefix of numbered names (``%f<``), -> type.
        labels: name -> index into the instructions.
        block: the most threads of a block along each axis; () where nothing is said.
    """

    name: str
    is_entry: bool
    returns: tuple[Variable, ...] = ()
    parameters: tuple[Variable, ...] = ()
    registers: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    block: tuple[int, ...] = ()

    def type_of(self, register: str) -> str | None:
        """Return the type of a register; None where it is not declared."""
        found = self.registers.get(register)
        return found or self.registers.get(register.rstrip("0123456789") + "<")


@dataclass
class Module:
    """A parsed file.

    Attributes:
        locations: lines of the CUDA source, innermost first: ``reduce.cuh:12, inlined at k.cu:7``.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    locations: list[str] = field(default_factory=lambda: ["an unknown line"])

    @property
    def kernels(self) -> Iterator[Function]:
        return (one for one in self.functions.values() if one.is_entry)


_COMMENT = re.compile(r"//[^\n]*")
# A directive that ends with its line, a label, a brace, the head of a function, or a statement.
_PIECE = re.compile(
    r"\s*(?:(?P<line>\.(?:version|target|address_size|file|loc|maxntid|minnctapersm)\b[^\n]*)"
    r"|(?P<section>\.section\b)"
    r"|(?P<label>[$\w]+):"
    r"|(?P<brace>[{}])"
    r"|(?P<head>(?:\.(?:visible|extern|weak)\s+)?\.(?:entry|func)\b[^{;]*?"
    r"(?=\s*(?:[{;]|\.maxntid|\.minnctapersm)))"
    r"|(?P<statement>[^;]*;)"
    r"|(?P<end>\Z))"
)
_HEAD = re.compile(
    r"\.(?P<kind>entry|func)\s*(?:\((?P<returns>[^)]*)\)\s*)?(?P<name>[$\w]+)\s*"
    r"(?:\((?P<parameters>[^)]*)\))?\s*$"
)
_FILE = re.compile(r'\.file\s+(\d+)\s+"([^"]*)"')
_LOC = re.compile(r"\.loc\s+(\d+) (\d+) (\d+)(?:,.*inlined_at (\d+) (\d+) (\d+))?")
_VARIABLE = re.compile(
    r"(?:\.(?:visible|extern|weak)\s+)*\.(?P<space>param|shared|local|global|const)\s+"
    r"(?:\.align\s+(?P<align>\d+)\s+)?\.(?P<type>\w+)\s+(?P<name>[$%\w]+)"
    r"(?P<dims>\[\d*\])?(?:\s*=\s*\{(?P<content>[^}]*)\})?$"
)
_REG = re.compile(r"\.reg\s+\.(\w+)\s+(.*)$", re.DOTALL)
_INSTRUCTION = re.compile(r"(?:@(?P<not>!?)(?P<guard>[%\w]+)\s+)?(?P<opcode>[a-z][\w.]*)\s*")
_CALL = re.compile(
    r"(?:\((?P<returns>[^)]*)\)\s*,\s*)?(?P<name>[$\w]+)\s*(?:,\s*\((?P<arguments>[^)]*)\))?$"
)
_OPERAND = re.compile(
    r"\s*(?:(?P<address>\[[^\]]*\])|(?P<vector>\{[^}]*\})|(?P<plain>[^,\[{]+))\s*(?:,|$)"
)
_ADDRESS = re.compile(r"\[\s*(?P<base>[%$A-Za-z_][$\w.]*)?\s*(?P<offset>\+?-?\d+)?\s*\]$")
_NAME = re.compile(r"[%$A-Za-z_][$\w.%]*$")
_INTEGER = re.compile(r"-?(?:\d+|0[xX][0-9a-fA-F]+)U?$")
_FLOAT = re.compile(r"0(?:[fF][0-9a-fA-F]{8}|[dD][0-9a-fA-F]{16})$")
_MOST_INLINED = 16


def parse(text: str) -> Module:
    """Return the module that this PTX is. PtxError where it has an unknown form."""
    return _Parser(text).module


class _Parser:
    def __init__(self, text: str):
        self._text = _COMMENT.sub("", text)
        self.module = Module()
        self._function: Function | None = None
        self._files = {
            number: path.rsplit("/", 1)[-1] for number, path in _FILE.findall(self._text)
        }
        self._inlined: dict[tuple[str, ...], tuple[str, ...] | None] = {}
        self._locations: dict[str, int] = {}
        self._location = 0
        # Own names of what blocks of braces declare, innermost last; the first is a function's.
        self._scopes: list[dict[str, str]] = []
        self._number = 0
        self._line = 1
        self._operands: dict[str, Operand] = {}
        self._read()

    def _read(self) -> None:
        position, counted = 0, 0
        while True:
            found = _PIECE.match(self._text, position)
            if found is None or found.lastgroup is None:
                raise self._error(self._text[position : position + 40].strip())
            kind = found.lastgroup
            start = found.start(kind)
            self._line += self._text.count("\n", counted, start)
            counted, position = start, found.end()
            if kind == "end":
                return
            if kind == "section":  # debug information
                position = self._text.index("}", position) + 1
            else:
                getattr(self, f"_read_{kind}")(found[kind])

    def _error(self, what: str) -> PtxError:
        where = f"kernel {self._function.name}, " if self._function else ""
        return PtxError(f"unknown PTX: {where}line {self._line}: {' '.join(what.split())}")

    def _read_line(self, text: str) -> None:
        if text.startswith(".loc"):
            found = _LOC.match(text)
            if found is None:
                raise self._error(text)
            here, outer = found.group(1, 2, 3), found.group(4, 5, 6)
            self._inlined[here] = outer if outer[0] else None
            name = self._location_name(here)
            if name not in self._locations:
                self._locations[name] = len(self.module.locations)
                self.module.locations.append(name)
            self._location = self._locations[name]
        elif text.startswith(".maxntid") and self._function:
            self._function.block = tuple(int(size) for size in re.findall(r"\d+", text))

    def _location_name(self, here: tuple[str, ...]) -> str:
        names: list[str] = []
        at: tuple[str, ...] | None = here
        while at is not None and len(names) < _MOST_INLINED:
            names.append(f"{self._files.get(at[0], '?')}:{at[1]}")
            at = self._inlined.get(at)
        return ", inlined at ".join(names)

    def _read_head(self, text: str) -> None:
        found = _HEAD.search(text.strip())
        if found is None:
            raise self._error(text)
        made = Function(found["name"], found["kind"] == "entry")
        self._function = made
        self._operands.clear()
        made.returns = tuple(self._declared(found["returns"]))
        made.parameters = tuple(self._declared(found["parameters"]))
        self.module.functions[made.name] = made
        self._location = 0

    def _declared(self, text: str | None) -> Iterator[Variable]:
        for part in (text or "").split(","):
            if part.strip():
                yield self._variable(part.strip())

    def _variable(self, text: str) -> Variable:
        found = _VARIABLE.match(text)
        if found is None or found["type"] not in BYTES:
            raise self._error(text)
        each = BYTES[found["type"]]
        values = [int(value, 0) for value in (found["content"] or "").split(",") if value.strip()]
        count = len(values) if found["dims"] == "[]" else int((found["dims"] or "[1]")[1:-1])
        content = b"".join(value.to_bytes(each, "little") for value in values)
        align = int(found["align"] or each)
        return Variable(found["name"], found["space"], count * each, align, content)

    def _read_label(self, name: str) -> None:
        if self._function is None:
            raise self._error(name)
        self._function.labels[name] = len(self._function.instructions)

    def _read_brace(self, brace: str) -> None:
        if brace == "{":
            self._scopes.append({})
            self._number += 1
            return
        if self._scopes.pop():
            self._operands.clear()
        if not self._scopes:
            self._function = None

    def _read_statement(self, statement: str) -> None:
        text = statement[:-1].strip()
        if not text:  # behind a declaration of a function
            self._function = None
        elif not text.startswith("."):
            self._read_instruction(text)
        elif text.startswith(".reg"):
            self._read_registers(text)
        elif not text.startswith(".pragma"):  # a hint to ptxas
            self._read_variable(text)

    def _read_variable(self, text: str) -> None:
        made = self._variable(text)
        if self._function is None or not self._scopes:
            self.module.variables[made.name] = made
            return
        name = self._declare(made.name)
        self._function.variables[name] = Variable(
            name, made.space, made.bytes, made.align, made.content
        )

    def _read_registers(self, text: str) -> None:
        found = _REG.match(text)
        if found is None or found[1] not in BYTES or self._function is None:
            raise self._error(text)
        for part in found[2].split(","):
            name = part.strip()
            if "<" in name:
                self._function.registers[name[: name.index("<") + 1]] = found[1]
            else:
                self._function.registers[self._declare(name)] = found[1]

    def _declare(self, name: str) -> str:
        """Return the name by which the function knows what this block declares."""
        if len(self._scopes) < 2:
            return name
        own = self._scopes[-1][name] = f"{name}#{self._number}"
        self._operands.clear()
        return own

    def _known(self, name: str) -> str:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return name

    def _read_instruction(self, text: str) -> None:
        found = _INSTRUCTION.match(text)
        if found is None or self._function is None:
            raise self._error(text)
        guard = None
        if found["guard"]:
            guard = Register(self._known(found["guard"]), bool(found["not"]))
        opcode, rest = found["opcode"], text[found.end() :]
        operands = self._call(rest) if opcode.startswith("call") else tuple(self._split(rest))
        made = Instruction(opcode, operands, guard, self._line, self._location)
        self._function.instructions.append(made)

    def _call(self, text: str) -> tuple[Operand, ...]:
        found = _CALL.match(text)
        if found is None:
            raise self._error(f"call {text}")
        returns, arguments = (
            Vector(tuple(Symbol(self._known(one)) for one in re.findall(r"[$\w]+", part or "")))
            for part in found.group("returns", "arguments")
        )
        return (returns, Symbol(found["name"]), arguments)

    def _split(self, text: str) -> Iterator[Operand]:
        position = 0
        while position < len(text):
            found = _OPERAND.match(text, position)
            if found is None or found.lastgroup is None:
                raise self._error(text)
            position = found.end()
            part = found[found.lastgroup].strip()
            if part not in self._operands:
                self._operands[part] = self._operand(part)
            yield self._operands[part]

    def _operand(self, text: str) -> Operand:
        if text[0] == "[":
            found = _ADDRESS.match(text)
            if found is None:
                raise self._error(text)
            base = self._name(found["base"]) if found["base"] else None
            return Address(base, int((found["offset"] or "0").lstrip("+")))
        if text[0] == "{":
            return Vector(tuple(self._item(part.strip()) for part in text[1:-1].split(",")))
        if "|" in text:
            return Vector(tuple(self._item(part.strip()) for part in text.split("|")))
        return self._item(text)

    def _name(self, text: str) -> Register | Symbol:
        name = self._known(text)
        declared = self._function is not None and name in self._function.registers
        return Register(name) if name.startswith("%") or declared else Symbol(name)

    def _item(self, text: str) -> Register | Immediate | Symbol:
        if text.startswith("!"):
            return Register(self._known(text[1:]), negated=True)
        if _FLOAT.match(text):
            return Immediate(int(text[2:], 16), (len(text) - 2) // 2)
        if _INTEGER.match(text):
            return Immediate(int(text.rstrip("U"), 0))
        if _NAME.match(text):
            return self._name(text)
        raise self._error(text)


def bits_of(value: Immediate, type_: str) -> int:
    """Return the bits of an immediate as a value of this type.

    A float is converted where the digits are of another width, ``0d`` for a float32.
    """
    size = BYTES[type_]
    if value.bytes and value.bytes != size:
        formats = {4: ("<I", "<f"), 8: ("<Q", "<d")}
        (number,) = struct.unpack(
            formats[value.bytes][1], struct.pack(formats[value.bytes][0], value.bits)
        )
        (bits,) = struct.unpack(formats[size][0], struct.pack(formats[size][1], number))
        return int(bits)
    return value.bits & ((1 << 8 * size) - 1)
