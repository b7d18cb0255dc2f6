"""scatter_add: the sum of an index depends on its own updates, in their order, and on no other."""

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate


def scattered(indices: np.ndarray, updates: np.ndarray, size: int) -> np.ndarray:
    return evaluate([g.scatter_add(g.constant(indices), g.constant(updates), size)])[0]


def test_the_bits_of_a_sum_do_not_depend_on_the_updates_of_other_indices():
    generator = np.random.default_rng(0)
    indices = generator.integers(0, 3, 2000).astype("int32")
    scale = 10.0 ** generator.integers(-6, 7, (2000, 1))
    updates = (generator.normal(size=(2000, 2)) * scale).astype("float32")
    together = scattered(indices, updates, 3)
    for index in range(3):
        own = updates[indices == index]
        alone = scattered(np.zeros(len(own), "int32"), own, 1)
        np.testing.assert_array_equal(together[index], alone[0])
        # The bound on the rounding of n additions in any order (Higham, 2002, section 4.2).
        bound = len(own) * np.finfo("float32").eps / 2 * np.abs(own).sum(0, dtype="float64")
        assert (np.abs(alone[0] - own.sum(0, dtype="float64")) <= bound).all()
