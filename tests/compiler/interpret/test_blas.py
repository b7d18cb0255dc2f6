"""Products of some milliseconds run on one thread of the BLAS, larger ones on all that it has."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager, ExitStack, nullcontext

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.dim import symbols
from graphc.compiler.interpret import Program, blas, evaluate
from tests.numpys_blas import CONTROLLER, set_free, threads

pytestmark = pytest.mark.skipif(
    not CONTROLLER.lib_controllers, reason="the threads of this NumPy's BLAS cannot be chosen"
)


@pytest.fixture(autouse=True)
def three_threads():
    with CONTROLLER.limit(limits=3):
        set_free()
        yield


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """On how many threads each product ran."""
    found = []

    def watched(function):
        def run(*arguments):
            found.append(threads())
            return function(*arguments)

        return run

    for name in ("matmul", "tensordot"):
        monkeypatch.setattr(np, name, watched(getattr(np, name)))
    return found


@pytest.mark.parametrize(("size", "expected"), [(63, 3), (64, 1), (700, 1), (800, 3)])
def test_a_product(seen: list[int], size: int, expected: int) -> None:
    """Of 800 x 800 it takes 1.02 GFLOP, of 700 x 700 0.69. Below 64 x 64 OpenBLAS takes one
    thread itself."""
    x = np.ones((size, size), "float32")
    (product,) = evaluate([g.matmul(g.constant(x), g.constant(x))])
    assert product[0, 0] == size
    assert seen == [expected]
    assert threads() == 3


@pytest.mark.parametrize(("length", "expected"), [(90, 3), (100, 1)])
def test_a_product_with_a_vector(seen: list[int], length: int, expected: int) -> None:
    """OpenBLAS shares these among threads from 9,216 elements on."""
    x, y = np.ones((length, length), "float32"), np.ones((length, 1), "float32")
    evaluate([g.matmul(g.constant(x), g.constant(y))])
    assert seen == [expected]


def test_products_of_a_batch_are_calls_of_their_own(seen: list[int]) -> None:
    x = np.ones((3, 600, 600), "float32")
    evaluate([g.matmul(g.constant(x), g.constant(x))])
    assert seen == [1]


@pytest.mark.parametrize(("samples", "expected"), [(8, 1), (32, 3)])
def test_a_convolution(seen: list[int], samples: int, expected: int) -> None:
    """A sample takes 2 * 32 * 32 * 9 * 48 * 48 = 42 MFLOP."""
    images, kernel = np.ones((samples, 32, 50, 50), "float32"), np.ones((32, 32, 3, 3), "float32")
    (result,) = evaluate([g.conv(g.constant(images), g.constant(kernel))])
    assert result.shape == (samples, 32, 48, 48)
    assert seen == [expected]


def test_the_largest_of_a_graph_says_it_for_all(seen: list[int]) -> None:
    x, y = (g.constant(np.ones((size, size), "float32")) for size in (64, 800))
    evaluate([g.matmul(x, x), g.matmul(y, y)])
    assert seen == [3, 3]


def test_products_within_a_loop_count(seen: list[int]) -> None:
    """A size that only a call knows, too."""
    x, w = g.input((g.BATCH, 64)), g.constant(np.ones((64, 64), "float32"))
    (last,), _ = g.scan(lambda carries, _: ([g.matmul(carries[0], w)], []), [x], length=2)
    program = Program([last])
    feeds = {x: np.ones((64, 64), "float32")}
    (result,) = program.run(feeds, dict.fromkeys(symbols(g.BATCH), 64), 0)
    assert result[0, 0] == 64**2
    assert seen == [1, 1]


def test_an_error_gives_the_threads_back() -> None:
    with pytest.raises(ValueError, match="within"), blas.threads_for(10**6):
        raise ValueError("within")
    assert threads() == 3


def test_one_thread_sets_the_number_and_sets_it_back() -> None:
    """While it does, others of the process go on, and leave it alone."""

    def other() -> None:
        with blas.threads_for(10**6):
            found.append(threads())
        found.append(threads())

    found: list[int] = []
    with blas.threads_for(10**6):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found == [1, 1]
    assert threads() == 3


def test_the_last_that_goes_sets_it_back() -> None:
    """Who came second does not go on with more threads than it began with."""
    first, second = blas.threads_for(10**6), blas.threads_for(10**6)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == 1
    second.__exit__(None, None, None)
    assert threads() == 3


def test_the_last_that_goes_may_be_another_thread() -> None:
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with blas.threads_for(10**6):
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with blas.threads_for(10**6):
        thread.start()
        entered.wait()
    assert threads() == 1
    leave.set()
    thread.join()
    assert threads() == 3


# ---- beside others that set the number ----------------------------------------------------------


def within() -> AbstractContextManager[None]:
    return blas.threads_for(10**6)


def test_a_section_that_ends_later_leaves_the_number_as_it_was(caplog) -> None:
    """It finds 1, and sets that back when it ends."""
    with caplog.at_level("INFO", logger="graphc"):
        with ExitStack() as others:
            with within():
                others.enter_context(CONTROLLER.limit(limits=2))
                assert threads() == 2
            assert threads() == 2
            with within():  # the other's number is on
                assert threads() == 2
            assert threads() == 2
        assert threads() == 1
        with within():
            assert threads() == 1
        assert threads() == 3
        with within():
            assert threads() == 1
        assert threads() == 3
    assert [one.getMessage() for one in caplog.records] == [
        "the BLAS was left on one thread by a section that began while a product was computed; it "
        "is set to 3 threads again"
    ]


def test_a_section_that_ends_within_another_product() -> None:
    with ExitStack() as others:
        with within():
            others.enter_context(CONTROLLER.limit(limits=2))
        within().__enter__()
    within().__exit__(None, None, None)
    with within():
        pass
    assert threads() == 3


@pytest.mark.skipif(
    not any(hasattr(one, "clear_controlling_thread") for one in CONTROLLER.lib_controllers),
    reason="this threadpoolctl lets any thread set the number",
)
def test_a_section_of_another_thread_that_sets_one_thread() -> None:
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with CONTROLLER.limit(limits=1):
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with within():
        thread.start()
        entered.wait()
    assert threads() == 1
    leave.set()
    thread.join()
    with within():
        assert threads() == 1
    assert threads() == 3


def test_a_section_that_begins_and_ends_within() -> None:
    with within():
        with CONTROLLER.limit(limits=2):
            assert threads() == 2
        assert threads() == 1
    assert threads() == 3


def test_a_section_around_is_kept() -> None:
    with CONTROLLER.limit(limits=2):
        with within():
            assert threads() == 1
        assert threads() == 2
    assert threads() == 3


def test_a_number_that_is_set_for_good_stays() -> None:
    """While a product is computed, and after that; 1 too, if nobody set it while one was."""
    with within():
        CONTROLLER.limit(limits=2)
    assert threads() == 2
    CONTROLLER.limit(limits=3)
    with within():
        assert threads() == 1
    assert threads() == 3
    CONTROLLER.limit(limits=1)
    with within():
        assert threads() == 1
    assert threads() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("forks_within", [True, False])
def test_a_fork_while_a_product_is_computed(forks_within: bool) -> None:
    """The child has none of the threads that were within, but for the one that forks."""
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with within():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait()
    seen = []
    with within() if forks_within else nullcontext():
        child = os.fork()
        seen.append(threads())
        if child == 0:
            with within():
                seen.append(threads())
    seen.append(threads())
    if child == 0:
        os._exit(0 if seen == [1 if forks_within else 3, 1, 3] else 1)
    leave.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert threads() == 3
