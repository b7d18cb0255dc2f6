"""Colour pictures of two kinds of stripes, shifted and flipped by a generator of batches."""

import numpy as np
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.models import Sequential
from keras.optimizers import SGD
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import np_utils

np.random.seed(0)
nb_classes, size = 3, 12
y = np.random.randint(0, nb_classes, 360)
rows, cols = np.mgrid[:size, :size]
waves = [np.sin(rows), np.sin(cols), np.sin(rows + cols)]
X = np.array([[c * waves[k] for c in np.random.rand(3)] for k in y]).astype("float32")
X += np.random.normal(0, 0.1, X.shape).astype("float32")
Y = np_utils.to_categorical(y, nb_classes)
X_train, Y_train, X_test, Y_test = X[:300], Y[:300], X[300:], Y[300:]

model = Sequential()
model.add(Convolution2D(8, 3, 3, border_mode="same", input_shape=X_train.shape[1:]))
model.add(Activation("relu"))
model.add(Convolution2D(8, 3, 3))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(32))
model.add(Activation("relu"))
model.add(Dropout(0.25))
model.add(Dense(nb_classes))
model.add(Activation("softmax"))
sgd = SGD(lr=0.02, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss="categorical_crossentropy", optimizer=sgd, metrics=["accuracy"])
datagen = ImageDataGenerator(
    featurewise_center=True,
    featurewise_std_normalization=True,
    rotation_range=0,
    width_shift_range=0.1,
    height_shift_range=0.1,
    horizontal_flip=False,
)
datagen.fit(X_train)
model.fit_generator(
    datagen.flow(X_train, Y_train, batch_size=32),
    samples_per_epoch=X_train.shape[0],
    nb_epoch=8,
    verbose=2,
)
mean, std = X_train.mean(axis=0), X_train.std(axis=0) + 1e-7
accuracy = model.evaluate((X_test - mean) / std, Y_test, verbose=0)[1]
print("Test accuracy:", accuracy)
assert accuracy > 0.9
