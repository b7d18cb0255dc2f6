"""Whole models in one HDF5 file: the layout of Keras 1, and in addition the state that resuming
needs.

    attribute model_config      the architecture, in JSON as `to_json` gives it
    attribute training_config   what `compile` was given, in JSON; not there before `compile`
    group model_weights         the weights, as `save_weights` writes them
    group optimizer_weights     the optimizer's variables, its count of steps first; not there
                                before the first step
    group graphc                `RunState`, in format 1, and the checksums of the texts above; files
                                that Keras wrote do not have it

Lists of arrays are stored as Keras does it: a data set each, and their names in their order as the
attribute `weight_names`. Nothing in a file is executed: all is text and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields

import h5py
import numpy as np

from graphc.errors import DataError
from graphc.files.conversions import THEANO, UNKNOWN, FileOrigin
from graphc.files.hdf5 import (
    CHECKSUM,
    attribute_numbers,
    check_text,
    damage_errors,
    has,
    member,
    numbers,
    opened,
    read_array,
    texts,
    write_array,
    write_text,
    written,
)
from graphc.files.origins import file_origin, stated_version, with_backend_of
from graphc.files.weights import (
    LayerWeights,
    bounds_for,
    read_layer,
    read_layers,
    write_arrays,
    write_layers,
)
from graphc.paths import GivenPath, shown_path
from graphc.releases import release_in

_FORMAT = 1
_DOCUMENTS = ("model_config", "training_config")
_ARRAYS = {"draws": "u4", "layer_draws": "i8", "trained": "i8", "order": "i8"}
SHUFFLES = ("samples", "batch")
"""The units of shuffling."""

_ORDERED_BY_COUNT = (1, 1, 1)

_GENERATOR_WORDS = 624  # of a Mersenne Twister


@dataclass(frozen=True)
class Generator:
    """The state of NumPy's global generator, a Mersenne Twister.

    Attributes:
        key: (624,) uint32.
        position: in the key, from 0 to 624.
        has_gauss, cached_gaussian: the second number of a normal pair, if it is still to come.
    """

    key: np.ndarray
    position: int
    has_gauss: int
    cached_gaussian: float


ShardPlan = tuple[int, tuple[tuple[int, ...], ...], int]
"""Bytes that a step may take, the shapes of its arrays, and the number of shards with which they
fit. In files: a text of JSON."""


@dataclass(frozen=True)
class RunState:
    """The state of a training run other than the weights and the optimizer's variables.

    Attributes:
        epochs_done: the number of epochs that the last run and those before it have done.
        call_step: the count of calls that drew random numbers, below 2^64.
        draws: (n, 2) uint32: seed and stream of each random draw of the graph.
        layer_draws: (m, 2) int64: seed, -1 for none, and number of streams of each layer.
        variables: what layers update beside their weights: states of recurrent layers.
        trained: (k,) int64: the positions, among the model's weights, of those that the optimizer
            has variables for; None before the first step.
        order: (samples,) int64: the order of the samples in the last epoch; None without shuffling.
        shuffle: 'samples' or 'batch': what was shuffled; '' without.
        generator: NumPy's.
        floatx: the type of floats when the file was written.
        native: whether small functions are compiled; None before the first step.
        plans: the numbers of shards that a given memory decided.
    """

    epochs_done: int
    call_step: int
    draws: np.ndarray
    layer_draws: np.ndarray
    variables: list[np.ndarray]
    trained: np.ndarray | None
    order: np.ndarray | None
    shuffle: str
    generator: Generator
    floatx: str
    native: bool | None
    plans: Sequence[ShardPlan]


@dataclass(frozen=True)
class StoredModel:
    """The contents of a model file.

    Attributes:
        model_config, training_config: JSON.
        optimizer: names and values of the optimizer's variables, none before the first step.
    """

    model_config: str
    training_config: str | None
    layers: Sequence[LayerWeights]
    optimizer: tuple[list[str], list[np.ndarray]]
    state: RunState


def write_model(path: GivenPath, model: StoredModel) -> None:
    """Write a file of a model, completely or not at all."""
    documents = dict(zip(_DOCUMENTS, (model.model_config, model.training_config), strict=True))
    stored = {name: text for name, text in documents.items() if text is not None}
    libver = bounds_for(model.layers, *stored.values())
    with written(path, libver=libver) as file:
        checksums = {name: write_text(file, name, text) for name, text in stored.items()}
        write_layers(file.create_group("model_weights"), model.layers)
        if model.optimizer[0]:
            write_arrays(file.create_group("optimizer_weights"), *model.optimizer)
        own = file.create_group("graphc")
        for name, checksum in checksums.items():
            own.attrs[_checksum_of(name)] = np.uint32(checksum)
        _write_state(own, model.state)


def _write_state(group: h5py.Group, state: RunState) -> None:
    group.attrs["format"] = _FORMAT
    group.attrs["epochs_done"] = state.epochs_done
    group.attrs["call_step"] = np.uint64(state.call_step)
    if state.native is not None:
        group.attrs["native"] = int(state.native)
    if state.plans:
        write_text(group, "plans", json.dumps(state.plans))
    for name in ("shuffle", "floatx"):
        group.attrs[name] = getattr(state, name).encode("utf-8")
    for name, dtype in _ARRAYS.items():
        value = getattr(state, name)
        if value is not None:
            write_array(group, name, np.asarray(value, dtype))
    names = [f"variable_{k}" for k in range(len(state.variables))]
    write_arrays(group.create_group("variables"), names, state.variables)
    generator = group.create_group("generator")
    write_array(generator, "key", np.asarray(state.generator.key, "u4"))
    for field in fields(Generator)[1:]:
        generator.attrs[field.name] = getattr(state.generator, field.name)


class ModelFile:
    """A file of a model, open for reading. Arrays are read once their shapes are known.

    Attributes:
        model_config: the architecture in JSON.
        training_config: what `compile` was given in JSON; None for a model that is not compiled.
        release: of the Keras that wrote it; None where the file does not say.
    """

    def __init__(self, file: h5py.File, path: str) -> None:
        self._file, self._path = file, path
        with self.damage_errors():
            _check_kind(file, path)
            if has(file, "graphc"):
                _check_own(file, member(file, "graphc"))
            self.model_config = _text(file, "model_config")
            known = "training_config" in file.attrs
            self.training_config = _text(file, "training_config") if known else None
            self.release = release_in(stated_version(file) or "")

    def damage_errors(self) -> AbstractContextManager[None]:
        """Prefix errors inside with the file's name; those of HDF5 become DataErrors."""
        return damage_errors(self._path)

    @property
    def has_optimizer(self) -> bool:
        """True if the optimizer's variables are there."""
        with self.damage_errors():
            return has(self._file, "optimizer_weights")

    @property
    def has_state(self) -> bool:
        """True if graphc wrote the file, with the state that resuming a run needs."""
        with self.damage_errors():
            return has(self._file, "graphc")

    def weights(
        self, layers: Sequence[LayerWeights], given: FileOrigin = UNKNOWN
    ) -> list[list[np.ndarray]]:
        """Return the weights for layers with weights of these shapes; see `read_weights`."""
        with self.damage_errors():
            return read_layers(member(self._file, "model_weights"), layers, given)

    @property
    def counts_steps(self) -> bool:
        """True if the file has the optimizer's step count, a scalar before its other variables;
        early releases of Keras did not store it."""
        with self.damage_errors():
            group = member(self._file, "optimizer_weights")
            return any(
                numbers(group, name).shape == () for name in texts(group, "weight_names")[:1]
            )

    def orders_optimizer(self, given: FileOrigin = UNKNOWN) -> bool:
        """Return True if it is known which of the optimizer's variables belongs to which weight.

        Keras 1.1.1 on Theano wrote them in the order of names that Theano had counted up in that
        process, compared as texts, and no file has these.
        """
        if self.release != _ORDERED_BY_COUNT:
            return True
        with self.damage_errors():
            origin = file_origin(member(self._file, "model_weights"), given)
            names = texts(member(self._file, "optimizer_weights"), "weight_names")
            return with_backend_of(origin, names).backend != THEANO

    def optimizer(self, wanted: LayerWeights, given: FileOrigin = UNKNOWN) -> list[np.ndarray]:
        """Return the optimizer's variables, of these shapes; converted like the weights."""
        with self.damage_errors():
            origin = file_origin(member(self._file, "model_weights"), given)
            return _list_of(self._file, "optimizer_weights", wanted, origin)

    def trained(self, count: int) -> list[int] | None:
        """Return `RunState.trained` for a model with so many weights."""
        with self.damage_errors():
            group = self._state()
            if not has(group, "trained"):
                return None
            found: list[int] = _array(group, "trained", (None,), most=count).tolist()
            if any(not 0 <= k < count for k in found) or len(set(found)) != len(found):
                raise DataError(
                    f"trained: expected positions of {count} weights, received {found!r}"
                )
            return found

    def state(self, draws: int, layers: int, variables: LayerWeights) -> RunState:
        """Return the rest of the state for a model with these numbers of draws and layers and
        variables of these shapes; `trained` is read separately, before it."""
        with self.damage_errors():
            group = self._state()
            shuffle = _text(group, "shuffle")
            if shuffle not in ("", *SHUFFLES):
                raise DataError(
                    f"graphc: shuffle: expected one of {SHUFFLES}, received {shuffle!r}"
                )
            return RunState(
                _whole(group, "epochs_done", 0, 2**31),
                _whole(group, "call_step", 0, 2**64 - 1),
                _array(group, "draws", (draws, 2)).astype("u4"),
                _array(group, "layer_draws", (layers, 2)).astype("i8"),
                _list_of(group, "variables", variables),
                None,
                _order(group) if shuffle else None,
                shuffle,
                _generator(member(group, "generator")),
                _text(group, "floatx"),
                bool(_whole(group, "native", 0, 1)) if "native" in group.attrs else None,
                _plans(_text(group, "plans")) if "plans" in group.attrs else (),
            )

    def _state(self) -> h5py.Group:
        return member(self._file, "graphc")


@contextmanager
def opened_model(path: GivenPath) -> Iterator[ModelFile]:
    """Open a file of a whole model, of graphc or of Keras 1.

    Raises:
        MissingFileError: no such file.
        DataError: not HDF5, cut short, without a model, or in a format of a later graphc.
    """
    with opened(path) as file:
        yield ModelFile(file, shown_path(file.filename))


def _check_kind(file: h5py.File, path: str) -> None:
    if "model_config" in file.attrs:
        return
    if "layer_names" in file.attrs or "nb_layers" in file.attrs or "graph" in file:
        raise DataError(
            "the file has weights and no model; build the model as it was and call "
            f"model.load_weights({path!r}). model.save writes files of whole models"
        )
    found = sorted(map(str, [*file.attrs, *file]))
    raise DataError(
        "expected a file of model.save, with the attribute model_config, found "
        f"{', '.join(found) or 'nothing'!s:.200}"
    )


def _check_own(file: h5py.File, own: h5py.Group) -> None:
    """Raise DataError for a file of graphc in a later format, or with missing parts."""
    _whole(own, "format", 1, _FORMAT)
    for name in _DOCUMENTS:
        kept = _checksum_of(name)
        if kept in own.attrs:  # else an older graphc wrote the file
            expected = _whole(own, kept, 0, 2**32 - 1)
            check_text(file, name, expected, f"['graphc'].attrs[{kept!r}]")
    if has(own, "trained") and not has(file, "optimizer_weights"):
        raise DataError(
            "expected an entry 'optimizer_weights', since 'graphc/trained' says for which weights "
            "the optimizer has variables; there is none. Load another copy of the file, or the "
            "weights alone: build the model and call load_weights"
        )


def _checksum_of(document: str) -> str:
    return f"{document}_{CHECKSUM}"


def _text(group: h5py.Group, name: str) -> str:
    found = texts(group, name)
    if len(found) != 1:
        raise DataError(f"{group.name}: the attribute {name}: expected a text, has {len(found)}")
    return found[0]


def _whole(group: h5py.Group, name: str, least: int, most: int) -> int:
    """Return an attribute that is a whole number."""
    value = attribute_numbers(group, name)
    if value.shape != () or value.dtype.kind not in "iu" or not least <= int(value) <= most:
        hint = "; a later graphc may read it" if name == "format" else ""
        raise DataError(
            f"{group.name}: the attribute {name}: expected a whole number from {least} to {most}, "
            f"received {value!r:.60}{hint}"
        )
    return int(value)


def _plans(text: str) -> list[ShardPlan]:
    """Return the plans in a text."""
    try:
        found = json.loads(text)
        plans = [
            (nbytes, tuple([tuple(shape) for shape in shapes]), shards)
            for nbytes, shapes, shards in found
        ]
        sizes = [size for _, shapes, _ in plans for shape in shapes for size in shape]
        every = [*sizes, *(one for plan in plans for one in (plan[0], plan[2]))]
        if all(type(one) is int and one >= 1 for one in every):
            return plans
    except (ValueError, TypeError, RecursionError):
        pass
    raise DataError(
        "graphc: plans: expected a list of bytes, shapes and a number of shards, received "
        f"{text!r:.60}"
    )


def _array(
    group: h5py.Group, name: str, shape: tuple[int | None, ...], most: int | None = None
) -> np.ndarray:
    """Return an array of whole numbers of a shape, checked; None stands for any size up to
    `most`."""
    found = numbers(group, name)
    agree = len(found.shape) == len(shape) and all(
        size in (None, real) for size, real in zip(shape, found.shape, strict=True)
    )
    if found.dtype.kind not in "iu" or not agree or (most is not None and found.size > most):
        raise DataError(
            f"{group.name}/{name}: expected whole numbers in the shape {shape}, received "
            f"{found.dtype} {found.shape}; the classes and functions in custom_objects have to be "
            "those with which the model was saved"
        )
    if found.id.get_storage_size() < found.nbytes:  # a little that inflates to any size
        raise DataError(f"{group.name}/{name}: expected numbers that are not compressed")
    return read_array(found)


def _order(group: h5py.Group) -> np.ndarray:
    rows = _array(group, "order", (None,))
    if not np.array_equal(np.sort(rows), np.arange(len(rows))):
        raise DataError(f"{group.name}/order: expected each number below {len(rows)} once")
    return rows.astype("i8")


def _generator(group: h5py.Group) -> Generator:
    gauss = attribute_numbers(group, "cached_gaussian")
    if gauss.shape != () or gauss.dtype.kind != "f":
        raise DataError(f"{group.name}: cached_gaussian: expected a number, received {gauss!r:.60}")
    return Generator(
        _array(group, "key", (_GENERATOR_WORDS,)).astype("u4"),
        _whole(group, "position", 0, _GENERATOR_WORDS),
        _whole(group, "has_gauss", 0, 1),
        float(gauss),
    )


def _list_of(
    group: h5py.Group, name: str, wanted: LayerWeights, origin: FileOrigin = UNKNOWN
) -> list[np.ndarray]:
    found = member(group, name)
    return read_layer(found, name, texts(found, "weight_names"), wanted, origin)
