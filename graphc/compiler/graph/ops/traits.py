"""The traits of an op: the columns of the op table that hold for every node of the op.

Passes, the schedule and the rules of other floors read them in place of lists of names. A trait
that a row does not give has the value that assumes least, so that a new op is right without one;
only an op whose value comes from outside of its node and inputs has to say so (`external`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Moves(enum.Enum):
    """The elements of the result of an op that computes nothing, as those of its inputs."""

    PERMUTED = "each of the input's, once"
    REPEATED = "each of the input's, once or more"
    SELECTED = "some of the input's, once each"
    PADDED = "each of the input's, once, and copies of a constant"
    JOINED = "each of all inputs', once"


class Work(enum.IntEnum):
    """The machine instructions for one element of a result, its inputs being in registers."""

    NONE = 0
    """It has no arithmetic: another position, another type, a number that is known."""
    ONE = 1
    """A product computes it as it reads an operand."""
    FEW = 2
    """The backward step of a loop computes it again, in place of storing it at each step."""
    SEVERAL = 3
    """An epilogue may still be unrolled over it."""
    MANY = 4
    """Divisions and functions: an epilogue is not unrolled over them."""


Groups = tuple[tuple[int, ...], ...]
"""Groups of inputs, by their positions."""

FIRST: Groups = ((0,),)
SECOND: Groups = ((1,),)
EACH: Groups = ((0,), (1,))
BOTH: Groups = ((0, 1),)


@dataclass(frozen=True, kw_only=True)
class Traits:
    """The traits of an op.

    Attributes:
        commutative: the two inputs may change places; patterns of rewrites match both orders.
        nests: (of a reduction) over some axes and then over others it is the reduction over all of
            them; reductions of reductions are joined.
        keeps_zero: where all inputs are zeros the result is zeros, of either sign; the analysis of
            shards and the search for updates that a gradient of zero does not change follow zeros.
        linear: the groups of inputs in which the op is linear, the other inputs being fixed: `EACH`
            of the two for a product, `BOTH` together for a sum, None for all inputs together,
            however many there are. Of a `cast` it holds between floats, of a `pad` with zeros.
        identity: the result is the input: a mark for what reads the graph before the passes, which
            remove it.
        moves: how the result's elements are those of the inputs, if that depends on nothing but
            shapes and attributes (an index map); None if it does not, or if it computes.
        pools: (of a window op) it gives one value a window, not one an element.
        work: of one element; a value of little work is computed again rather than stored.
        has_gradient: a cotangent may flow to an input, by a rule in `graphc.compiler.grad`. It does
            not through what is constant in pieces or has no floats, nor where a mark says so.
        supplied: the value is handed to a program, which computes nothing for it.
        external: the value is that of a feed, of a state or of the call's random bits; it does not
            follow from the node and its inputs, so that no node above it is `Node.closed`.
    """

    commutative: bool = False
    nests: bool = False
    keeps_zero: bool = False
    linear: Groups | None = ()
    identity: bool = False
    moves: Moves | None = None
    pools: bool = False
    work: Work = Work.MANY
    has_gradient: bool = True
    supplied: bool = False
    external: bool = False

    @property
    def is_view(self) -> bool:
        """True if each element of the result is one of the single input's, so that it may be a view
        of the input's memory."""
        return self.moves in (Moves.PERMUTED, Moves.REPEATED, Moves.SELECTED)

    @property
    def keeps_elements(self) -> bool:
        """True if the result has the same elements as the single input, none left out and none
        added, at other positions and maybe several times."""
        return self.moves in (Moves.PERMUTED, Moves.REPEATED)


PLAIN = Traits()
"""The traits of a row that gives none."""
