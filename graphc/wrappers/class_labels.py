"""The labels of a classifier as scikit-learn has them, and the targets that a model trains on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphc import objectives
from graphc.errors import ArgumentError, DataError
from graphc.utils.np_utils import to_categorical

_CROSSENTROPIES = (
    objectives.categorical_crossentropy,
    objectives.sparse_categorical_crossentropy,
    objectives.binary_crossentropy,
)


@dataclass(frozen=True)
class ClassLabels:
    """Which label stands for which column of a model's output.

    Attributes:
        classes: the label of each column; of a single column the labels of 0 and of 1.
        loss: of the model.
        numbered: whether labels are replaced by the numbers of their columns. Labels that are
            such numbers already stay, and so do numbers that another loss than a crossentropy
            takes, e.g. -1 and 1 for hinge.
    """

    classes: np.ndarray
    loss: Callable[..., object]
    numbered: bool

    def targets(self, y: object, where: str) -> np.ndarray:
        """Return the targets of the model for labels: one-hot rows for categorical_crossentropy.

        Args:
            y: (n,) or (n, 1) labels; rows with more columns are targets already.

        Raises:
            DataError: a label that is none of the classes.
        """
        labels = column_of_labels(y)
        if labels.ndim != 1:
            return labels
        if self.numbered:
            labels = self._numbers(labels, where)
        if self.loss is objectives.categorical_crossentropy:
            return to_categorical(labels, len(self.classes))
        return labels

    def weights(self, class_weight: object, where: str) -> object:
        """`class_weight` with the numbers of the columns in place of the labels."""
        if not self.numbered or not isinstance(class_weight, Mapping):
            return class_weight
        known = self.classes.tolist()
        unknown = [label for label in class_weight if label not in known]
        if unknown:
            raise ArgumentError(
                f"{where}: class_weight: expected the classes {known}, received {unknown[0]!r}"
            )
        return {known.index(label): weight for label, weight in class_weight.items()}

    def _numbers(self, labels: np.ndarray, where: str) -> np.ndarray:
        known = {label: number for number, label in enumerate(self.classes.tolist())}
        for position, label in enumerate(labels.tolist()):
            if label not in known:
                raise DataError(
                    f"{where}: the label {label!r} of sample {position} is none of the classes "
                    f"that fit found, {list(known)}"
                )
        return np.array([known[label] for label in labels.tolist()])


def column_of_labels(y: object) -> np.ndarray:
    """An array; one of a single column without its second axis."""
    labels = np.asarray(y)
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def found_in(y: object, width: int, loss: Callable[..., object], where: str) -> ClassLabels:
    """The classes of a training set.

    Whole numbers from 0 on that fit into the output are the numbers of its columns. Other labels,
    such as strings, stand for the columns in sorted order, and each has to be there.

    Args:
        y: (n,) or (n, 1) labels, or targets with more columns.
        width: columns of the model's output.
        loss: of the model.

    Raises:
        DataError: not as many different labels as the output has classes.
    """
    labels = column_of_labels(y)
    count = max(width, 2)  # one column distinguishes two classes
    if labels.ndim != 1:
        return ClassLabels(np.arange(count), loss, numbered=False)
    numbers = labels.dtype.kind in "biuf"
    if numbers and np.all((labels >= 0) & (labels < count) & (labels == np.floor(labels))):
        # bool labels are numbers once they are targets; `classes` keeps their type.
        return ClassLabels(np.arange(count).astype(labels.dtype), loss, numbered=False)
    try:
        classes = np.unique(labels)
    except TypeError as error:
        raise DataError(f"{where}: y: expected labels that can be sorted: {error}") from error
    if len(classes) != count:
        raise DataError(
            f"{where}: y: expected the labels of {count} classes, since the model puts out {width} "
            f"column{'s' if width > 1 else ''}, received {len(classes)} different labels: "
            f"{_some(classes)}. Give the last layer a column for each class, or number the classes "
            "from 0; numbers without classes are for KerasRegressor"
        )
    return ClassLabels(classes, loss, numbered=not numbers or loss in _CROSSENTROPIES)


def _some(classes: np.ndarray) -> str:
    shown = ", ".join(map(repr, classes[:5].tolist()))
    return f"{shown}, ..." if len(classes) > 5 else shown
