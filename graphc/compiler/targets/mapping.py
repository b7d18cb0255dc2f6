"""Mappings: how loop programs of one kind run on a target.

A target has an ordered table of mappings for each kind of kernel. The first that applies is taken;
of those above it the result says why they were not. Where only the sizes of a call decide, both
variants are in one program, behind a test of these sizes: one text serves every batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.loops.notes import with_other_notes
from graphc.compiler.loops.program import LoopProgram, facts
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.statement import If
from graphc.compiler.loops.value import Condition
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

PLAIN = "plain"
"""The name of what runs by the plain program, as no mapping takes it."""


@dataclass(frozen=True)
class Applicability:
    """An answer of three values: a mapping applies, it does not, or it does where conditions hold
    that the sizes of a call decide.

    Attributes:
        refusal: why it does not, as a clause; empty where it may.
        conditions: of sizes alone; () where it always applies.
    """

    refusal: str = ""
    conditions: tuple[Condition, ...] = ()


ALWAYS = Applicability()


def always(program: LoopProgram, target: Target) -> Applicability:
    """Return that a mapping applies to any program of its kind."""
    return ALWAYS


def never(refusal: str) -> Applicability:
    """Return that a mapping does not apply, for a reason."""
    return Applicability(refusal)


def where(*conditions: Condition) -> Applicability:
    """Return that a mapping applies for the sizes for which all conditions hold."""
    return Applicability(conditions=conditions)


def knowing(program: LoopProgram, *conditions: Condition) -> LoopProgram:
    """Return a program whose ranges know that conditions hold: a variant that runs only there."""
    return replace(program, anywhere=program.anywhere.given(facts(conditions)))


def in_variants(
    conditions: tuple[Condition, ...], first: LoopProgram, rest: LoopProgram
) -> LoopProgram:
    """Return a program that is one where conditions of sizes hold, and another one elsewhere."""
    second = Names(first).copied(rest.body)
    return replace(first, body=(If(conditions, first.body, second),), anywhere=rest.anywhere)


@dataclass(frozen=True)
class Mapping:
    """A way in which programs of one kind run on a target.

    Attributes:
        name: for reports and tests.
        when: says where it applies.
        rewrites: makes the program that runs of a plain one. It may let the ranges of the program
            know the conditions (`knowing`). RewriteError where it does not apply after all.
        why: the reason for it, as a sentence.
    """

    name: str
    when: Callable[[LoopProgram, Target], Applicability]
    rewrites: Callable[[LoopProgram, Target], LoopProgram]
    why: str


def narrowed(mapping: Mapping, refusal_of: Callable[[LoopProgram], str]) -> Mapping:
    """Return a mapping that does not apply, either, where there is a reason against a program."""

    def when(program: LoopProgram, target: Target) -> Applicability:
        refusal = refusal_of(program)
        return never(refusal) if refusal else mapping.when(program, target)

    return replace(mapping, when=when)


def prepared(mapping: Mapping, change: Callable[[LoopProgram], LoopProgram]) -> Mapping:
    """Return a mapping of programs that are changed first, whether it applies or not."""

    def when(program: LoopProgram, target: Target) -> Applicability:
        return mapping.when(change(program), target)

    def rewrites(program: LoopProgram, target: Target) -> LoopProgram:
        return mapping.rewrites(change(program), target)

    return replace(mapping, when=when, rewrites=rewrites)


def finished(mapping: Mapping, change: Callable[[LoopProgram], LoopProgram]) -> Mapping:
    """Return a mapping whose rewritten programs are changed last."""

    def rewrites(program: LoopProgram, target: Target) -> LoopProgram:
        return change(mapping.rewrites(program, target))

    return replace(mapping, rewrites=rewrites)


@dataclass(frozen=True)
class MappedProgram:
    """A program as it runs on a target.

    Attributes:
        program: the rewritten program.
        names: of the mapping that was taken; of two variants, that of the second one too.
        refusals: of each mapping above the last one taken that was not, its name and why.
        conditions: of the sizes for which the first of two variants runs; () where there is one.
        variants: of two the program of each alone.
    """

    program: LoopProgram
    names: tuple[str, ...]
    refusals: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...] = ()
    variants: tuple[LoopProgram, ...] = ()

    @property
    def is_plain(self) -> bool:
        """True if no mapping takes the program, for some sizes at least."""
        return PLAIN in self.names

    def with_notes(self, notes: dict[str, str]) -> MappedProgram:
        """Return the same with others in the place of some notes."""
        return replace(
            self,
            program=with_other_notes(self.program, notes),
            variants=tuple(with_other_notes(one, notes) for one in self.variants),
        )


def choose(program: LoopProgram, target: Target, table: Sequence[Mapping]) -> MappedProgram:
    """Return a program by the first mapping of a table that applies.

    One that applies for some sizes only is a first variant, and the next that applies for all sizes
    is the second one.
    """
    refusals: list[tuple[str, str]] = []
    guarded: tuple[Mapping, LoopProgram, tuple[Condition, ...]] | None = None
    taken, rest = PLAIN, program
    for mapping in table:
        answer = mapping.when(program, target)
        if not answer.refusal and answer.conditions and guarded is not None:
            answer = never(f"{guarded[0].name} depends on the sizes of a call, too")
        if answer.refusal:
            refusals.append((mapping.name, answer.refusal))
            continue
        try:
            mapped = mapping.rewrites(program, target)
        except RewriteError as error:
            refusals.append((mapping.name, error.reason))
            continue
        if answer.conditions:
            guarded = mapping, mapped, answer.conditions
            continue
        taken, rest = mapping.name, mapped
        break
    if guarded is None:
        return MappedProgram(rest, (taken,), tuple(refusals))
    mapping, first, conditions = guarded
    both = in_variants(conditions, first, rest)
    names = mapping.name, taken
    return MappedProgram(both, names, tuple(refusals), conditions, (first, rest))
