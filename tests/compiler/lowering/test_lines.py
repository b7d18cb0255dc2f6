"""The lines of variables that hold elements of nodes, which the page of ``graphc view`` links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import DeviceProgram, Launch, launches
from tests.compiler.lowering import kinds

KINDS = [
    name for name, one in vars(kinds).items() if getattr(one, "__module__", "") == kinds.__name__
]


def lowered(target: str, name: str) -> DeviceProgram:
    _, outputs, states = getattr(kinds, name)()
    outputs, _ = optimize(outputs)
    return lower(outputs, states) if target == "cuda" else lower_native(outputs, states).program


def unlinked(launch: Launch) -> Iterator[str]:
    """Yield the variables of nodes that no line of the launch's text gives a value."""
    yield from sorted(launch.names.keys() - set(launch.lines.values()))


def whole_statement(text: Sequence[str], number: int) -> str:
    """Return the lines of a statement from a line on: a call may be several."""
    end = next(at for at in range(number, len(text)) if text[at].rstrip().endswith((";", "{", "}")))
    return "\n".join(text[number : end + 1])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("target", ["cuda", "cpu"])
def test_each_variable_of_a_node_has_the_lines_that_give_it_a_value(target: str, name: str) -> None:
    for launch in launches(lowered(target, name).steps):
        text = launch.text.split("\n")
        for number, variable in launch.lines.items():
            statement = whole_statement(text, number)
            assert re.search(rf"\b{variable}(_all)?\b", statement), (launch.name, number, variable)
            assert not text[number].strip().startswith("//")
        assert [*unlinked(launch)] == [], launch.text
