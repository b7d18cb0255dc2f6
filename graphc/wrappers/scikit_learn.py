"""Models as estimators of scikit-learn, for its pipelines, searches and cross-validation.

scikit-learn itself is not needed to import or use them.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from graphc import callbacks as cbks
from graphc.engine.training import Model
from graphc.errors import ArgumentError
from graphc.keywords import named_parameters, refuse_unknown
from graphc.models import Sequential
from graphc.public.calls import public
from graphc.releases import renamed
from graphc.wrappers import class_labels
from graphc.wrappers.class_labels import ClassLabels

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]

_CALLS = (Sequential.fit, Sequential.predict, Sequential.predict_classes, Sequential.evaluate)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class BaseWrapper:
    """The common base of `KerasClassifier` and `KerasRegressor`.

    Args:
        build_fn: a function, or an instance of a class with ``__call__``, that makes and compiles a
            model. None in a subclass that has ``__call__`` itself. Its arguments need defaults.
        sk_params: arguments for `build_fn`, and for the model's `fit`, `predict`, `predict_classes`
            and `evaluate`, each by its name. What these calls are given themselves comes first.

    Attributes:
        model: what the last `fit` made; none before.

    Raises:
        ArgumentError: a `build_fn` that cannot be called.
        KeywordError: an argument that none of the calls has.
    """

    model: Model
    _estimator_type: str | None = None  # read by scikit-learn before 1.6

    def __init__(self, build_fn: Callable[..., Model] | None = None, **sk_params: Any):
        self.build_fn = build_fn
        self.sk_params = sk_params
        self.check_params(sk_params)

    def check_params(self, params: Mapping[str, Any]) -> None:
        """Raise KeywordError for a parameter that neither `build_fn` nor the model's calls take."""
        self._check(self.build_fn, params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments that this was made with, themselves and not copies of them: `clone` of
        scikit-learn asks for that. `deep` changes nothing, for no argument is an estimator."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> BaseWrapper:
        """Change arguments, all or none; they count from the next `fit` on. Returns self."""
        build_fn = params.pop("build_fn", self.build_fn)
        merged = {**self.sk_params, **params}
        self._check(build_fn, merged)
        self.build_fn, self.sk_params = build_fn, merged
        return self

    @renamed(x="X")
    def fit(self, X: object, y: object, **kwargs: Any) -> cbks.History:
        """Make a new model with `build_fn` and train it.

        Args:
            X: (n, ...) samples.
            y: (n,) or (n, ...) targets.
            kwargs: for the model's `fit`, e.g. nb_epoch, sample_weight.

        Returns:
            The History of the model's `fit`.
        """
        self.model = self._built()
        # Copies: callbacks hold the model that they were trained with, and clones share theirs.
        arguments = copy.deepcopy(self.filter_sk_params(Sequential.fit))
        arguments.update(kwargs)
        return self.model.fit(X, self._training_targets(y, arguments), **arguments)

    def filter_sk_params(
        self, fn: Callable[..., object], override: Mapping[str, Any] = _NOTHING
    ) -> dict[str, Any]:
        """Those of the parameters that `fn` takes, and over them all of `override`."""
        names = named_parameters(fn)
        taken = {name: value for name, value in self.sk_params.items() if name in names}
        return {**taken, **override}

    def _training_targets(self, y: object, arguments: dict[str, Any]) -> object:
        """The targets for `fit`; `arguments`, for `fit` too, may be changed to fit them."""
        return y

    def _check(self, build_fn: Callable[..., Model] | None, params: Mapping[str, Any]) -> None:
        calls = (*_CALLS, self._builder(build_fn))
        legal = dict.fromkeys(name for call in calls for name in named_parameters(call))
        refuse_unknown(type(self).__name__, params, list(legal))

    def _builder(self, build_fn: Callable[..., Model] | None) -> Callable[..., Model]:
        """Return the function that makes the model: `build_fn`, or this very instance."""
        builder = self if build_fn is None else build_fn
        if not callable(builder):
            hint = ""
            if build_fn is None:
                hint = (
                    "; give build_fn=make_model (it is model= in SciKeras), only a subclass with "
                    "__call__ needs none"
                )
            raise ArgumentError(
                f"{type(self).__name__}: build_fn: expected a function that makes and compiles a "
                f"model, received {build_fn!r}{hint}"
            )
        return builder

    def _built(self) -> Model:
        builder = self._builder(self.build_fn)
        model = builder(**self.filter_sk_params(builder))
        if not isinstance(model, Model):
            raise ArgumentError(
                f"{type(self).__name__}: expected build_fn to return a compiled model, received "
                f"{model!r}"
            )
        if len(model.outputs) > 1:
            raise ArgumentError(
                f"{type(self).__name__}: expected build_fn to return a model with one output, "
                f"received {model.name} with {len(model.outputs)}: {', '.join(model.output_names)}"
            )
        return model

    def _need_fitted(self, call: str) -> None:
        if not self.__sklearn_is_fitted__():
            raise ArgumentError(
                f"{type(self).__name__}.{call}: there is no model yet; call fit first"
            )

    def __sklearn_is_fitted__(self) -> bool:
        return "model" in vars(self)

    def __sklearn_tags__(self) -> Any:
        """Return the tags that scikit-learn, the only caller, asks an estimator for from 1.6 on."""
        utils = importlib.import_module("sklearn.utils")
        kind = self._estimator_type
        return utils.Tags(
            estimator_type=kind,
            target_tags=utils.TargetTags(required=True),
            classifier_tags=utils.ClassifierTags() if kind == "classifier" else None,
            regressor_tags=utils.RegressorTags() if kind == "regressor" else None,
            non_deterministic=True,  # weights and the order of samples are drawn anew
        )


class KerasClassifier(BaseWrapper):
    """A Sequential as a classifier.

    Labels may be strings or numbers, (n,) or (n, 1), or rows of targets such as one-hot rows. Whole
    numbers from 0 on are the numbers of the output's columns; other labels stand for the columns in
    sorted order. Keys of `class_weight` and the targets of `validation_data` are labels too.

    Attributes:
        classes_: the label of each column of `predict_proba`; none before `fit`.
    """

    model: Sequential
    classes_: np.ndarray
    _estimator_type = "classifier"
    _labels: ClassLabels

    @renamed(x="X")
    def predict(self, X: object, **kwargs: Any) -> np.ndarray:
        """The label of each sample: (n,), or (n, time) of a model with an output for each step.

        `kwargs` are for `Sequential.predict_classes`.
        """
        self._need_fitted("predict")
        kwargs = self.filter_sk_params(Sequential.predict_classes, kwargs)
        numbers = self.model.predict_classes(X, **kwargs)
        labels: np.ndarray = self.classes_[
            numbers[..., 0] if self.model.output_shape[-1] == 1 else numbers
        ]
        return labels

    @renamed(x="X")
    def predict_proba(self, X: object, **kwargs: Any) -> np.ndarray:
        """The probability of each class, (n, classes): two columns where the model has one.

        `kwargs` are for `Sequential.predict_proba`.
        """
        self._need_fitted("predict_proba")
        kwargs = self.filter_sk_params(Sequential.predict_proba, kwargs)
        outputs = self.model.predict_proba(X, **kwargs)
        if outputs.shape[-1] == 1:
            return np.concatenate([1 - outputs, outputs], axis=-1)
        return outputs

    @renamed(x="X")
    def score(self, X: object, y: object, **kwargs: Any) -> float:
        """The accuracy, in which, as in every metric, all samples count alike.

        `kwargs` are for `Sequential.evaluate`.

        Raises:
            ArgumentError: the model was compiled without accuracy among its metrics.
        """
        where = f"{type(self).__name__}.score"
        self._need_fitted("score")
        kwargs = self.filter_sk_params(Sequential.evaluate, kwargs)
        names = list(self.model.metrics_names)
        if kwargs.get("show_accuracy") and "acc" not in names:
            names.append("acc")
        if "acc" not in names:
            raise ArgumentError(
                f"{where}: expected a model that measures accuracy, received one that measures "
                f"{', '.join(names)}; compile(..., metrics=['accuracy']) in build_fn"
            )
        values = self.model.evaluate(X, self._labels.targets(y, where), **kwargs)
        return float(np.ravel(values)[names.index("acc")])

    def _built(self) -> Sequential:
        model = super()._built()
        if not isinstance(model, Sequential):
            raise ArgumentError(
                f"{type(self).__name__}: expected build_fn to return a compiled Sequential, which "
                f"can predict classes, received {type(model).__name__} {model.name}"
            )
        return model

    def _training_targets(self, y: object, arguments: dict[str, Any]) -> np.ndarray:
        where = f"{type(self).__name__}.fit"
        (target,) = self.model._graphc_trainer.need_compiled("fit").targets
        width = target.output.shape[-1]
        if not isinstance(width, int):
            raise ArgumentError(
                f"{where}: expected an output with a known number of columns, one for each class, "
                f"received the shape {self.model.output_shape} of {self.model.name}"
            )
        self._labels = class_labels.found_in(y, width, target.loss, where)
        self.classes_ = self._labels.classes
        if arguments.get("class_weight") is not None:
            arguments["class_weight"] = self._labels.weights(arguments["class_weight"], where)
        held_out = arguments.get("validation_data")
        if isinstance(held_out, list | tuple) and len(held_out) in (2, 3):
            x, labels, *weights = held_out
            targets = self._labels.targets(labels, f"{where}: validation_data")
            arguments["validation_data"] = (x, targets, *weights)
        return self._labels.targets(y, where)


class KerasRegressor(BaseWrapper):
    """A model as a regressor.

    `score` is the loss, which is better where it is smaller, as in Keras 1.0.1: a search takes the
    largest score for the best, so give it ``scoring='neg_mean_squared_error'`` or ``'r2'``.
    """

    _estimator_type = "regressor"

    @renamed(x="X")
    def predict(self, X: object, **kwargs: Any) -> np.ndarray:
        """The outputs: (n,) where the model has one column, else (n, columns).

        `kwargs` are for `Sequential.predict`.
        """
        self._need_fitted("predict")
        kwargs = self.filter_sk_params(Sequential.predict, kwargs)
        outputs = np.asarray(self.model.predict(X, **kwargs))
        return outputs[..., 0] if outputs.shape[-1] == 1 else outputs

    @renamed(x="X")
    def score(self, X: object, y: object, **kwargs: Any) -> float:
        """The loss on data; `kwargs` are for `Sequential.evaluate`."""
        self._need_fitted("score")
        values = self.model.evaluate(X, y, **self.filter_sk_params(Sequential.evaluate, kwargs))
        return float(np.ravel(values)[0])


public(__name__)
