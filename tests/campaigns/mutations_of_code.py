"""Small changes to Python files, each of which a test should notice.

A change replaces a piece of a file's text, so that a diff of it shows one line. What no run of the
program can show is not changed: text, types, what only a type checker reads, assertions, the order
of operands that commute, hashes, amounts of time or of work done at once, and the numbers that only
tune.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type, tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_SUMS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
}

_COMMUTATIVE = frozenset(
    ("add", "allclose", "array_equal", "gcd", "isclose", "lcm", "logical_and", "logical_or", "max",
     "maximum", "min", "minimum", "mul", "multiply", "not_equal", "plus", "times")
)  # fmt: skip
"""Functions whose first two arguments may change places."""

_TIMES = re.compile(r"_(AT_ONCE|CHUNK|PIECE|PIECE_BYTES|SECONDS|WARM_UP|WARM_STEPS)$")
"""Constants of a module that say how long to wait, or how much is done at once."""

_TIMES_OF_CALLS = frozenset(("chunksize", "maxsize", "stacklevel", "timeout"))
"""Arguments of functions that say the same, or where a warning is shown."""

TUNING: dict[str, tuple[str, ...]] = {
    # How many sets of sizes, or plans, are kept: those that are dropped are made again.
    "graphc/compiler/function/api.py": ("MOST_BOUND",),
    "graphc/compiler/runtime/cpu/executor.py": ("_MOST_TABLES",),
    "graphc/compiler/runtime/gpu/executor.py": ("_MOST_BOUND_PROGRAMS",),
    "graphc/compiler/runtime/numpy_executor.py": ("_MOST_FITTING",),
    "graphc/engine/training/division.py": ("_MOST_PLANS",),
    # How far a device may be behind.
    "graphc/callbacks/logs.py": ("_MOST_UNREAD",),
    "graphc/engine/training/loops.py": ("_MOST_STARTED",),
    # The amount of work from which on threads divide it: no sum depends on their number.
    "graphc/compiler/lowering/cpu/loop.py": ("LEAST", "_ELEMENT"),
    # Bytes of a call of the system, or of a cache of another library.
    "graphc/rows/several.py": ("_CACHE_BYTES",),
    "graphc/rows/stored.py": ("CALL_BYTES", "_HUGE_PAGE_BYTES"),
    # The size up to which the faster of two ways to the same answer is tried.
    "graphc/engine/data/input_arrays.py": ("_FEW",),
}
"""Constants of a module that change how long something takes, and no value, error or report.

Each is named here, since no name tells them from a bound: most that begin with MOST or FEW refuse
something, or choose among kernels that add up in another order.
"""


@dataclass(frozen=True)
class Change:
    """A piece [start, stop) of a file's bytes, and what is there after the change."""

    start: int
    stop: int
    text: bytes

    def of(self, source: bytes) -> bytes:
        """The changed file."""
        return source[: self.start] + self.text + source[self.stop :]


class _Finder(ast.NodeVisitor):
    def __init__(self, source: bytes, tuning: Collection[str]):
        self._source = source
        self._tuning = tuning
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.found: list[Change] = []

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def _stop(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def _replace(self, start: int, stop: int, text: str | bytes) -> None:
        self.found.append(Change(start, stop, text.encode() if isinstance(text, str) else text))

    def _text(self, node: ast.expr | ast.stmt) -> bytes:
        return self._source[self._start(node) : self._stop(node)]

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replace an operator. What is between its operands may have parentheses and comments."""
        start = self._source.find(old.encode(), self._stop(left), self._start(right))
        if start >= 0:
            self._replace(start, start + len(old), new)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators,
                                   strict=False):  # fmt: skip
            self._between(left, right, *_COMPARISONS[type(op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        self._between(node.values[0], node.values[1], old, new)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = any(isinstance(one, ast.JoinedStr) or _is_text(one)
                    for one in (node.left, node.right))  # fmt: skip
        if type(node.op) in _SUMS and not texts:
            self._between(node.left, node.right, *_SUMS[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(self._start(node), self._start(node) + len("not"), "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(self._start(node), self._stop(node), str(not node.value))
        elif isinstance(node.value, int):
            # Of one element the last is the first.
            for other in (node.value + 1, node.value - 1) if node.value else (1,):
                self._replace(self._start(node), self._stop(node), f"({other})")

    def visit_Call(self, node: ast.Call) -> None:
        name = _last_name(node.func)
        if name == "sleep":
            return
        plain = not any(isinstance(one, ast.Starred) for one in node.args)
        if len(node.args) > 1 and plain and name not in _COMMUTATIVE:
            first, second = node.args[:2]
            swapped = (
                self._text(second)
                + self._source[self._stop(first) : self._start(second)]
                + self._text(first)
            )
            if self._text(first) != self._text(second):
                self._replace(self._start(first), self._stop(second), swapped)
        for one in (node.func, *node.args):
            self.visit(one)
        for keyword in node.keywords:
            # `strict` of a zip only holds what is so, as an assertion does.
            if keyword.arg not in _TIMES_OF_CALLS and (name, keyword.arg) != ("zip", "strict"):
                self.visit(keyword.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._replace(self._start(node), self._stop(node), "pass")
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(self._start(node), self._stop(node), "pass")
        self.visit(node.value)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            return
        # Where False is returned, None is as false, and True is another change.
        constant = node.value.value if isinstance(node.value, ast.Constant) else ...
        if constant is not None and constant is not False:
            self._replace(self._start(node), self._stop(node), "return None")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        # The one is an assertion, the other a method that has no body.
        if raised is None or _last_name(raised) not in ("AssertionError", "NotImplementedError"):
            self._replace(self._start(node), self._stop(node), "pass")

    # What says something to people or to a type checker alone.

    def visit_If(self, node: ast.If) -> None:
        if _last_name(node.test) == "TYPE_CHECKING":
            for one in node.orelse:
                self.visit(one)
        else:
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for one in node.body:
            self.visit(one)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(self._only_tunes(target) for target in node.targets):
            self.generic_visit(node)

    def _only_tunes(self, target: ast.expr) -> bool:
        """True for a constant that says how much is done at once, or is listed as tuning."""
        name = target.id if isinstance(target, ast.Name) else ""
        return name in self._tuning or bool(_TIMES.search(name))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave it: its pieces have no places of their own before Python 3.12."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave it: it only holds what is so."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and not self._only_tunes(node.target):
            self.visit(node.value)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in (*node.defaults, *node.kw_defaults):
            if default is not None:
                self.visit(default)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name == "__hash__":  # one number is as good as another
            return
        self.visit(node.args)
        for one in node.body:
            self.visit(one)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _last_name(node: ast.expr) -> str:
    """Return b of a name b, or of an attribute a.b; else nothing."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def changes(source: bytes, tuning: Collection[str] = ()) -> list[Change]:
    """All changes to a file that leave it a Python file, in the order of their places.

    Args:
        source: the file.
        tuning: the constants of the module that are left as they are.
    """
    finder = _Finder(source, tuning)
    finder.visit(ast.parse(source))
    return sorted(_that_parse(source, finder.found), key=lambda one: (one.start, one.text))


def _that_parse(source: bytes, found: list[Change]) -> Iterator[Change]:
    for one in found:
        line = source.rfind(b"\n", 0, one.start) + 1
        if source[line : one.start].lstrip().startswith((b"@", b"import ", b"from ")):
            continue
        yield one
