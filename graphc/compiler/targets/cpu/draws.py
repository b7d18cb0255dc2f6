"""Random words of neighbouring elements, drawn together ahead of the loop that reads them.

for p0_outer < (n + 1023) // 1024 (team):
  allocate t0_words: uint32[1024] in register
  gc_draw_words<1024>(t0_words[0:], count=n - 1024*p0_outer, first=..., ...)
  for p0_inner < min(1024, n - 1024*p0_outer) (vector):
    t0 = t0_words[p0_inner]
    ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from graphc.compiler.graph.dim import Size, exact_quotient, symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    LoopProgram,
    loops_in,
    most_known_turns,
    path_to,
    targets_of,
    walk,
)
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import ranges_at
from graphc.compiler.loops.rewrites.staging.stage_factor import stage_factor
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import For, Intrinsic, Let, LoopKind, Store
from graphc.compiler.loops.value import Argument, Constant, Load, RandomWord
from graphc.compiler.targets.convolution_loops import names_of_loops
from graphc.compiler.targets.cpu.crosswise import TRANSPOSED, transposed_tile
from graphc.errors import RewriteError

WORDS = 1024
"""The most words that are drawn at once: they and what reads them stay in the first cache."""

_OF_BLOCK = 4
"""Words of a block."""

_IN_ORDER = "drawn"
"""The name of an array of words in the order in which they are drawn."""

_FIRST = Argument("first", "int64")
_KEY = (
    Argument("step", "int32"),
    Argument("call", "uint64"),
    Argument("seed", "uint32"),
    Argument("stream", "uint32"),
)


def drawn_words(words: Buffer, loop: For, elements: Size | None = None) -> Intrinsic:
    """Return the intrinsic that stores to a buffer, in the turns of a loop, the words of elements
    side by side (``kernels/host_random.h``): to all of it, at most `WORDS`, or to so many."""
    shape = (words.elements if elements is None else elements,)
    target = new_buffer("words", "uint32", shape, words.scope)
    number, count = LoopVariable("i"), symbol("count")
    i = index_of(number)
    word = RandomWord(i, _FIRST, *_KEY)
    most = most_known_turns(loop) if len(loop.ends) > 1 else None
    ends = (as_index(count),) if most is None else (as_index(most), as_index(count))
    body = For(number, ends, (Store(Load(target, (i,)), word),))
    limit = most or elements or WORDS
    numbers, source = (_FIRST, *_KEY), "host_random.h"
    return Intrinsic("gc_draw_words", (target,), (body,), source, numbers, constants=(limit,))


def drawn_columns(words: Buffer, rows: int, step: int) -> Intrinsic:
    """Return the intrinsic that stores, to a buffer's rows, the words of elements: those of
    neighbouring rows are neighbours, and those of neighbouring columns `step` apart. Four divides
    both numbers, and the first element (``kernels/host_random.h``)."""
    count, to_row = symbol("count"), symbol("to_row")
    target = Buffer("words", "uint32", (rows, count), words.scope, (to_row, 1), 0, "words")
    row, column = LoopVariable("row"), LoopVariable("column")
    word = RandomWord(index_of(row) + index_of(column) * step, _FIRST, *_KEY)
    store = Store(Load(target, (index_of(row), index_of(column))), word)
    body = For(row, (as_index(rows),), (For(column, (as_index(count),), (store,)),))
    numbers, constants = (_FIRST, *_KEY), (rows, step)
    source = "host_random.h"
    return Intrinsic("gc_draw_columns", (target,), (body,), source, numbers, constants=constants)


def with_drawn_columns(program: LoopProgram, loops: Sequence[str]) -> LoopProgram:
    """Return a program that draws, by calls, the words that the two innermost ones of a nest of
    loops store to the rows of an array. The program is as it is if words of blocks are not those
    of neighbouring rows.

    Args:
        loops: the outermost first.
    """
    *_, rows, columns = map(program.loop, loops)
    (store,) = (one for one in columns.body if isinstance(one, Store))
    assert isinstance(store.value, RandomWord)
    element = ranges_at(program, columns).simplified(store.value.element)
    count, step = _only_turns(rows), element.factor(columns.variable)
    others = (factor for atom, factor in element.terms if atom is not rows.variable)
    numbers = (count, element.constant, step, *others)
    is_shifted = not isinstance(shift := store.value.shift, Constant) or shift.number != 0
    if is_shifted or element.factor(rows.variable) != 1 or not all(map(_is_in_blocks, numbers)):
        return program
    assert isinstance(count, int)
    assert isinstance(step, int)
    called = drawn_columns(store.target.buffer, count, step)
    with suppress(RewriteError):  # columns may be no neighbours
        return use(program, called, rows.variable.name)
    return program


def with_words_crosswise(program: LoopProgram, site: str, loops: Sequence[str]) -> LoopProgram:
    """Return a program that draws, by calls, the words that the two innermost ones of a nest of
    loops store to the rows of an array where those of neighbouring rows, not of neighbouring
    columns, lie side by side: in their order, into an array that is transposed then. The program is
    as it is if only a call knows how many there are, or no words are neighbours.

    Args:
        site: the loop in whose body the nest is.
        loops: the outermost first.
    """
    *around, rows, columns = loops
    (store,) = program.loop(columns).body
    assert isinstance(store, Store)
    across, along = (_only_turns(program.loop(one)) for one in (rows, columns))
    words = store.target.buffer
    if across is None or along is None or words.dtype not in TRANSPOSED:
        return program
    site = around[-1] if around else site
    named, word = name_element(program, columns, store.value)
    coords = [index_of(named.loop(one).variable) for one in (columns, rows)]
    with suppress(RewriteError):  # they may change in between
        staged = stage_factor(named, site, word.name, coords, _IN_ORDER)
        nest = next(one for one in staged.loop(site).body if isinstance(one, For))
        drawn = with_drawn_words(staged, names_of_loops(loops_in((nest,))))
        if drawn is not staged:
            tile = transposed_tile(words, across, along, BufferScope.THREAD)
            return use(propagate(drawn, word.name), tile, rows)
    return program


def _is_in_blocks(size: Size | None) -> bool:
    """Return True if the number of words of a block divides a size."""
    return size is not None and exact_quotient(size, _OF_BLOCK) is not None


def draws_in(loop: For) -> Iterator[tuple[str, RandomWord]]:
    """Yield the random words that a loop's own statements name."""
    for one in loop.body:
        if isinstance(one, Let) and isinstance(one.value, RandomWord):
            yield one.local.name, one.value


def with_words_ahead(program: LoopProgram, name: str) -> tuple[LoopProgram, str]:
    """Return a program in which the words of the elements of an innermost loop are drawn ahead of
    it, and the name of that loop then. Words whose elements do not lie side by side stay."""
    loop = program.loop(name)
    ranges = ranges_at(program, loop).within(loop.variable, *loop.ends)
    draws = [
        local for local, word in draws_in(loop) if ranges.is_contiguous(word.element, loop.variable)
    ]
    if not draws:
        return program, name
    turns = most_known_turns(loop)
    if turns is None or turns > WORDS:
        program = split(program, name, WORDS, Tail.SHORT)
        name = f"{name}_inner"
    else:
        program = _with_rows_together(program, name, draws[0])
    for local in draws:
        for around in _sites(program, name, local):
            try:
                program = _drawn(program, around, local)
            except RewriteError:  # a shift that changes in between
                continue
            break
    return program, name


def with_drawn_words(program: LoopProgram, loops: Sequence[str]) -> LoopProgram:
    """Return a program that draws, by calls, the words that a nest of loops stores to an array:
    those together whose elements lie side by side.

    Args:
        loops: the outermost first. The program is as it is if the innermost one has other words.
    """
    *outer, inner = loops
    loop = program.loop(inner)
    (store,) = (one for one in loop.body if isinstance(one, Store))
    assert isinstance(store.value, RandomWord)
    if (
        not ranges_at(program, loop)
        .within(loop.variable, *loop.ends)
        .is_contiguous(store.value.element, loop.variable)
    ):
        return program
    while outer:
        loop = program.loop(inner)
        (store,) = (one for one in loop.body if isinstance(one, Store))
        assert isinstance(store.value, RandomWord)
        around = program.loop(outer[-1])
        ranges = ranges_at(program, loop).within(loop.variable, *loop.ends)
        if ranges.step(store.value.element, around.variable) != _only_turns(loop):
            break
        program = fuse(program, outer.pop(), inner)
        inner = f"{around.variable}_{inner}"
    turns = _only_turns(program.loop(inner))
    if turns is None:
        return program
    program = flatten(program)
    filled = program.loop(inner)
    (store,) = (one for one in filled.body if isinstance(one, Store))
    return use(program, drawn_words(store.target.buffer, filled, turns), inner)


def _with_rows_together(program: LoopProgram, name: str, local: str) -> LoopProgram:
    """Return a program in which the loop around an innermost one of few turns is divided, so that
    as many of its turns are inside as have words to draw at once, unless threads divide it."""
    (*around, loop) = program.loops_to(name)
    turns = _only_turns(loop)
    if turns is None or not around or around[-1].kind is LoopKind.TEAM:
        return program
    rows, most = WORDS // turns, most_known_turns(around[-1])
    is_next = _step(program, name, local, around[-1]) == turns
    if rows < 2 or not is_next or (most is not None and most <= rows):
        return program
    return split(program, around[-1].variable.name, rows, Tail.SHORT)


def _step(program: LoopProgram, name: str, local: str, around: For) -> Size | None:
    """Return by how many elements a word of a loop moves as a loop around it does."""
    loop = program.loop(name)
    word = dict(draws_in(loop))[local]
    return ranges_at(program, loop).step(word.element, around.variable)


def _sites(program: LoopProgram, name: str, local: str) -> list[str | None]:
    """Return the loops at whose head the words of the loops inside can be drawn, which lie side by
    side and are few, the outermost first."""
    path = program.loops_to(name)
    found: list[str | None] = [path[-2].variable.name if len(path) > 1 else None]
    count = 1
    for around, loop, inner in zip(path[-3::-1], path[-2::-1], path[::-1], strict=False):
        turns, most = _only_turns(inner), most_known_turns(loop)
        if turns is None or most is None or count * turns * most > WORDS:
            break
        count *= turns
        if _step(program, name, local, loop) != count:
            break
        found.append(around.variable.name)
    return found[::-1]


def _only_turns(loop: For) -> int | None:
    """Return the trip count of a loop, if it is known."""
    return most_known_turns(loop) if len(loop.ends) == 1 else None


def _drawn(program: LoopProgram, around: str | None, local: str) -> LoopProgram:
    """Return a program in which a word is drawn at the head of a loop for all turns inside."""
    name = f"{local}_words"
    program = stage_value(program, around, local, BufferScope.REGISTER, name=name)
    store = next(
        one
        for one in walk(program.body)
        if any(target.buffer.name == name for target in targets_of(one))
    )
    loops = [one.variable.name for one in path_to(program.body, store) if isinstance(one, For)]
    *outer, inner = loops if around is None else loops[loops.index(around) + 1 :]
    for loop in reversed(outer):
        program = fuse(program, loop, inner)
        inner = f"{loop}_{inner}"
    program = flatten(program)
    filled = program.loop(inner)
    (stored,) = (one for one in filled.body if isinstance(one, Store))
    return use(program, drawn_words(stored.target.buffer, filled), inner)
