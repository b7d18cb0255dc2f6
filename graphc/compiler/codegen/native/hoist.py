"""Lines that compute an element, put into the loops around it: each as far out as it can be.

The emitter prints the value of one element as a list of constants. What depends on outer
coordinates alone (a row of an embedding and the test of its index, the scale of a channel) is
computed once for each of those, so that the innermost loop holds nothing but what changes in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"[A-Za-z_]\w*")
_CONSTANT = re.compile(r"const [\w<> ]+?[ *]+(\w+) = ")
_VARIABLE = re.compile(r"(?!const )[\w<>]+(?: int)? (\w+)(?: = |;|\[)")


def statements(lines: Sequence[str]) -> list[list[str]]:
    """Lines as statements of the outermost level: a block is one, from its head to its end."""
    found: list[list[str]] = []
    depth = 0
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#pragma unroll"):
            continue  # how far to unroll is for the compiler to say
        code = line.split("//")[0]
        if depth or code.lstrip().startswith("else"):
            found[-1].append(line)
        else:
            found.append([line])
        depth += code.count("{") - code.count("}")
    return found


def levels(
    found: Sequence[Sequence[str]], variables: Sequence[str], inside: Sequence[str] = ()
) -> list[int]:
    """In how many of the loops with these variables, the outermost first, each statement has to
    be; those that name one of `inside` have to be in all."""
    known = {name: depth for depth, name in enumerate(variables, start=1)}
    known |= dict.fromkeys(inside, len(variables))
    codes = [" ".join(line.split("//")[0] for line in lines) for lines in found]
    mutable = {match[1]: k for k, code in enumerate(codes) if (match := _VARIABLE.match(code))}
    result = [0] * len(codes)
    while True:
        before = list(result)
        for k, code in enumerate(codes):
            words = set(_WORD.findall(code))
            level = max([result[k], *(known.get(word, 0) for word in words)])
            result[k] = level
            defined = _CONSTANT.match(code)
            if defined:
                known[defined[1]] = level
            for name, declared in mutable.items():
                # A variable lives where the innermost of its assignments is.
                if name in words and (k == declared or _assigns(code, name)):
                    level = max(level, result[declared])
                    result[k] = result[declared] = known[name] = level
        if result == before:
            return result


def _assigns(code: str, name: str) -> bool:
    return re.search(rf"\b{name}(?:\[[^\]]*\])? = ", code) is not None


def by_level(
    lines: Sequence[str], variables: Sequence[str], inside: Sequence[str] = ()
) -> list[list[str]]:
    """The lines that belong ahead of the loops, then those inside of each, in order; arguments as
    of `levels`."""
    found = statements(lines)
    placed: list[list[str]] = [[] for _ in range(len(variables) + 1)]
    for statement, level in zip(found, levels(found, variables, inside), strict=True):
        placed[level] += statement
    return placed
