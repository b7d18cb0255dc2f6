"""Where the values of a native program lie, and the functions that its kernels become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.signature import Place, Signature
from graphc.compiler.graph.dim import Size
from graphc.compiler.program.launch import Launch, Scratch, ShareLimit
from graphc.compiler.schedule.kernel import Kernel, Loop
from graphc.compiler.targets.marks import (
    NAME,
    lines_of_variables,
    with_name_and_notes,
    without_name_and_notes,
)

_ONE = (1, 1, 1)


class NativeSignature(Signature):
    """The parameters of a native function.

    States are written without a condition: the program returns behind the kernel whose test failed,
    and no kernel that writes a state tests anything new (`graphc.compiler.codegen.placing`).
    """

    @cached_property
    def headers(self) -> dict[str, None]:
        """The files of ``kernels/`` that the function's loops need; whoever prints these adds to
        it."""
        return {}

    @cached_property
    def scratch(self) -> list[Scratch]:
        """The arrays of scratch memory that the function takes; whoever prints one adds it."""
        return []

    def guard(self, place: Place) -> None:
        return None

    def trial(self) -> NativeSignature:
        """A signature of the same values, to print text that is thrown away."""
        other = NativeSignature(self.places, (), list(self._checks), self.counters)
        other._written = self._written
        return other

    def limit(self, end: bool) -> Expression:
        """The name of the first row that the thread owns, or of the one behind the last."""
        return self._name(("share", end), "end" if end else "begin", ShareLimit(end), "int ")


@dataclass
class Share:
    """A loop whose threads each take all steps for rows of their own.

    Attributes:
        rows: how many rows all threads together have: the axis 0 of what a step computes.
        ahead: what runs ahead of the loop for its kernels, as it is the same at each step.
    """

    rows: Size
    ahead: list[Launch] = field(default_factory=list)


@dataclass
class NativeContext(Context):
    """A scope of a native program; see `Context`.

    Attributes:
        share: of the body of a loop that is divided over threads.
        notes: what reports should say of each of its functions.
    """

    share: Share | None = None
    notes: tuple[str, ...] = ()

    def signature(self, kernel: Kernel | Loop) -> NativeSignature:
        """An empty signature of a function that reads a kernel's inputs and writes its outputs."""
        return self._signature(NativeSignature, kernel)

    def function(
        self,
        name: str,
        kernel: Kernel,
        signature: NativeSignature,
        lines: Sequence[str],
        how: str,
        notes: Sequence[str] = (),
    ) -> Launch:
        """A kernel as one function.

        Args:
            name: of the function.
            lines: its body.
            how: what its loops go over.
            notes: what reports should say too.
        """
        notes = (*notes, *self.notes)
        self.program.includes.update(signature.headers)
        body = "\n".join(lines)
        text = render("function.c.j2", name=NAME, parameters=signature.parameters, body=body)
        return Launch(
            name,
            kernel,
            with_name_and_notes(text, name),
            signature.arguments,
            _ONE,
            _ONE,
            0,
            signature.reads,
            signature.writes,
            tuple(notes),
            scratch=tuple(signature.scratch),
            how=how,
            legend=tuple(signature.legend),
            names=signature.values,
            code=without_name_and_notes(text),
            lines=lines_of_variables(text),
        )
