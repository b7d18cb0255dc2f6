"""The choice of a mapping: the first that applies, with the reasons of those above it."""

from __future__ import annotations

import re
from dataclasses import replace

from graphc.compiler.graph.dim import symbol
from graphc.compiler.loops.buffer import new_buffer
from graphc.compiler.loops.index import LoopVariable, as_index, variable
from graphc.compiler.loops.program import Body, LoopProgram
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import For, If, Store
from graphc.compiler.loops.text import body_lines
from graphc.compiler.loops.value import Load, at_least
from graphc.compiler.targets.mapping import (
    ALWAYS,
    Applicability,
    Mapping,
    choose,
    knowing,
    never,
    where,
)
from graphc.compiler.targets.target import Target

N = symbol("n")
CPU = Target("cpu", 64, 32)
X, Y = new_buffer("x0", "float32", (N,)), new_buffer("y0", "float32", (N,))
AT = (variable("row"),)
ROWS = For(LoopVariable("row"), (as_index(N),), (Store(Load(Y, AT), Load(X, AT)),))
COPY = LoopProgram("k0", (X,), (Y,), (), (ROWS,))


def _lines(body: Body) -> list[str]:
    """Return the lines of statements, without the spaces ahead of a comment."""
    return [re.sub(" +#", "  #", line) for line in body_lines(body)]


def _noted(program: LoopProgram, note: str) -> LoopProgram:
    return program.with_loop("row", lambda loop: (replace(loop, note=note),))


def _mapping(name: str, answer: Applicability) -> Mapping:
    return Mapping(name, lambda program, target: answer, lambda x, _: _noted(x, name), "a test")


def _raises(program: LoopProgram, target: Target) -> LoopProgram:
    raise refused(program, "vectorise", "the loop 'row'", "no conflicts", "one")


def test_the_first_that_applies_is_taken() -> None:
    table = [
        _mapping("wide", never("rows are short")),
        Mapping("proved", lambda program, target: ALWAYS, _raises, "a test"),
        _mapping("narrow", ALWAYS),
        _mapping("last", ALWAYS),
    ]
    found = choose(COPY, CPU, table)
    assert found.names == ("narrow",)
    assert found.program == _noted(COPY, "narrow")
    assert found.refusals == (
        ("wide", "rows are short"),
        ("proved", "vectorise of the loop 'row' in k0: expected no conflicts, found one"),
    )
    assert not found.is_plain


def test_what_no_mapping_takes_is_plain() -> None:
    found = choose(COPY, CPU, [_mapping("wide", never("rows are short"))])
    assert found.program is COPY
    assert found.is_plain
    assert found.refusals == (("wide", "rows are short"),)


def test_the_sizes_of_a_call_choose_between_two_variants() -> None:
    table = [
        _mapping("large", where(at_least(N, 4096))),
        _mapping("medium", where(at_least(N, 64))),
        _mapping("small", ALWAYS),
    ]
    found = choose(COPY, CPU, table)
    assert found.names == ("large", "small")
    assert found.conditions == (at_least(N, 4096),)
    assert found.refusals == (("medium", "large depends on the sizes of a call, too"),)
    (test,) = found.program.body
    assert isinstance(test, If)
    assert test.conditions == (at_least(N, 4096),)
    assert _lines(test.body) == ["for row < n:  # large", "  y0[row] = x0[row]"]
    assert _lines(test.otherwise) == ["for row_2 < n:  # small", "  y0[row_2] = x0[row_2]"]


def test_what_a_variant_knows_holds_in_it_alone() -> None:
    def noted(program: LoopProgram, target: Target) -> LoopProgram:
        return _noted(knowing(program, at_least(N, 4096)), "noted")

    table = [
        Mapping("large", lambda program, target: where(at_least(N, 4096)), noted, "a test"),
        _mapping("small", ALWAYS),
    ]
    found = choose(COPY, CPU, table)
    known = [one.ranges.is_below(4095, as_index(N)) for one in (found.program, *found.variants)]
    assert known == [False, True, False]
