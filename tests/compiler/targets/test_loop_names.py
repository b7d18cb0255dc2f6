"""Names of loops."""

from graphc.compiler.loops.statement import Allocate, Store
from graphc.compiler.targets.loop_names import with_loop_names
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I, J

X, Y, R = w.floats("x", N, 4), w.floats("y", N, 4), w.register("p1")


def test_a_loop_has_no_name_that_something_else_has() -> None:
    moved = Allocate(R), Store(w.at(R), w.at(X, I, J)), Store(w.at(Y, I, J), w.at(R))
    before = w.program((X,), (Y,), w.loop(I, N, w.loop(J, 4, *moved)))
    names = {"i": "p0", "j": "p1"}
    after = with_loop_names(before, lambda loop: names[loop.variable.name])
    assert lines_of(after)[:2] == ["for p0 < n:", "for p1_2 < 4:"]
    same_meaning(before, after)


def test_names_of_other_loops_are_free() -> None:
    before = w.program((X,), (Y,), w.loop(I, N, w.loop(J, 4, Store(w.at(Y, I, J), w.at(X, I, J)))))
    names = {"i": "j", "j": "i"}
    after = with_loop_names(before, lambda loop: names[loop.variable.name])
    assert lines_of(after)[:2] == ["for j < n:", "for i < 4:"]
    same_meaning(before, after)
