"""Online: sums along with the largest value, or with the mean, that they are seen from."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.rewrites.arithmetic.online import online
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import partial_sums
from graphc.compiler.loops.statement import Accumulate, Allocate, Let, Statement, Store
from graphc.compiler.loops.value import Load, Local, Value
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import J, K, variable

LENGTH = 12
X, Y, Z = w.floats("x", LENGTH), w.floats("y"), w.floats("z")
FOUND, TOTAL = w.at(w.register("s0")), w.at(w.register("s1"))
SECOND = variable("k1")


def named(name: str, value: Value) -> Let:
    """Return a name for a value."""
    return Let(Local(name, "float32"), value)


def starting(load: Load, value: float) -> tuple[Statement, ...]:
    return Allocate(load.buffer), Store(load, w.number(value))


def two_loops(
    reduction: str, term: Value, *between: Statement, end: int = LENGTH, beside: tuple = ()
) -> LoopProgram:
    """Return a program that reduces x, and adds up terms of x and of what was found."""
    start = -np.inf if reduction == "max" else 0.0
    return w.program(
        (X,),
        (Y, Z),
        *starting(FOUND, start),
        w.loop(K, LENGTH, Accumulate(reduction, (FOUND,), (w.at(X, K),))),
        *between,
        *starting(TOTAL, 0.0),
        w.loop(SECOND, end, *beside, Accumulate("sum", (TOTAL,), (term,))),
        Store(w.at(Y), FOUND),
        Store(w.at(Z), TOTAL),
    )


def exponentials() -> LoopProgram:
    """Return a program that finds the largest x, and adds up exp(x - largest)."""
    return two_loops("max", w.op("exp", w.op("sub", w.at(X, SECOND), FOUND)))


def squares(divisor: float = LENGTH) -> LoopProgram:
    """Return a program that adds up x, and its squared differences from their mean, with names."""
    mean = named("t0", w.op("div", FOUND, w.number(divisor)))
    difference = named("t1", w.op("sub", w.at(X, SECOND), mean.local))
    return two_loops(
        "sum", w.op("mul", difference.local, difference.local), mean, beside=(difference,)
    )


def results(program: LoopProgram, x: np.ndarray) -> list[float]:
    with np.errstate(invalid="ignore", over="ignore"):
        found = evaluate(program, {"x": x}, {}).outputs
    return [float(found[name]) for name in ("y", "z")]


VALUES = {
    "numbers": np.linspace(-3, 40, LENGTH),
    "falling": np.linspace(40, -30, LENGTH),
    "equal": np.full(LENGTH, 7.25),
    "nan": [*range(5), np.nan, *range(6)],
    "infinite": [*range(5), np.inf, *range(6)],
    "all at the lowest": [-np.inf] * LENGTH,
    "some at the lowest": [-np.inf, *range(10), -np.inf],
}


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("make", [exponentials, squares])
def test_one_loop_finds_what_two_do(make, values: str) -> None:
    program, x = make(), np.array(VALUES[values], "float32")
    made = online(program, "k", "k1")
    assert len(loops_in(made.body)) == 1
    expected = results(program, x)
    np.testing.assert_allclose(results(made, x), expected, rtol=2e-6, atol=1e-6)
    in_parts = partial_sums(made, "k", lanes=4)
    np.testing.assert_allclose(results(in_parts, x), expected, rtol=2e-6, atol=1e-6)


def test_the_loop_of_both() -> None:
    assert lines(online(exponentials(), "k", "k1"))[2:-2] == [
        "allocate s1_scaled: float32[] in register",
        "s1_scaled[] = 0.0",
        "for k < 12:",
        "  s0[], s1_scaled[] = exp_sum(s0[], s1_scaled[], x[k], 1.0)",
        "allocate s1: float32[] in register",
        "s1[] = add(s1_scaled[], sub(s0[], s0[]))",
    ]
    body = lines(online(squares(), "k", "k1"))
    assert "  s0[] = sum(s0[], x[k])" in body
    assert "s1[] = add(s1_squares[], sub(s1_mean[], s1_mean[]))" in body


def test_what_other_loops_need_stays() -> None:
    """The mean has a name that is used behind."""
    assert "t0 = div(s0[], 12.0)" in lines(online(squares(), "k", "k1"))


def test_what_online_refuses() -> None:
    shared = "online of the loops 'k' and 'k1' in k0: expected "
    other = two_loops("max", w.op("exp", w.op("sub", w.at(X, SECOND), w.at(X, 0))))
    assert refusal(online, other, "k", "k1").startswith(
        f"{shared}sums of exp(x - largest) or (x - mean) * (x - mean), found "
    )
    assert "expected sums of exp" in refusal(online, squares(11), "k", "k1")  # not the mean
    doubled = w.op("add", w.at(X, SECOND), w.at(X, SECOND))
    of_others = two_loops("max", w.op("exp", w.op("sub", doubled, FOUND)))
    assert "expected the max of the same x in the first" in refusal(online, of_others, "k", "k1")
    smallest = two_loops("min", w.op("exp", w.op("sub", w.at(X, SECOND), FOUND)))
    assert "expected the max of the same x in the first" in refusal(online, smallest, "k", "k1")
    backwards = refusal(online, exponentials(), "k1", "k")
    assert backwards.endswith("expected the second behind the first, found other places")
    shorter = two_loops("max", w.op("exp", w.op("sub", w.at(X, SECOND), FOUND)), end=11)
    found = refusal(online, shorter, "k", "k1")
    assert found == f"{shared}one size as the end of both, found 12 and 11"
    stores = w.loop(J, LENGTH, Store(w.at(Y), w.at(X, J)))
    program = exponentials()
    storing = w.program((X,), (Y, Z), *program.body[:3], stores, *program.body[3:])
    online(storing, "k", "k1")  # of what it does not read
    changed = w.loop(J, 1, Store(FOUND, w.number(2)))
    changing = w.program((X,), (Y, Z), *program.body[:3], changed, *program.body[3:])
    assert "expected that nothing has written what the second one reads, found a store to s0" in (
        refusal(online, changing, "k", "k1")
    )
    begins = w.program((X,), (Y, Z), program.body[0], Store(FOUND, w.number(5)), *program.body[2:])
    assert "expected that s0 begins with -inf" in refusal(online, begins, "k", "k1")


def test_other_statements_of_the_second_loop_are_refused() -> None:
    program = exponentials()
    loop = program.loop("k1")
    stored = Store(w.at(Y), w.at(X, SECOND))
    both = program.with_loop("k1", lambda one: (w.loop(SECOND, LENGTH, *loop.body, stored),))
    assert "expected sums alone in the second, found y[] = x[k1]" in refusal(
        online, both, "k", "k1"
    )
