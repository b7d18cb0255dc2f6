"""Every error that graphc raises.

Each class derives from `GraphcError` and from the builtin that fits, so ``except ValueError``
written for Keras keeps working. A message says what was expected, what was received, where, and
what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from graphc.later.names import advice_for
from graphc.later.near import is_one, nearest


class GraphcError(Exception):
    """Base of all errors of graphc."""


class ShapeError(GraphcError, ValueError):
    """Ranks or sizes that do not fit together."""


class DTypeError(GraphcError, TypeError):
    """A dtype that an operation does not take."""


class ArgumentError(GraphcError, ValueError):
    """An argument whose value is not allowed."""


class UndefinedError(ArgumentError, AttributeError):
    """A property of a layer that its uses leave undefined, such as the input of one that was called
    twice."""


class ArgumentCountError(ArgumentError, TypeError):
    """A call with more or fewer arguments than it takes."""


class KeywordError(GraphcError, TypeError):
    """A keyword argument that a call does not take."""


class UnknownNameError(GraphcError, ValueError):
    """A name (optimizer, activation, loss, ...) that is not in its table."""


class DataError(GraphcError, ValueError):
    """Arrays that a model or a function cannot take as they are."""


class IndexRangeError(GraphcError, IndexError):
    """An index outside of the axis it addresses."""


class GradientError(GraphcError, ValueError):
    """A gradient that does not exist: no rule, not differentiable, or not connected."""


class FlagError(GraphcError, ValueError):
    """An unknown flag, or a value that a flag does not take."""


class UnknownFlagError(FlagError, AttributeError):
    """A flag that does not exist; an `AttributeError` too, so ``hasattr(config, ...)`` works."""


class DeviceError(GraphcError, RuntimeError):
    """A requested device that cannot be used."""


class CompilerError(DeviceError):
    """A compiler that is missing, fails, takes too long, or makes what does not load."""


class RankError(GraphcError, RuntimeError):
    """A rank that failed, was stopped or differs from the others: none can go on."""


class OutOfMemoryError(DeviceError, MemoryError):
    """A device, or this machine, whose memory does not suffice for a call."""


class NotFiniteError(GraphcError, FloatingPointError):
    """A NaN or an infinity found by a guard."""


class PassError(GraphcError, RuntimeError):
    """A pass changed the value of a graph (found by DebugMode)."""


class KernelError(GraphcError, RuntimeError):
    """Generated code computed something else than the interpreter (found by DebugMode)."""


class RewriteError(GraphcError, ValueError):
    """A rewrite of a loop program that would change its meaning, or is not proved to keep it.

    Attributes:
        reason: which rewrite of what, what it expects and what it found.
    """

    def __init__(self, reason: str, program_text: Callable[[], str]):
        """`program_text` prints the program, which the message ends with."""
        super().__init__(reason)
        self.reason = reason
        self._program_text = program_text

    def __str__(self) -> str:
        return f"{self.reason}\n{self._program_text()}"


class EvaluationError(GraphcError, RuntimeError):
    """A loop program that does what has no meaning: it reads an element without a value, or two of
    its threads touch one, unordered."""


class AttributeMissingError(GraphcError, AttributeError):
    """An attribute that an object does not have, or not yet."""


class MissingKeyError(GraphcError, KeyError):
    """A key that a dict of graphc does not have."""

    __str__ = Exception.__str__  # a KeyError shows its message in quotes


class NotCompiledError(AttributeMissingError, RuntimeError):
    """A model that is trained or evaluated before `compile`; what `compile` keeps are attributes
    that it does not have yet, so ``hasattr(model, 'optimizer')`` works."""


class InstallationError(GraphcError, FileNotFoundError):
    """A file or folder that graphc ships is missing."""


class MissingFileError(GraphcError, FileNotFoundError):
    """A file that the user has to put in place (a data set, a picture) is not there."""


class StorageError(GraphcError, OSError):
    """A file that cannot be written: a full disk, a folder or a file that is read-only."""


class MissingPackageError(GraphcError, ImportError):
    """An optional package that a call needs is not installed."""


class MissingModuleError(GraphcError, ModuleNotFoundError):
    """A module of Keras, Theano or TensorFlow that graphc has nothing in the place of."""


class MissingNameError(GraphcError, ImportError):
    """A name that is imported from a module of graphc that lacks it."""


class MissingAttributeError(GraphcError, AttributeError):
    """An attribute that a module of graphc lacks."""


class ReadOnlyError(GraphcError, AttributeError):
    """An attribute that is computed, and cannot be set."""


class AlreadyImportedError(GraphcError, ImportError):
    """Another package of the name that graphc is to take."""


class StandInError(GraphcError, AttributeError):
    """A use of Theano or TensorFlow, which are not installed; an `AttributeError`, so that
    ``hasattr`` works."""


class DownloadError(GraphcError, OSError):
    """A file that could not be fetched whole and as expected."""


_MOST_LISTED = 50  # what fits a dozen lines of a terminal


@contextmanager
def errors_at(where: str) -> Iterator[None]:
    """Prefix the messages of graphc errors raised inside with `where`."""
    try:
        yield
    except GraphcError as error:
        raise type(error)(f"{where}: {error}") from error


def suggestion(name: str, allowed: Iterable[str]) -> str:
    """A sentence for the end of a message: the near names, or where none is near all, unless they
    are many."""
    allowed = [str(other) for other in allowed]
    near = nearest(name, allowed)
    if near:
        return f"Did you mean {' or '.join(repr(other) for other in near)}?"
    if len(allowed) > _MOST_LISTED:
        return "No known name is spelled like it."
    return f"Known names: {', '.join(allowed)}."


def unknown_name(kind: str, name: object, allowed: Iterable[str]) -> UnknownNameError:
    """The error for a name not in its table, e.g. ``unknown_name('optimizer', 'adm', ...)``."""
    allowed = list(allowed)
    later = advice_for(str(name))
    if later is not None and not is_one(name, allowed):
        return UnknownNameError(f"unknown {kind} {name!r}: {later}")
    return UnknownNameError(f"unknown {kind} {name!r}. {suggestion(str(name), allowed)}")
