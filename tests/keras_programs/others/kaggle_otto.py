"""A table with classes: PReLU, batches normalized, dropout; and a model for scikit-learn."""

import numpy as np
from keras.layers.advanced_activations import PReLU
from keras.layers.core import Activation, Dense, Dropout
from keras.layers.normalization import BatchNormalization
from keras.models import Sequential
from keras.utils import generic_utils, np_utils
from keras.wrappers.scikit_learn import KerasClassifier

np.random.seed(1337)
centres = np.random.normal(size=(5, 12))
labels = np.random.randint(0, 5, 900)
X = centres[labels] + np.random.normal(0, 0.7, (900, 12))
X = (X - X.mean(0)) / X.std(0)
y = np_utils.to_categorical(labels)
nb_classes, dims = y.shape[1], X.shape[1]
model = Sequential()
model.add(Dense(48, input_shape=(dims,)))
model.add(PReLU())
model.add(BatchNormalization())
model.add(Dropout(0.3))
model.add(Dense(48))
model.add(PReLU())
model.add(BatchNormalization())
model.add(Dropout(0.3))
model.add(Dense(nb_classes))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam")
progbar = generic_utils.Progbar(700)
for start in range(0, 700, 100):
    progbar.add(
        100,
        values=[
            ("train loss", model.train_on_batch(X[start : start + 100], y[start : start + 100]))
        ],
    )
model.fit(X[:700], y[:700], nb_epoch=15, batch_size=64, validation_split=0.15, verbose=0)
proba = model.predict_proba(X[700:], verbose=0)
accuracy = np.mean(proba.argmax(1) == labels[700:])


def build(units=8):
    inner = Sequential([Dense(units, activation="tanh", input_dim=dims), Dense(nb_classes)])
    inner.add(Activation("softmax"))
    inner.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return inner


classifier = KerasClassifier(build_fn=build, units=24, nb_epoch=20, batch_size=32, verbose=0)
classifier.fit(X[:700], labels[:700])
by_sklearn = classifier.score(X[700:], labels[700:])
print("Accuracies:", accuracy, by_sklearn)
assert accuracy > 0.85
assert by_sklearn > 0.85
