"""A kernel with the device functions that it calls in it: one list of instructions.

A call's parameters and results are in ``.param`` memory, which is each thread's own: inlined, they
are variables in its local memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .grammar import (
    Address,
    Function,
    Instruction,
    Module,
    Operand,
    PtxError,
    Register,
    Symbol,
    Variable,
    Vector,
)

_DEEPEST = 16


@dataclass
class Body:
    """The instructions of a kernel and of the functions in it.

    Attributes:
        registers: name -> type.
        variables: the kernel's own, and those of the functions in it.
    """

    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    registers: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)


def inlined(kernel: Function, module: Module) -> Body:
    """Return the body of a kernel with all calls replaced. PtxError for one that is not known."""
    body = Body()
    _Inliner(body, kernel.name, module).add(kernel, "", {}, None, 0)
    return body


class _Inliner:
    def __init__(self, body: Body, kernel: str, module: Module):
        self._body = body
        self._kernel = kernel
        self._module = module
        self._number = 0

    def add(
        self, function: Function, suffix: str, bound: dict[str, str], end: str | None, depth: int
    ) -> None:
        """Append a function's instructions.

        Args:
            suffix: of the names that are the call's own.
            bound: parameter or result of the function -> the caller's variable.
            end: the label behind the call; None in the kernel itself.
        """
        body = self._body
        names = dict(bound)
        for variable in function.variables.values():
            names[variable.name] = variable.name + suffix
            body.variables[variable.name + suffix] = replace(variable, name=variable.name + suffix)
        starts: dict[int, list[str]] = {}
        for label, index in function.labels.items():
            starts.setdefault(index, []).append(label + suffix)
        for index, one in enumerate(function.instructions):
            for label in starts.get(index, ()):
                body.labels[label] = len(body.instructions)
            if one.opcode in ("call", "call.uni"):
                self._call(one, names, depth)
            elif one.opcode in ("ret", "ret.uni") and end is not None:
                guard = self._guard(one, function, suffix)
                body.instructions.append(
                    replace(one, opcode="bra", operands=(Symbol(end),), guard=guard)
                )
            else:
                operands = tuple(self._renamed(x, function, suffix, names) for x in one.operands)
                guard = self._guard(one, function, suffix)
                body.instructions.append(replace(one, operands=operands, guard=guard))
        for label in starts.get(len(function.instructions), ()):
            body.labels[label] = len(body.instructions)

    def _call(self, call: Instruction, names: dict[str, str], depth: int) -> None:
        returns, name, arguments = call.operands
        assert isinstance(returns, Vector)
        assert isinstance(arguments, Vector)
        assert isinstance(name, Symbol)
        callee = self._module.functions.get(name.name)
        if callee is None or not callee.instructions or call.guard or depth == _DEEPEST:
            raise PtxError(
                f"unknown PTX: kernel {self._kernel}, line {call.line}: call of {name.name}, "
                "expected a function of this module, not recursive"
            )
        bound = {}
        for variables, given in ((callee.returns, returns), (callee.parameters, arguments)):
            for variable, argument in zip(variables, given.items, strict=True):
                assert isinstance(argument, Symbol)
                bound[variable.name] = names.get(argument.name, argument.name)
        self._number += 1
        suffix = f"@{self._number}"
        end = f"end{suffix}"
        self.add(callee, suffix, bound, end, depth + 1)
        self._body.labels[end] = len(self._body.instructions)

    def _guard(self, one: Instruction, function: Function, suffix: str) -> Register | None:
        return one.guard and self._register(one.guard, function, suffix)

    def _register(self, register: Register, function: Function, suffix: str) -> Register:
        type_ = function.type_of(register.name)
        if type_ is None:
            return register  # %tid.x
        name = register.name + suffix
        self._body.registers[name] = type_
        return Register(name, register.negated)

    def _renamed(
        self, operand: Operand, function: Function, suffix: str, names: dict[str, str]
    ) -> Operand:
        if isinstance(operand, Register):
            return self._register(operand, function, suffix)
        if isinstance(operand, Symbol):
            if operand.name in function.labels:
                return Symbol(operand.name + suffix)
            return Symbol(names.get(operand.name, operand.name))
        if isinstance(operand, Address):
            base = operand.base and self._renamed(operand.base, function, suffix, names)
            assert base is None or isinstance(base, Register | Symbol)
            return Address(base, operand.offset)
        if isinstance(operand, Vector):
            items = (self._renamed(x, function, suffix, names) for x in operand.items)
            return Vector(tuple(items))  # type: ignore[arg-type]
        return operand
