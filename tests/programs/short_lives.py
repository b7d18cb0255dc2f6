"""Programs that make models, use them and drop them: nothing of them may be alive behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import graphc
from graphc import backend as K
from graphc.callbacks import EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint
from graphc.config import config
from graphc.errors import GraphcError, NotFiniteError
from graphc.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Lambda,
    MaxPooling2D,
    Merge,
    SimpleRNN,
    TimeDistributed,
    merge,
)
from graphc.models import Graph, Model, Sequential, load_model, model_from_json

_random = np.random.RandomState(3)
X, Y = _random.rand(8, 6).astype("float32"), _random.rand(8, 3).astype("float32")
SERIES = _random.rand(8, 5, 6).astype("float32")
IMAGES = _random.rand(8, 1, 6, 6).astype("float32")
WORDS = _random.randint(0, 9, (8, 5))


def perceptron() -> Sequential:
    return Sequential([Dense(4, input_dim=6, activation="relu"), Dropout(0.3), Dense(3)])


def compiled(model: Model | None = None) -> Model:
    model = model or perceptron()
    model.compile("adam", "mse")
    return model


def fitted(model: Model, x: object = X, y: object = Y, **keywords: object) -> Model:
    model.fit(x, y, **{"nb_epoch": 1, "batch_size": 4, "verbose": 0, **keywords})
    return model


def built() -> None:
    perceptron()


def only_compiled() -> None:
    compiled()


def trained() -> None:
    model = fitted(compiled(), validation_split=0.25)
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    model.train_on_batch(X, Y)


def predicted() -> None:
    perceptron().predict(X)


def saved_and_loaded() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.h5")
        fitted(compiled()).save(path)
        model = fitted(load_model(path))
        model.save_weights(path, overwrite=True)
        model.load_weights(path)


def graph() -> None:
    model = Graph()
    model.add_input("a", (6,))
    model.add_node(Dense(4), "hidden", input="a")
    model.add_node(Dense(3), "last", input="hidden")
    model.add_output("b", input="last")
    model.compile("sgd", {"b": "mse"})
    model.fit({"a": X, "b": Y}, nb_epoch=1, verbose=0)


def shared_layers() -> None:
    a, b, layer = Input((6,)), Input((6,)), Dense(4)
    joined = merge([layer(a), layer(b)], mode="concat")
    fitted(compiled(Model([a, b], Dense(3)(joined))), [X, X])


def recurrent() -> None:
    layers = [GRU(3, input_shape=(5, 6), return_sequences=True), LSTM(3)]
    fitted(compiled(Sequential(layers)), SERIES)


def stateful() -> None:
    layer = SimpleRNN(3, batch_input_shape=(4, 5, 6), stateful=True)
    fitted(compiled(Sequential([layer])), SERIES).reset_states()


def bidirectional() -> None:
    layer = Bidirectional(GRU(3, return_sequences=True), input_shape=(5, 6))
    fitted(compiled(Sequential([layer, TimeDistributed(Dense(3))])), SERIES, SERIES[:, :, :3])


def merged() -> None:
    both = Merge([perceptron(), perceptron()], mode="sum")
    fitted(compiled(Sequential([both, Dense(3)])), [X, X])


def convolutional() -> None:
    layers = [Convolution2D(2, 3, 3, input_shape=(1, 6, 6)), BatchNormalization(), MaxPooling2D()]
    fitted(compiled(Sequential([*layers, Flatten(), Dense(3, W_regularizer="l2")])), IMAGES)


def masked() -> None:
    layers = [Embedding(9, 3, input_length=5, mask_zero=True), LSTM(3)]
    fitted(compiled(Sequential(layers)), WORDS)


def cloned() -> None:
    model = perceptron()
    Sequential.from_config(model.get_config()).set_weights(model.get_weights())
    model_from_json(model.to_json())


def own_functions() -> None:
    def loss(y_true: object, y_pred: object) -> object:
        return K.mean(K.square(y_true - y_pred))

    model = Sequential([Lambda(lambda x: x * 2, input_shape=(6,)), Dense(3)])
    model.compile("sgd", loss)
    fitted(model).to_json()


def generated() -> None:
    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            yield X, Y

    model = compiled()
    model.fit_generator(batches(), 8, 1, verbose=0, validation_data=(X, Y))
    model.evaluate_generator(batches(), 8)
    model.predict_generator(batches(), 8)


def called_back() -> None:
    with tempfile.TemporaryDirectory() as folder:
        callbacks = [
            ModelCheckpoint(str(Path(folder) / "best.h5"), save_best_only=True),
            EarlyStopping(),
            LearningRateScheduler(lambda epoch: 0.1),
            LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        ]
        fitted(compiled(), validation_data=(X, Y), callbacks=callbacks)


def _refused(call: Callable[[], object], error: type[Exception] = GraphcError) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{call} has to be refused")


def refused_layer() -> None:
    _refused(lambda: Sequential([Dense(3, input_dim=6), Convolution2D(3, 3, 3)]))


def refused_compile() -> None:
    _refused(lambda: perceptron().compile("sgd", "nonsense"))


def refused_fit() -> None:
    _refused(lambda: fitted(compiled(), X[:, :2]))


def stopped_by_the_guard() -> None:
    with config.changed():
        config.mode = "NanGuardMode"
        _refused(lambda: fitted(compiled(), X * 1e30), NotFiniteError)


def stopped_by_a_callback() -> None:
    def stop(batch: int, logs: object) -> None:
        raise KeyboardInterrupt

    callback = LambdaCallback(on_batch_end=stop)
    _refused(lambda: fitted(compiled(), callbacks=[callback]), KeyboardInterrupt)


def debugged() -> None:
    with config.changed():
        config.mode = "DebugMode"
        fitted(compiled())


def reported() -> None:
    model = fitted(compiled())
    for report in (model.compile_report(), model.kernels(8), model.memory_report(8)):
        str(report)


def functions() -> None:
    x, w = K.placeholder((None, 6)), K.variable(np.ones((6, 3)))
    K.function([x], [K.dot(x, w)])([X])
    loss = K.sum(K.square(K.dot(x, w)))
    step = graphc.function([x], loss, updates=[(w, w - 0.1 * K.gradients(loss, [w])[0])])
    step(X)
    K.eval(w * 2)


PROGRAMS: dict[str, Callable[[], None]] = {
    program.__name__: program
    for program in (
        built,
        only_compiled,
        trained,
        predicted,
        saved_and_loaded,
        graph,
        shared_layers,
        recurrent,
        stateful,
        bidirectional,
        merged,
        convolutional,
        masked,
        cloned,
        own_functions,
        generated,
        called_back,
        refused_layer,
        refused_compile,
        refused_fit,
        stopped_by_the_guard,
        stopped_by_a_callback,
        debugged,
        reported,
        functions,
    )
}
