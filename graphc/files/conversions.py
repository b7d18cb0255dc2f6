"""Conversions of weights in files of other backends and later releases to the forms of Keras 1.0 on
Theano.

Layers describe their weights by *forms*; a file describes itself by its origin.

- TensorFlow correlates where Theano convolves, so a kernel is flipped along its spatial axes.
- Later releases kept the kernel of a Convolution1D as (length, 1, input_dim, nb_filter).
- Up to 1.0.5 the running statistics of BatchNormalization were a mean and a standard deviation;
  from 1.0.7 on the second is a variance under the same name, which is divided by as
  sqrt(variance + epsilon), and so it is in a layer with the meanings of these releases. An array of
  ours that is a variance has the attribute `running_std`.
- With consume_less='gpu' a recurrent layer had one W, U and b with the columns of all gates, else
  one for each gate.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphc.errors import ArgumentError

_log = logging.getLogger("graphc")

STD, VARIANCE = RUNNING_STDS = ("std", "variance")
THEANO, TENSORFLOW = BACKENDS = ("theano", "tensorflow")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class FileOrigin:
    """The known facts about who wrote a file; None for those that are not known.

    Attributes:
        running_std: what the file has under this name, 'std' or 'variance'.
        backend: 'theano' or 'tensorflow'.
    """

    running_std: str | None = None
    backend: str | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("running_std", RUNNING_STDS), ("backend", BACKENDS)):
            if getattr(self, name) not in (None, *allowed):
                raise ArgumentError(
                    f"{name}: expected {' or '.join(map(repr, allowed))}, received "
                    f"{getattr(self, name)!r}"
                )


UNKNOWN = FileOrigin()


@dataclass(frozen=True)
class KernelLayout:
    """The form of a convolution's kernel: (filters, channels, *sizes) in the ordering 'th',
    (*sizes, channels, filters) in 'tf'.

    Attributes:
        is_sequence: whether the sizes are (length, 1).
        moves: whether windows of TensorFlow begin elsewhere, whatever the kernel.
    """

    ordering: str
    is_sequence: bool = False
    moves: bool = False

    def converted(self, stored: np.ndarray, shape: Shape, backend: str | None) -> np.ndarray:
        """Return the kernel of a shape, from an array of a file."""
        if stored.shape != shape:
            stored = stored.transpose(3, 2, 0, 1)
        if backend != TENSORFLOW:
            return stored
        spatial = range(2, stored.ndim) if self.ordering == "th" else range(stored.ndim - 2)
        return np.flip(stored, tuple(spatial))

    def stored_shape(self, shape: Shape, found: Shape | None) -> Shape:
        """Return the shape that the array in a file should have: that of later releases if `found`
        is that, else the layer's."""
        if not self.is_sequence:
            return shape
        filters, channels, length, one = shape
        later = (length, one, channels, filters)
        return later if found == later else shape


@dataclass(frozen=True)
class RunningStd:
    """The form of a BatchNormalization's running deviation.

    Attributes:
        epsilon: that of the layer.
        keeps: what the layer has under this name, 'std' or 'variance'.
        outside: whether it divides by sqrt(variance) + epsilon, and not sqrt(variance + epsilon).
    """

    epsilon: float
    keeps: str = STD
    outside: bool = False

    def converted(self, stored: np.ndarray, running_std: str) -> np.ndarray:
        """Return the statistic that the layer keeps, converted so that the divisor stays the same;
        for a standard deviation it is std + epsilon."""
        if running_std == self.keeps:
            return stored
        wide = stored.astype(np.float64)
        if self.keeps == VARIANCE:
            wide = wide**2 if self.outside else (wide + self.epsilon) ** 2 - self.epsilon
            return wide.astype(stored.dtype)
        # A negative one, which no training makes, stays a NaN that a guard finds.
        with np.errstate(invalid="ignore"):
            return (np.sqrt(wide + self.epsilon) - self.epsilon).astype(stored.dtype)

    def held_by(self, stated: str | None) -> str | None:
        """Return which statistic an array of a file is. If the file does not say, a layer that
        keeps variances reads it as a variance, as its release of Keras does."""
        return stated or (VARIANCE if self.keeps == VARIANCE else None)


@dataclass(frozen=True)
class Gates:
    """The form of the first weight of a recurrent layer that has W, U and b of each gate in turn.

    Attributes:
        columns: the position of each gate in a W, U or b of all gates.
    """

    columns: tuple[int, ...]

    def joined(self, shape: Shape) -> Shape:
        """Return the shape of the joined weight of all gates, given that of one gate."""
        return (*shape[:-1], shape[-1] * len(self.columns))

    def split(self, stored: np.ndarray) -> list[np.ndarray]:
        """Return the weights of the gates."""
        parts = np.split(stored, len(self.columns), axis=-1)
        return [parts[column] for column in self.columns]


@dataclass(frozen=True)
class JoinedGates:
    """The form of the first weight of a recurrent layer with consume_less='gpu': W, U and b of all
    gates, where other files have them gate by gate.

    Attributes:
        columns: the positions of the gates, in the order of such files.
    """

    columns: tuple[int, ...]

    def of_one(self, shape: Shape) -> Shape:
        """Return the shape of the weight of one gate, given that of all gates joined."""
        return (*shape[:-1], shape[-1] // len(self.columns))


@dataclass(frozen=True)
class Column:
    """The form of a weight of one gate, where weights are in the order of their names: those of all
    gates follow each other.

    Attributes:
        position: that of the gate in a weight of all gates.
        count: of the gates.
    """

    position: int
    count: int

    def joined(self, shape: Shape) -> Shape:
        """Return the shape of a weight of all gates, of which one has `shape`."""
        return (*shape[:-1], shape[-1] * self.count)


Form = KernelLayout | RunningStd | Gates | JoinedGates | Column


@dataclass(frozen=True)
class Part:
    """An array of a file, and the weights of a layer that are made of it.

    Attributes:
        positions: of the weights among those of the layer; (position, column) for a slice of a
            weight, whose slices are concatenated.
        name: of the first of them.
        shape: which the array has to have.
    """

    positions: tuple[int | tuple[int, int], ...]
    name: str
    shape: Shape
    weights: Callable[[np.ndarray], list[np.ndarray]]


def parts_of(
    names: Sequence[str],
    shapes: Sequence[Shape],
    forms: Mapping[int, Form],
    found: Sequence[Shape],
    origin: FileOrigin,
    owner: str,
    running_stds: Sequence[str | None] = (),
) -> list[Part]:
    """Return the parts that a file should have for a layer.

    Args:
        names, shapes, forms: of the layer's weights; the forms by their positions.
        found: the shapes that the file has.
        running_stds: what each array has under the name running_std, where the file says.
        owner: the layer's name, for messages.

    Raises:
        ArgumentError: a running_std, and the origin does not say what that is.
    """
    parts: list[Part] = []
    k = 0
    while k < len(shapes):
        form, shape = forms.get(k), shapes[k]
        stored = found[len(parts)] if len(parts) < len(found) else None
        if isinstance(form, Gates) and stored == form.joined(shape):
            count = 3 * len(form.columns)
            for first in range(k, k + 3):
                positions = tuple(range(first, k + count, 3))
                parts.append(Part(positions, names[first], form.joined(shapes[first]), form.split))
            k += count
            continue
        if isinstance(form, JoinedGates) and stored == form.of_one(shape):
            for column in form.columns:
                for position in range(k, k + 3):
                    one = form.of_one(shapes[position])
                    parts.append(Part(((position, column),), names[position], one, _itself))
            k += 3
            continue
        if isinstance(form, Column) and stored == form.joined(shape):
            run = tuple(range(k, k + form.count))
            parts.append(Part(run, names[k], stored, _columns([forms[one] for one in run])))
            k += form.count
            continue
        stored_shape = form.stored_shape(shape, stored) if isinstance(form, KernelLayout) else shape
        stated = running_stds[len(parts)] if len(parts) < len(running_stds) else None
        from_file = replace(origin, running_std=stated) if stated else origin
        conversion = _conversion(form, shape, from_file, owner)
        parts.append(Part((k,), names[k], stored_shape, conversion))
        k += 1
    return parts


def _itself(stored: np.ndarray) -> list[np.ndarray]:
    return [stored]


def whole_weights(made: Mapping[int | tuple[int, int], np.ndarray], count: int) -> list[np.ndarray]:
    """Return the `count` weights of a layer, assembled from its parts by their positions."""
    columns: dict[int, list[tuple[int, int]]] = {}
    for position in made:
        if isinstance(position, tuple):
            columns.setdefault(position[0], []).append(position)
    return [
        np.concatenate([made[one] for one in sorted(columns[k])], axis=-1)
        if k in columns
        else made[k]
        for k in range(count)
    ]


def _columns(forms: Sequence[Form]) -> Callable[[np.ndarray], list[np.ndarray]]:
    def split(stored: np.ndarray) -> list[np.ndarray]:
        parts = np.split(stored, len(forms), axis=-1)
        return [parts[form.position] for form in forms if isinstance(form, Column)]

    return split


def _conversion(
    form: Form | None, shape: Shape, origin: FileOrigin, owner: str
) -> Callable[[np.ndarray], list[np.ndarray]]:
    if isinstance(form, KernelLayout):
        if form.moves and origin.backend == TENSORFLOW:
            _log.warning(
                "%s: the weights are of TensorFlow, whose windows of border_mode='same' begin "
                "elsewhere with an even size or a stride, so the layer's output is another",
                owner,
            )
        return lambda stored: [form.converted(stored, shape, origin.backend)]
    if isinstance(form, RunningStd):
        running_std = form.held_by(origin.running_std)
        if running_std is None:
            raise ArgumentError(
                f"{owner}: the file does not say what the running_std of a BatchNormalization in "
                "it is: Keras up to 1.0.5 stored a standard deviation, from 1.0.7 on a variance "
                "under that name; pass running_std='std' or running_std='variance' to load_weights"
            )
        return lambda stored: [form.converted(stored, running_std)]
    return _itself
