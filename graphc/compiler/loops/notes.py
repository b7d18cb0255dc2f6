"""The notes of a program's statements: the layers that they are of, and what loops are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphc.compiler.loops.program import Body, LoopProgram, transformed, walk
from graphc.compiler.loops.statement import Accumulate, For, Let, Statement, UseIntrinsic

_NOTED = (For, Let, Accumulate, UseIntrinsic)


def notes_in(program: LoopProgram) -> tuple[str, ...]:
    """Return the notes of a program's statements, each once, in the order of the text."""
    notes = (one.note for one in walk(program.body) if isinstance(one, _NOTED))
    return tuple(note for note in dict.fromkeys(notes) if note)


def with_other_notes(program: LoopProgram, notes: Mapping[str, str]) -> LoopProgram:
    """Return a program with others in the place of some notes."""

    def changed(one: Statement) -> Body:
        if isinstance(one, _NOTED) and notes.get(one.note, one.note) != one.note:
            return (replace(one, note=notes[one.note]),)
        return (one,)

    return replace(program, body=transformed(program.body, changed))
