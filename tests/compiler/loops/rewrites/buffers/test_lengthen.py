"""lengthen: elements behind the last one of a buffer; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import BufferScope, new_buffer, view
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.buffers.lengthen import lengthen
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import Allocate, Statement, Store
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import loops_of, plain_programs, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", 3, 4), w.floats("y", 3, 4)
IMAGE = new_buffer("image", "float32", (3, 4), BufferScope.THREAD)


def copied(scope: BufferScope = BufferScope.THREAD, *more: Statement) -> LoopProgram:
    image = IMAGE if scope is BufferScope.THREAD else new_buffer("image", "float32", (3, 4), scope)
    fill = w.loop(I, 3, w.loop(J, 4, Store(w.at(image, I, J), w.at(X, I, J))))
    use = w.loop(I, 3, w.loop(J, 4, Store(w.at(Y, I, J), w.at(image, 2 - I, J))))
    return w.program((X,), (Y,), Allocate(image), fill, *more, use)


def test_elements_are_at_their_positions() -> None:
    before = copied()
    after = lengthen(before, "image", 15)
    assert lines_of(after)[:3] == [
        "allocate image: float32[15] in thread",
        "for image_behind < 3:",
        "image[image_behind + 12] = 0.0",
    ]
    assert "y[i, j] = image[j - 4*i + 8]" in lines_of(after)
    same_meaning(before, after)


def test_as_many_elements_are_in_one_row() -> None:
    before = copied()
    after = lengthen(before, "image", 12)
    assert lines_of(after)[:2] == ["allocate image: float32[12] in thread", "for i < 3:"]
    same_meaning(before, after)


def test_fewer_elements_are_refused() -> None:
    with pytest.raises(RewriteError, match="at least its 12 elements, found 11"):
        lengthen(copied(), "image", 11)


def test_what_is_not_a_thread_s_own_is_refused() -> None:
    expected = "one that the program allocates in a thread's memory"
    with pytest.raises(RewriteError, match=f"{expected}, found shared"):
        lengthen(copied(BufferScope.SHARED), "image", 15)
    with pytest.raises(RewriteError, match=f"{expected}, found no such statement"):
        lengthen(copied(), "x", 15)


def test_views_are_refused() -> None:
    flat = view(IMAGE, "image_flat", (12,))
    more = w.loop(I, 12, Store(w.at(flat, I), w.number(0)))
    with pytest.raises(RewriteError, match="expected no views of it, found another buffer in it"):
        lengthen(copied(BufferScope.THREAD, more), "image", 15)


@given(plain_programs(), st.data())
def test_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from([None, *loops_of(program)]))
    names = sorted({one.name for one in program.inputs})
    name = data.draw(st.sampled_from(names)) if names else ""
    try:
        before = stage(program, loop, name, BufferScope.THREAD, name="copy")
    except RewriteError:
        return
    (copy,) = (
        x.buffer for x in walk(before.body) if isinstance(x, Allocate) if x.buffer.name == "copy"
    )
    more = data.draw(st.integers(0, 4))
    same_meaning(before, lengthen(before, "copy", copy.elements + more))
