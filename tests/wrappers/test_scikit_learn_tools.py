"""The wrappers inside of scikit-learn's own tools."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import callbacks
from graphc.layers.core import Dense
from graphc.models import Sequential
from graphc.wrappers.scikit_learn import KerasClassifier, KerasRegressor

WHY = "scikit-learn is not installed"
base = pytest.importorskip("sklearn.base", reason=WHY)
model_selection = pytest.importorskip("sklearn.model_selection", reason=WHY)
pipeline = pytest.importorskip("sklearn.pipeline", reason=WHY)
preprocessing = pytest.importorskip("sklearn.preprocessing", reason=WHY)

# The class is the sign of the first column, which is far from 0.
X = np.array([[sign * (2 + 0.1 * k), 0.1 * k] for k in range(10) for sign in (-1, 1)])
Y = np.array(["minus", "plus"] * 10)


def classifier_model(output_dim: int = 2) -> Sequential:
    model = Sequential([Dense(output_dim, input_dim=2, activation="softmax", init="zero")])
    model.compile("sgd", "categorical_crossentropy", ["accuracy"])
    return model


def regressor_model(lr: str = "sgd") -> Sequential:
    model = Sequential([Dense(1, input_dim=2, init="zero")])
    model.compile(lr, "mse")
    return model


def classifier(**params) -> KerasClassifier:
    return KerasClassifier(classifier_model, **{"nb_epoch": 5, "verbose": 0, **params})


def test_the_kinds():
    regressor = KerasRegressor(regressor_model)
    assert base.is_classifier(classifier())
    assert not base.is_regressor(classifier())
    assert base.is_regressor(regressor)


def test_clone_takes_the_arguments_and_not_the_model():
    first = classifier(callbacks=[callbacks.EarlyStopping("loss")], batch_size=4)
    first.fit(X, Y)
    second = base.clone(first)
    assert type(second) is KerasClassifier
    assert not hasattr(second, "model")
    assert second.build_fn is classifier_model
    assert second.sk_params["batch_size"] == 4
    assert second.sk_params["callbacks"][0] is not first.sk_params["callbacks"][0]


def test_cross_validation():
    scores = model_selection.cross_val_score(classifier(), X, Y, cv=5)
    assert scores.tolist() == [1.0] * 5
    scores = model_selection.cross_val_score(
        classifier(), X, Y, cv=2, params={"sample_weight": np.zeros(len(X))}
    )
    # Nothing is learned, and of two equal outputs the first one is the largest.
    assert scores.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "f1_macro"])
def test_scores_of_scikit_learn(scoring):
    scores = model_selection.cross_val_score(classifier(), X, Y, cv=2, scoring=scoring)
    assert scores.tolist() == [1.0, 1.0]


def test_grid_search_over_parameters_of_fit():
    search = model_selection.GridSearchCV(classifier(), {"nb_epoch": [0, 5]}, cv=2)
    search.fit(X, Y)
    assert search.best_params_ == {"nb_epoch": 5}
    assert search.cv_results_["mean_test_score"].tolist() == [0.5, 1.0]
    assert search.predict(X).tolist() == Y.tolist()


def test_grid_search_over_parameters_of_build_fn():
    search = model_selection.GridSearchCV(
        KerasRegressor(regressor_model, nb_epoch=3, verbose=0),
        {"lr": ["sgd", "adam"]},
        scoring="neg_mean_squared_error",
        cv=2,
    )
    search.fit(X, X[:, 0])
    assert search.best_params_ == {"lr": "sgd"}  # a step of Adam is 0.001 here
    assert type(search.best_estimator_.model.optimizer).__name__ == "SGD"


def test_a_pipeline():
    steps = [("scale", preprocessing.StandardScaler()), ("net", classifier(nb_epoch=1))]
    both = pipeline.Pipeline(steps)
    both.set_params(net__nb_epoch=20, net__batch_size=4)
    both.fit(1000 + X, Y, net__sample_weight=np.ones(len(X)))
    assert both.score(1000 + X, Y) == 1.0
    assert both.predict(1000 + X).tolist() == Y.tolist()
    assert both.predict_proba(1000 + X).shape == (20, 2)
    searched = model_selection.GridSearchCV(both, {"net__nb_epoch": [1]}, cv=2).fit(1000 + X, Y)
    assert searched.best_params_ == {"net__nb_epoch": 1}
