"""Near spellings: those that a slip of the hand explains."""

from __future__ import annotations

from collections.abc import Iterable

# Up to this length another first letter is another name (gelu and relu), and below it any other
# letter is (auc and acc).
_SHORT = 4
# Length of the longer name -> mistakes that still leave it recognisable.
_ALLOWED = ((7, 1), (12, 2))
_MOST = 3
# A word more or less is further off than any mistake.
_A_WORD = 9


def nearest(name: object, allowed: Iterable[str]) -> list[str]:
    """Return up to three of `allowed` that are spelled like `name`, nearest first, whatever the
    case.

    Near is what lacks or adds a word, or differs by a mistake or two: a letter too many, too few,
    another one, or two in the other order. In a short name another first letter makes another name,
    in three letters any. Of names that are nearer than others these alone are given.
    """
    ranked = []
    for place, other in enumerate(map(str, allowed)):
        rank = _rank(_folded(name), _folded(other))
        if rank is not None:
            ranked.append((rank, place, other))
    least = min(ranked, default=(0, 0, ""))[0]
    return [other for rank, _, other in sorted(ranked) if rank == least][:3]


def is_one(name: object, allowed: Iterable[str]) -> bool:
    """Return True if a name is one of `allowed`, whatever the case and the underscores."""
    letters = _folded(name).replace("_", "")
    return any(letters == _folded(other).replace("_", "") for other in allowed)


def _folded(name: object) -> str:
    return str(name).casefold()


def _rank(name: str, other: str) -> int | None:
    """Return the edit distance of two names, None if it is too large."""
    if min(len(name), len(other)) > _SHORT and mistakes(name, other) <= 1:
        return mistakes(name, other)
    words, others = name.split("_"), other.split("_")
    if len(words) == len(others):
        ranks = [_rank_of_words(*pair) for pair in zip(words, others, strict=True)]
        known = [rank for rank in ranks if rank is not None]
        return sum(known) if len(known) == len(ranks) else None
    far = mistakes("".join(words), "".join(others))
    if far <= 1:
        return far
    shorter, longer = sorted((name, other), key=len)
    if (
        len(shorter) >= _SHORT
        and abs(len(words) - len(others)) == 1
        and (longer.startswith(f"{shorter}_") or longer.endswith(f"_{shorter}"))
    ):
        return _A_WORD
    return None


def _rank_of_words(word: str, other: str) -> int | None:
    if word == other:
        return 0
    shortest, longest = sorted((len(word), len(other)))
    if shortest > _SHORT and (word.startswith(other) or other.startswith(word)):
        return 1
    far = mistakes(word, other)
    if longest <= _SHORT:
        swapped = sorted(word) == sorted(other)
        replaced = shortest == longest < _SHORT
        slip = swapped or (word[:1] == other[:1] and not replaced)
        return far if far == 1 and shortest > 1 and slip else None
    most = next((most for length, most in _ALLOWED if longest <= length), _MOST)
    return far if far <= most else None


def mistakes(name: str, other: str) -> int:
    """Return how many letters have to be added, removed, replaced, or changed with their
    neighbour, to make one name the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(name, 1):
        before, last, row = row, before, [i]
        for j, its in enumerate(other, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and its == name[i - 2]:
                least = min(least, last[j - 2] + 1)
            row.append(least)
    return row[-1]
